//! Dropout: zeroes each value with probability `rate` and scales the others by 1 / (1 - rate).

use runner_random::{Key, Purpose};

use super::call::{Call, Training};
use crate::flow::Flow;
use crate::parameter::tensor;

pub(super) fn drop(call: &Call<'_>, rate: f64, training: Training<'_>, flow: Flow) -> Flow {
    let length = call.layer.output.elements();
    let (rate, scale) = (rate as f32, (1.0 / (1.0 - rate)) as f32);
    let mut mask = vec![0.0; training.samples.len() * length];
    for (sample, mask) in training.samples.iter().zip(mask.chunks_exact_mut(length.max(1))) {
        let (sample, layer) = (*sample as u64, call.index as u64);
        let key = Key { sample, layer, purpose: Purpose::Dropout, ..training.key };
        key.stream().fill_uniform(mask);
        for value in mask {
            *value = if *value < rate { 0.0 } else { scale };
        }
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
