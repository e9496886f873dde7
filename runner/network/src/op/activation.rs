//! Functions of each value.

use std::f32::consts::FRAC_1_SQRT_2;

use burn::tensor::Tensor;
use burn::tensor::activation::{gelu, relu, sigmoid, silu, softmax};
use runner_experiment::architecture::Activation;

use super::kernels;

/// Of a batch of maps, `[batch, channel, height, width]`, or of vectors, `[batch, length]`; a softmax is
/// one over the second dimension.
#[must_use]
pub fn apply<const D: usize>(activation: Activation, values: Tensor<D>) -> Tensor<D> {
    match activation {
        Activation::Linear => values,
        Activation::Relu => relu(values),
        Activation::Relu6 => values.clamp(0.0, 6.0),
        Activation::Sigmoid => sigmoid(values),
        Activation::Swish => silu(values),
        Activation::HardSwish => values.clone() * hard_sigmoid(values),
        Activation::HardSigmoid => hard_sigmoid(values),
        Activation::Gelu if kernels::is_on_device(&values) && values.is_autodiff() => {
            exact_gelu(values)
        }
        Activation::Gelu => gelu(values),
        Activation::Softmax => softmax(values, 1),
    }
}

/// relu6(x + 3) / 6
fn hard_sigmoid<const D: usize>(values: Tensor<D>) -> Tensor<D> {
    (values + 3.0).clamp(0.0, 6.0) / 6.0
}

/// x · Φ(x) out of operations with exact gradients: Burn's own on GPUs has the gradient of another
/// function, the approximation by a hyperbolic tangent.
fn exact_gelu<const D: usize>(values: Tensor<D>) -> Tensor<D> {
    let distribution = (values.clone() * FRAC_1_SQRT_2).erf() + 1.0;
    values * distribution * 0.5
}
