//! The one place where a convolution is called, so that a faster one has one place to go.

use burn::tensor::Tensor;
use burn::tensor::activation::relu;
use burn::tensor::module::{conv2d, max_pool2d};
use burn::tensor::ops::{ConvOptions, MaxPoolOptions};

/// Names the implementation: part of the address of cached features, since another one rounds
/// differently.
pub const IMPLEMENTATION: &str = "burn-0.22.1";

/// 3×3 convolution with stride 1, bias, and ReLU.
///
/// # Shapes
///
/// - `input`: `[batch, in, height, width]`
/// - `kernel`: `[out, in, 3, 3]`, `bias`: `[out]`
/// - result: `[batch, out, height + 2 padding - 2, width + 2 padding - 2]`
#[must_use]
pub fn convolution(
    input: Tensor<4>,
    kernel: Tensor<4>,
    bias: Tensor<1>,
    padding: usize,
) -> Tensor<4> {
    let options = ConvOptions::new([1, 1], [padding, padding], [1, 1], 1);
    relu(conv2d(input, kernel, Some(bias), options))
}

/// 2×2 maximum with stride 2; an odd last row or column is dropped.
///
/// # Shapes
///
/// `[batch, channel, height, width]` to `[batch, channel, height / 2, width / 2]`
#[must_use]
pub fn max_pool(input: Tensor<4>) -> Tensor<4> {
    max_pool2d(input, MaxPoolOptions::new([2, 2]))
}
