//! Dropout: zeroes each value with probability `rate` and scales the others by 1 / (1 - rate).

use burn::tensor::{Device, Tensor};
use runner_random::{Key, Purpose};

use super::call::{Call, Training};
use crate::flow::Flow;
use crate::on_device;
use crate::parameter::tensor;
use crate::reading::is_on_host;

pub(super) fn drop(call: &Call<'_>, rate: f64, training: Training<'_>, flow: Flow) -> Flow {
    let length = call.layer.output.elements();
    let keys = training.samples.iter().map(|sample| {
        let (sample, layer) = (*sample as u64, call.index as u64);
        Key { sample, layer, purpose: Purpose::Dropout, ..training.key }
    });
    match flow {
        Flow::Map(map) => {
            let mask = mask(keys, length, rate, &map).reshape(map.dims());
            Flow::Map(map * mask)
        }
        Flow::Vector(rows) => {
            let mask = mask(keys, length, rate, &rows).reshape(rows.dims());
            Flow::Vector(rows * mask)
        }
    }
}

/// What the values of a batch are multiplied by, flat: the same bits on every device.
fn mask<const D: usize>(
    keys: impl ExactSizeIterator<Item = Key>,
    length: usize,
    rate: f64,
    like: &Tensor<D>,
) -> Tensor<1> {
    let device = like.device().without_autodiff();
    if is_on_host(like) {
        return drawn_here(keys, length, rate, &device);
    }
    let keys: Vec<Key> = keys.collect();
    let seeds: Vec<[u8; 32]> = keys.iter().map(|key| key.seed_of_stream()).collect();
    on_device::dropout::mask(&seeds, length, rate, &device)
        .unwrap_or_else(|_| drawn_here(keys.into_iter(), length, rate, &device))
}

fn drawn_here(
    keys: impl ExactSizeIterator<Item = Key>,
    length: usize,
    rate: f64,
    device: &Device,
) -> Tensor<1> {
    let (rate, scale) = (rate as f32, (1.0 / (1.0 - rate)) as f32);
    let mut mask = vec![0.0; keys.len() * length];
    for (key, mask) in keys.zip(mask.chunks_exact_mut(length.max(1))) {
        key.stream().fill_uniform(mask);
        for value in mask {
            *value = if *value < rate { 0.0 } else { scale };
        }
    }
    tensor(mask, device)
}

#[cfg(test)]
mod tests {
    use runner_experiment::section::run::DeviceName;

    use super::*;
    use crate::device::select;
    use crate::error::NetworkError;
    use crate::parameter::read;

    #[test]
    #[expect(clippy::print_stderr, reason = "a test that did nothing says so")]
    fn a_gpu_draws_the_masks_of_the_host_bit_for_bit() -> Result<(), NetworkError> {
        let Ok(gpu) = select(DeviceName::Vulkan(None)) else {
            eprintln!("skipped: no Vulkan device answers");
            return Ok(());
        };
        let keys = |count: u64| {
            let key = Key { stage: 1, epoch: 3, layer: 5, ..Key::new(42, Purpose::Dropout) };
            (0..count).map(move |sample| Key { sample: sample * sample, ..key })
        };
        for (images, length, rate) in [(1, 1, 0.5), (3, 37, 0.25), (5, 256, 0.5), (2, 1000, 0.1)] {
            let seeds: Vec<_> = keys(images).map(Key::seed_of_stream).collect();
            let here = drawn_here(
                keys(images).collect::<Vec<_>>().into_iter(),
                length,
                rate,
                &Device::flex(),
            );
            let there = on_device::dropout::mask(&seeds, length, rate, &gpu.device)?;
            let pairs = read(here)?.into_iter().zip(read(there)?);
            let differing = pairs.filter(|(a, b)| a.to_bits() != b.to_bits()).count();
            assert_eq!(differing, 0, "{images} images of {length}");
        }
        Ok(())
    }
}
