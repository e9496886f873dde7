//! One step of one parameter on the GPU, in place and in one kernel, whatever the optimizer.
//!
//! What an optimizer computes comes as a [`Program`]: a list of operations on registers, which the
//! kernel is compiled from. Its numbers, among them the learning rate, come with each launch, so that a
//! schedule compiles nothing. Norms over whole parameters are computed in kernels of their own, and
//! stay on the device.

mod program;
#[cfg(feature = "gpu")]
mod reduce;
#[cfg(feature = "gpu")]
mod update;

use burn::tensor::Tensor;

pub use program::{Instruction, Operation, Program};

use super::with_gpu;
use crate::error::NetworkError;

/// What a step needs beside tensors.
#[derive(Debug, Clone, Copy)]
pub struct Step<'a> {
    /// From a gradient to a step and to new slots.
    pub program: &'a Program,
    /// Its numbers.
    pub numbers: &'a [f32],
    /// Factor of the gradient, one value on the device.
    pub scale: Option<&'a Tensor<1>>,
    /// The gradient's values are cut off at this, either way.
    pub limit: f32,
    /// Share of the parameter that is taken off before.
    pub decay: f32,
    /// Where the step is to be scaled by ‖parameter‖ / ‖step‖: the learning rate.
    pub layerwise_rate: Option<f32>,
}

/// Takes a step: `value` and `slots` are replaced by what they become. `spare` is any tensor of the
/// device, whose values are not used.
///
/// # Errors
///
/// [`NetworkError::Bug`] in a build without GPUs, or for a program with other slots.
pub fn step(
    step: Step<'_>,
    value: &mut Tensor<1>,
    gradient: Tensor<1>,
    slots: Vec<Tensor<1>>,
    spare: &Tensor<1>,
) -> Result<Vec<Tensor<1>>, NetworkError> {
    if slots.len() != step.program.state.len() || slots.len() > 2 {
        return Err(NetworkError::Bug("an optimizer with other slots".to_owned()));
    }
    with_gpu!((step, value, gradient, slots, spare) {
        update::step(step, value, gradient, slots, spare)
    })
}

/// limit / max(norm over all gradients, limit), one value on the device.
///
/// # Errors
///
/// [`NetworkError::Bug`] in a build without GPUs.
pub fn clip(gradients: &[Tensor<1>], limit: f64) -> Result<Tensor<1>, NetworkError> {
    with_gpu!((gradients, limit) { reduce::clip(gradients, limit as f32) })
}

/// `average` becomes `kept` times itself plus `new` times `value`.
///
/// # Errors
///
/// [`NetworkError::Bug`] in a build without GPUs.
pub fn average(
    average: &mut Tensor<1>,
    value: &Tensor<1>,
    [kept, new]: [f32; 2],
) -> Result<(), NetworkError> {
    with_gpu!((average, value, kept, new) { update::average(average, value, [kept, new]) })
}
