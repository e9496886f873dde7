//! Convolutions by Burn's trials, where the experiment asks for them.

use burn::tensor::ops::ConvOptions;
use burn_cubecl::kernel::conv::{ConvStrategy, conv_forward};
use burn_cubecl::tensor::CubeTensor;

use super::arranged::arranged;
use super::kernel::activation::Epilogue;
use super::launch::sizes;
use super::product::{self, Geometry};

/// The sums of a convolution without bias.
pub(super) fn forward(input: &CubeTensor, kernel: &CubeTensor, geometry: Geometry) -> CubeTensor {
    let [_, _, height, width] = sizes(input);
    let around = |axis: usize, size: usize| {
        let Geometry { kernel, stride, before, output, .. } = geometry;
        let seen = (output[axis] - 1) * stride + kernel[axis];
        (before[axis], seen.saturating_sub(size + before[axis]))
    };
    let options = ConvOptions::new_with_padding(
        [geometry.stride; 2],
        [around(0, height), around(1, width)],
        [1, 1],
        1,
    );
    let strategy = ConvStrategy::Autotune;
    match conv_forward::<2>(input.clone(), kernel.clone(), None, options, strategy) {
        Ok(out) => arranged(&out, input.dtype),
        Err(_) => {
            let none = Epilogue::NONE;
            product::convolution(input, kernel, kernel, geometry, none, input.dtype)
        }
    }
}
