//! Dropout: zeroes each value with probability `rate` and scales the others by 1 / (1 - rate).

use runner_random::{Key, Purpose};

use super::call::{Call, Training};
use crate::flow::Flow;
use crate::parameter::tensor;

pub(super) fn drop(call: &Call<'_>, rate: f64, training: Training<'_>, flow: Flow) -> Flow {
    let length = call.layer.output.elements();
    let (rate, scale) = (rate as f32, (1.0 / (1.0 - rate)) as f32);
    let mut mask = Vec::with_capacity(training.samples.len() * length);
    for sample in training.samples {
        let (sample, layer) = (*sample as u64, call.index as u64);
        let key = Key { sample, layer, purpose: Purpose::Dropout, ..training.key };
        let mut stream = key.stream();
        mask.extend((0..length).map(|_| if stream.uniform() < rate { 0.0 } else { scale }));
    }
    match flow {
        Flow::Map(map) => {
            let mask = tensor(mask, &map.device().without_autodiff()).reshape(map.dims());
            Flow::Map(map * mask)
        }
        Flow::Vector(rows) => {
            let mask = tensor(mask, &rows.device().without_autodiff()).reshape(rows.dims());
            Flow::Vector(rows * mask)
        }
    }
}
