//! The heavy products of VGG-like networks by this project's own kernels: on the CPU as here, on GPUs
//! as `gpu` has them.

use burn::backend::Dispatch;
use burn::tensor::module::{conv2d, max_pool2d};
use burn::tensor::ops::{ConvOptions, MaxPoolOptions};
use burn::tensor::{DType, Tensor};
use runner_convolution::{ConvShape, Convolution, Dense, Extent, Layout, Pool, Precision};
use runner_experiment::architecture::Activation;
#[cfg(feature = "gpu")]
use runner_experiment::architecture::op::Pooling;
use runner_experiment::section::run;

use super::activation;
use crate::extension::{Filtered, Maps};
use crate::reading::is_on_host;

/// A batch of maps between two layers.
#[derive(Debug, Clone)]
pub enum Map {
    /// `[batch, channel, height, width]`
    Planar(Tensor<4>),
    /// `[batch, channel / 16, height × width, 16]`, as this project's own operations want it.
    Blocks {
        /// The values.
        values: Tensor<4>,
        /// The size of each map.
        extent: Extent,
    },
}

impl Map {
    pub(super) fn new(values: Tensor<4>, extent: Extent, layout: Layout) -> Self {
        match layout {
            Layout::Nchw => Self::Planar(values),
            Layout::Nchw16c => Self::Blocks { values, extent },
        }
    }

    /// `[batch, channel, height, width]`
    #[must_use]
    pub fn planar(self) -> Tensor<4> {
        match self {
            Self::Planar(values) => values,
            Self::Blocks { values, extent } => {
                Tensor::from_dispatch(<Dispatch as Maps>::planar(values.into_dispatch(), extent))
            }
        }
    }

    pub(super) fn extent(&self) -> Extent {
        match self {
            Self::Blocks { extent, .. } => *extent,
            Self::Planar(values) => {
                let [_, channels, height, width] = values.dims();
                Extent { channels, height, width }
            }
        }
    }

    pub(super) fn parts(self) -> (Tensor<4>, Layout) {
        match self {
            Self::Planar(values) => (values, Layout::Nchw),
            Self::Blocks { values, .. } => (values, Layout::Nchw16c),
        }
    }
}

/// How a convolution is computed.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Rows and columns of zeros on each side: 0 or 1.
    pub padding: usize,
    /// What the factors of its products are rounded to, on the CPU.
    pub precision: Precision,
    /// Whether ReLU follows.
    pub relu: bool,
    /// Whether what follows is an operation of this module, which wants maps in blocks.
    pub blocks: bool,
}

/// The CPU's precision for one that an experiment names: it has no `tf32`.
#[must_use]
pub fn precision(precision: run::Precision) -> Precision {
    match precision {
        run::Precision::Bf16 => Precision::Bf16,
        run::Precision::F32 | run::Precision::Tf32 => Precision::F32,
    }
}

/// 3×3 convolution with stride 1, a factor for each output where there is one, and a bias.
///
/// # Shapes
///
/// - `input`: `[batch, in, height, width]`
/// - `kernel`: `[out, in, 3, 3]`, `scale` and `bias`: `[out]`
/// - result: `[batch, out, height + 2 padding - 2, width + 2 padding - 2]`
#[must_use]
pub fn convolution(
    input: Map,
    kernel: Tensor<4>,
    scale: Option<Tensor<1>>,
    bias: Tensor<1>,
    settings: Settings,
) -> Map {
    let Settings { padding, precision, relu, blocks } = settings;
    let extent = input.extent();
    let (input, from) = input.parts();
    let ([images, ..], [outputs, ..]) = (input.dims(), kernel.dims());
    let shape = ConvShape { images, input: extent, outputs, padding };
    let is_here = on_host(&input) && on_host(&kernel) && on_host(&bias);
    if !(Convolution::takes(shape) && is_here && scale.as_ref().is_none_or(on_host)) {
        let input = Map::new(input, extent, from).planar();
        let kernel = match scale {
            Some(scale) => kernel * scale.reshape([outputs, 1, 1, 1]),
            None => kernel,
        };
        let options = ConvOptions::new([1, 1], [padding, padding], [1, 1], 1);
        let sum = conv2d(input, kernel, Some(bias), options);
        return Map::Planar(if relu { burn::tensor::activation::relu(sum) } else { sum });
    }
    let to = if blocks { Layout::between(outputs) } else { Layout::Nchw };
    let convolution = Convolution { from, to, ..Convolution::in_precision(shape, precision) };
    let filtered = Filtered { convolution, relu, scaled: scale.is_some() };
    let out = Tensor::from_dispatch(<Dispatch as Maps>::convolution(
        input.into_dispatch(),
        kernel.into_dispatch(),
        scale.unwrap_or_else(|| bias.clone()).into_dispatch(),
        bias.into_dispatch(),
        filtered,
    ));
    Map::new(out, shape.output(), to)
}

