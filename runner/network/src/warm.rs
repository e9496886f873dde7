//! Kernels before the first batch: one pass over made-up images makes the driver compile them while the
//! real ones are still being read.
//!
//! CubeCL compiles on the thread of a device, one kernel after the other, and holds that thread
//! meanwhile: passes on several threads would wait for each other, so there is one. What was compiled by
//! an earlier process of the same build comes from CubeCL's cache.

use std::collections::BTreeSet;
use std::ops::Range;

use burn::tensor::Tensor;
#[cfg(feature = "gpu")]
use burn_cubecl::cubecl::launched::LaunchedKernels;
use runner_experiment::architecture::Shape;
use runner_random::{Key, Purpose};

use crate::error::NetworkError;
use crate::flow::Flow;
use crate::inference::{self, Inference};
use crate::network::Network;
use crate::on_device::readback::Readback;
use crate::op::Training;
use crate::parameter::read;

/// What a pass is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pass {
    /// Values of these layers, as [`Inference`] computes them.
    Values(Range<usize>),
    /// A training step of these layers up to the gradients; those that are trained.
    Gradients(Range<usize>, BTreeSet<usize>),
}

/// How far the passes have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Warming {
    /// Passes that are done, and all of them.
    pub passes: [usize; 2],
    /// Different kernels that they launched.
    pub kernels: usize,
}

/// Runs each pass once with each number of images; nothing on the CPU. `progress` hears of each.
///
/// # Errors
///
/// [`NetworkError::Compute`] where the device fails and [`NetworkError::Unsound`] where it computes wrong
/// results: no later batch would do better.
pub fn warm(
    network: &Network,
    passes: &[(Pass, usize)],
    progress: &mut dyn FnMut(Warming),
) -> Result<(), NetworkError> {
    if network.compute.is_host() {
        return Ok(());
    }
    #[cfg(feature = "gpu")]
    crate::gpu::require_sound(&network.compute)?;
    let mut kernels = BTreeSet::new();
    for (done, (pass, images)) in passes.iter().enumerate() {
        progress(Warming { passes: [done, passes.len()], kernels: kernels.len() });
        let run = || match pass {
            Pass::Values(layers) => values(network, layers.clone(), *images),
            Pass::Gradients(layers, trained) => {
                gradients(network, layers.clone(), trained, *images)
            }
        };
        kernels.extend(launched(run)?);
    }
    progress(Warming { passes: [passes.len(); 2], kernels: kernels.len() });
    Ok(())
}

/// The names of the kernels that `run` launched.
fn launched(run: impl FnOnce() -> Result<(), NetworkError>) -> Result<Vec<String>, NetworkError> {
    #[cfg(feature = "gpu")]
    {
        let launched = LaunchedKernels::new();
        run()?;
        Ok(launched.finish().into_iter().map(|kernel| format!("{kernel:?}")).collect())
    }
    #[cfg(not(feature = "gpu"))]
    run().map(|()| Vec::new())
}

/// Not zeros: what matrix units compute is compared with exact products the first time.
fn made_up(network: &Network, layer: usize, images: usize) -> (Shape, Vec<f32>) {
    let shape = network.layers[layer].input;
    let mut values = vec![0.0; images * shape.elements()];
    Key::new(0, Purpose::Generate).stream().fill_uniform(&mut values);
    (shape, values)
}

fn values(network: &Network, layers: Range<usize>, images: usize) -> Result<(), NetworkError> {
    if layers.is_empty() {
        return Ok(());
    }
    let (_, pixels) = made_up(network, layers.start, images);
    let prepared = Inference::new(network, layers)?;
    inference::values(prepared.forward(pixels, images)).map(drop)
}

fn gradients(
    network: &Network,
    layers: Range<usize>,
    trained: &BTreeSet<usize>,
    images: usize,
) -> Result<(), NetworkError> {
    if layers.is_empty() {
        return Ok(());
    }
    let (shape, pixels) = made_up(network, layers.start, images);
    let mut parameters = network.values();
    let leaves: Vec<usize> = network
        .indices(trained)
        .into_iter()
        .filter(|index| network.parameters[*index].role.is_trainable())
        .collect();
    for index in &leaves {
        parameters[*index] = parameters[*index].clone().autodiff().require_grad();
    }
    let samples: Vec<usize> = (0..images).collect();
    let training = Training { key: Key::new(0, Purpose::Dropout), samples: &samples };
    let input = Flow::batch(pixels, images, shape, &network.compute);
    let (out, _) = network.forward_training(layers.clone(), input, &parameters, training);
    let loss: Tensor<1> = out.rows().mean();
    if leaves.is_empty() {
        return read(loss).map(drop);
    }
    let mut gradients = loss.backward();
    let leaves = leaves.into_iter();
    let found = leaves.filter_map(|index| parameters[index].grad_remove(&mut gradients));
    // All in one: each wait would leave the device without work.
    Readback::start(found.collect())?.wait().map(drop)
}
