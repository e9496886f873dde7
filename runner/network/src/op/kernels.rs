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
mod tests {
    use burn::tensor::{Device, TensorData};

    use super::*;
    use crate::parameter::read;
    use runner_random::{Key, Purpose};

    fn numbers<const D: usize>(shape: [usize; D], seed: u64) -> Tensor<D> {
        let mut stream = Key::new(seed, Purpose::Generate).stream();
        let count = shape.iter().product();
        let values: Vec<f32> = (0..count).map(|_| stream.uniform() - 0.5).collect();
        Tensor::from_data(TensorData::new(values, shape), &Device::flex())
    }

    fn exact(padding: usize, blocks: bool) -> Settings {
        Settings { padding, precision: Precision::F32, relu: true, blocks }
    }

    /// Burn's own, as an independent answer.
    fn burns(input: Tensor<4>, kernel: Tensor<4>, bias: Tensor<1>, padding: usize) -> Tensor<4> {
        let options = ConvOptions::new([1, 1], [padding, padding], [1, 1], 1);
        burn::tensor::activation::relu(conv2d(input, kernel, Some(bias), options))
    }

    fn assert_near<const D: usize>(burns: Tensor<D>, ours: Tensor<D>, what: &str) {
        assert_eq!(burns.dims(), ours.dims(), "{what}");
        let (burns, ours) = (read(burns).unwrap(), read(ours).unwrap());
        let top = burns.iter().fold(0.0_f32, |top, value| top.max(value.abs()));
        for (burn, our) in burns.iter().zip(ours) {
            assert!((burn - our).abs() < 1e-5 * top, "{what}: {burn} and {our}");
        }
    }

    const SHAPES: [(usize, usize, usize, usize); 5] =
        [(3, 20, 17, 1), (16, 32, 18, 1), (20, 24, 9, 0), (32, 16, 2, 1), (3, 8, 12, 0)];

    #[test]
    fn equals_burns_own_operations() {
        for (channels, outputs, side, padding) in SHAPES {
            let input = numbers([2, channels, side, side], 1);
            let kernel = numbers([outputs, channels, 3, 3], 2);
            let bias = numbers([outputs], 3);
            let burns = burns(input.clone(), kernel.clone(), bias.clone(), padding);
            for blocks in [false, true] {
                let input = Map::Planar(input.clone());
                let ours =
                    convolution(input, kernel.clone(), None, bias.clone(), exact(padding, blocks));
                assert_near(burns.clone(), ours.clone().planar(), "convolution");
                if side >= 4 {
                    let burns = max_pool2d(burns.clone(), MaxPoolOptions::new([2, 2]));
                    assert_near(burns, max_pool(ours).planar(), "pool");
                }
            }
        }
    }

    /// What a network of two convolutions and a pool sends back to each of its leaves.
    fn gradients(
        leaves: &[Tensor<1>; 5],
        (channels, outputs, side, padding): (usize, usize, usize, usize),
        ours: Option<bool>,
    ) -> Vec<Tensor<1>> {
        let leaves = leaves.clone().map(|leaf| leaf.autodiff().require_grad());
        let [input, first, bias, second, other] = leaves.clone();
        let input = input.reshape([2, channels, side, side]);
        let first = first.reshape([outputs, channels, 3, 3]);
        let second = second.reshape([outputs, outputs, 3, 3]);
        let out = if let Some(blocks) = ours {
            let hidden = convolution(Map::Planar(input), first, None, bias, exact(padding, blocks));
            max_pool(convolution(hidden, second, None, other, exact(padding, blocks))).planar()
        } else {
            let hidden = burns(input, first, bias, padding);
            let out = burns(hidden, second, other, padding);
            max_pool2d(out, MaxPoolOptions::new([2, 2]))
        };
        let weights = numbers(out.dims(), 9);
        let mut graph = (out * weights).sum().backward();
        leaves.iter().map(|leaf| leaf.grad_remove(&mut graph).unwrap()).collect()
    }

    #[test]
    fn gradients_equal_those_of_burns_own_operations() {
        for shape in [(3, 20, 17, 1), (16, 32, 18, 1), (20, 24, 9, 0), (32, 16, 3, 1)] {
            let (channels, outputs, side, _) = shape;
            let leaves = [
                numbers([2 * channels * side * side], 1),
                numbers([outputs * channels * 9], 2),
                numbers([outputs], 3),
                numbers([outputs * outputs * 9], 4),
                numbers([outputs], 5),
            ];
            for blocks in [false, true] {
                let burns = gradients(&leaves, shape, None).into_iter();
                let both = burns.zip(gradients(&leaves, shape, Some(blocks)));
                for (index, (burns, ours)) in both.enumerate() {
                    assert_near(burns, ours, &format!("{shape:?}, blocks {blocks}, leaf {index}"));
                }
            }
        }
    }

    #[test]
    fn dense_equals_burns_own_product_with_its_gradients() {
        for (images, inputs, outputs) in [(3, 70, 32), (20, 600, 16)] {
            let gradients = |ours: bool| {
                let leaves = [numbers([images, inputs], 1), numbers([inputs, outputs], 2)]
                    .map(|leaf| leaf.autodiff().require_grad());
                let [input, kernel] = leaves.clone();
                let out = if ours { product(input, kernel) } else { input.matmul(kernel) };
                let weights = numbers(out.dims(), 3);
                let mut graph = (out.clone() * weights).sum().backward();
                let [input, kernel] = leaves.map(|leaf| leaf.grad_remove(&mut graph).unwrap());
                [out.inner(), input, kernel]
            };
            for (burns, ours) in gradients(false).into_iter().zip(gradients(true)) {
                assert_near(burns, ours, "dense");
            }
        }
    }

    #[test]
    fn a_frozen_layer_between_trained_ones_passes_the_gradient_on() {
        let leaf = |values: Tensor<4>| values.autodiff().require_grad();
        let (input, frozen) = (numbers([2, 16, 8, 8], 1), numbers([16, 16, 3, 3], 2));
        let bias = numbers([16], 3);
        let run = |ours: bool| {
            let trained = leaf(numbers([16, 16, 3, 3], 4));
            let layer = |map: Tensor<4>, kernel: Tensor<4>| match ours {
                true => convolution(Map::Planar(map), kernel, None, bias.clone(), exact(1, false))
                    .planar(),
                false => burns(map, kernel, bias.clone(), 1),
            };
            let out = layer(layer(input.clone(), trained.clone()), frozen.clone());
            let mut graph = out.sum().backward();
            trained.grad_remove(&mut graph).unwrap()
        };
        assert_near(run(false), run(true), "kernel");
    }
}
