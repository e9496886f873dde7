//! A GPU against the CPU: every operation, forward and back, and whole networks. Without a GPU that
//! answers these say so and pass. With `--features vulkan` a software Vulkan is enough.

mod burn;
mod count;
mod networks;
mod operations;
mod precision;

use ::burn::tensor::{Device, Tensor, TensorData};
use runner_experiment::architecture::{Builder, Layer, Op, Role};
use runner_experiment::section::run::DeviceName;
use runner_random::{Key, Purpose};

use super::sound::is_sound;
use crate::device::{Compute, select};
use crate::network::Network;
use crate::parameter::read;
use crate::weights::{LayerWeights, Weights};

/// The first GPU that answers, or a line that says there is none.
#[expect(clippy::print_stdout, reason = "says why a test did nothing")]
fn gpu() -> Option<Compute> {
    let wanted = [DeviceName::Cuda(None), DeviceName::Vulkan(None)];
    let found = wanted.into_iter().find_map(|name| select(name).ok());
    let sound = found.clone().filter(|compute| is_sound(&compute.device));
    match (&found, &sound) {
        (None, _) => println!("skipped: no GPU answers"),
        (_, None) => println!("skipped: the driver computes wrong results"),
        _ => {}
    }
    sound
}

/// Numbers around zero.
fn numbers(count: usize, seed: u64) -> Vec<f32> {
    let mut stream = Key::new(seed, Purpose::Generate).stream();
    (0..count).map(|_| stream.uniform() - 0.5).collect()
}

fn tensor<const D: usize>(shape: [usize; D], seed: u64, device: &Device) -> Tensor<D> {
    let values = numbers(shape.iter().product(), seed);
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// Layers in a row.
fn in_a_row(size: [usize; 2], ops: &[Op]) -> Vec<Layer> {
    let mut net = Builder::new(size);
    for (index, op) in ops.iter().enumerate() {
        net.push(format!("layer{index}"), *op);
    }
    net.finish().unwrap_or_default()
}

/// Layers with generated parameters, small enough that values keep their size.
fn generated(layers: Vec<Layer>, compute: &Compute) -> Network {
    let mut weights = Weights::new();
    for (seed, layer) in (100..).step_by(10).zip(&layers) {
        let mut values = LayerWeights::new();
        for (salt, spec) in (0..).zip(layer.specs()) {
            let fan = spec.length() / spec.shape.first().copied().unwrap_or(1).max(1);
            let mut value = numbers(spec.length(), seed + salt);
            for value in &mut value {
                *value = match spec.role {
                    Role::Kernel => *value * (12.0 / fan.max(1) as f32).sqrt(),
                    Role::MovingVariance => value.abs() + 0.5,
                    Role::Gamma => 1.0 + *value,
                    _ => *value,
                };
            }
            values.insert(spec.role, value);
        }
        weights.insert(layer.name.clone(), values);
    }
    Network::new(layers, weights, 0, compute.clone())
}

/// Every value within `bound` of the largest one.
fn assert_near(expected: &[f32], found: &[f32], bound: f32, what: &str) {
    assert_eq!(expected.len(), found.len(), "{what}");
    let top = expected.iter().fold(1e-30_f32, |top, value| top.max(value.abs()));
    for (index, (one, other)) in expected.iter().zip(found).enumerate() {
        let apart = (one - other).abs();
        assert!(apart <= bound * top, "{what}, value {index}: {one} and {other}, largest {top}");
    }
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    read(tensor).expect("the device lost values")
}