/// 2×2 maximum with stride 2; an odd last row or column is dropped.
///
/// # Shapes
///
/// `[batch, channel, height, width]` to `[batch, channel, height / 2, width / 2]`
#[must_use]
pub fn max_pool(input: Map) -> Map {
    let extent = input.extent();
    let (input, layout) = input.parts();
    #[cfg(feature = "gpu")]
    if is_on_device(&input) {
        return Map::Planar(crate::gpu::layers::max_pool(Pooling::HALVES, input));
    }
    if input.dims()[0] * extent.pooled().len() == 0 || !on_host(&input) {
        let input = Map::new(input, extent, layout).planar();
        return Map::Planar(max_pool2d(input, MaxPoolOptions::new([2, 2])));
    }
    let pool = Pool { extent, layout };
    let out = Tensor::from_dispatch(<Dispatch as Maps>::max_pool(input.into_dispatch(), pool));
    Map::new(out, extent.pooled(), layout)
}

/// A fully connected layer with bias, and its activation.
///
/// # Shapes
///
/// `[batch, in]`, `[in, out]` and `[out]` to `[batch, out]`
#[must_use]
pub fn dense(
    input: Tensor<2>,
    kernel: Tensor<2>,
    bias: Tensor<1>,
    activation: Activation,
) -> Tensor<2> {
    #[cfg(feature = "gpu")]
    if is_on_device(&kernel) {
        let function = crate::gpu::fused(activation);
        let part = function.unwrap_or(crate::gpu::Function::Linear);
        let sum = crate::gpu::layers::dense(input, kernel, bias, part);
        return if function.is_some() { sum } else { activation::apply(activation, sum) };
    }
    activation::apply(activation, product(input, kernel) + bias.unsqueeze())
}

fn product(input: Tensor<2>, kernel: Tensor<2>) -> Tensor<2> {
    let [inputs, outputs] = kernel.dims();
    if !(Dense::takes(inputs, outputs) && on_host(&input) && on_host(&kernel)) {
        return input.matmul(kernel);
    }
    Tensor::from_dispatch(<Dispatch as Maps>::dense(input.into_dispatch(), kernel.into_dispatch()))
}

/// A function that does the same to each value of maps.
#[must_use]
pub fn each(map: Tensor<4>, f: impl FnOnce(Tensor<4>) -> Tensor<4>) -> Tensor<4> {
    #[cfg(feature = "gpu")]
    if is_on_device(&map) {
        return crate::gpu::layers::channels_last(map, f);
    }
    f(map)
}

/// The values as `f32`, which sums, statistics and whatever leaves a network are computed in.
#[must_use]
pub fn wide<const D: usize>(values: Tensor<D>) -> Tensor<D> {
    cast(values, DType::F32)
}

/// The values in this type; no operation where they are.
#[must_use]
pub fn cast<const D: usize>(values: Tensor<D>, dtype: DType) -> Tensor<D> {
    if values.dtype() == dtype { values } else { values.cast(dtype) }
}

/// Whether a GPU has the values.
pub(super) fn is_on_device<const D: usize>(tensor: &Tensor<D>) -> bool {
    !is_on_host(tensor)
}

/// Whether the values lie in this process's memory.
pub(super) fn on_host<const D: usize>(tensor: &Tensor<D>) -> bool {
    tensor.dtype() == DType::F32 && is_on_host(tensor)
}

#[cfg(test)]
mod tests;
