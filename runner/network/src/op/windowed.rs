//! Convolutions with windows of any size on the CPU, and what follows them.

use burn::backend::Dispatch;
use burn::tensor::Tensor;
use runner_convolution::{self as convolution, Isa, Layout, Windowed, Windows};
use runner_experiment::architecture::Activation;

use super::activation;
use super::kernels::{Map, on_host};
use crate::extension::Maps;

/// What maps are multiplied by and what is added.
pub(super) struct Parts {
    /// `[out, in, rows, columns]`, or `[channel, 1, rows, columns]`.
    pub kernel: Tensor<4>,
    /// A factor for each output, `[out]`.
    pub scale: Option<Tensor<1>>,
    /// `[out]`
    pub bias: Option<Tensor<1>>,
    /// Of the size of what comes out.
    pub residual: Option<Map>,
}

/// How a convolution is computed.
pub(super) struct How {
    pub windows: Windows,
    /// Whether there is one filter per channel.
    pub depthwise: bool,
    /// What follows.
    pub activation: Activation,
    /// Whether what comes out is wanted in blocks.
    pub blocks: bool,
    /// Whether a step of training computes it, where a few percent of the time count.
    pub is_training: bool,
}

/// Whether this project's kernels compute the convolution: all values are on the CPU, and its shape is
/// one for them.
pub(super) fn takes(input: &Map, parts: &Parts, windows: &Windows) -> bool {
    let values = |map: &Map| match map {
        Map::Planar(values) | Map::Blocks { values, .. } => (values.dims()[0], on_host(values)),
    };
    let (images, is_here) = values(input);
    Windowed::takes(images, input.extent(), parts.kernel.dims()[0], windows)
        && is_here
        && on_host(&parts.kernel)
        && [&parts.scale, &parts.bias].into_iter().flatten().all(on_host)
        && parts.residual.as_ref().is_none_or(|map| values(map).1)
}

/// The kernels' name for an activation whose derivative they know.
pub(crate) fn function(activation: Activation) -> Option<convolution::Activation> {
    let function = match activation {
        Activation::Linear => convolution::Activation::Linear,
        Activation::Relu => convolution::Activation::Relu,
        Activation::Relu6 => convolution::Activation::Relu6,
        _ => return None,
    };
    Windowed::has_gradient(function).then_some(function)
}

/// A convolution that [`takes`] says yes to.
///
/// # Shapes
///
/// `[batch, in, height, width]`, `[out, in, rows, columns]` and `[out]` to `[batch, out, …]` with one
/// value for each window
pub(super) fn apply(input: Map, parts: Parts, how: How) -> Map {
    let Parts { kernel, scale, bias, residual } = parts;
    let [outputs, ..] = kernel.dims();
    let device = kernel.device();
    let scale = scale.unwrap_or_else(|| Tensor::ones([outputs], &device));
    let bias = bias.unwrap_or_else(|| Tensor::zeros([outputs], &device));
    let known = function(how.activation);
    let extent = input.extent();
    let (input, from) = input.parts();
    let residual = residual.map(Map::parts);
    let blocks = how.blocks && known.is_some();
    let windowed = Windowed {
        images: input.dims()[0],
        input: extent,
        outputs,
        windows: how.windows,
        depthwise: how.depthwise,
        activation: known.unwrap_or_default(),
        from,
        to: if blocks { Layout::between(outputs) } else { Layout::Nchw },
        residual: residual.as_ref().map(|(_, layout)| *layout),
        short_parts: !how.is_training,
        isa: Isa::best(),
    };
    // Without one, something stands in its place that is not read.
    let residual = match residual {
        Some((values, _)) => values.into_dispatch(),
        None => bias.clone().into_dispatch(),
    };
    let out = Tensor::from_dispatch(<Dispatch as Maps>::windowed(
        input.into_dispatch(),
        kernel.into_dispatch(),
        scale.into_dispatch(),
        bias.into_dispatch(),
        residual,
        windowed,
    ));
    let out = Map::new(out, windowed.output(), windowed.to);
    match known {
        Some(_) => out,
        None => Map::Planar(activation::apply(how.activation, out.planar())),
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::module::conv2d;
    use burn::tensor::ops::ConvOptions;
    use burn::tensor::{Device, TensorData};
    use runner_random::{Key, Purpose};

    use super::*;
    use crate::parameter::read;

    fn numbers(count: usize, seed: u64) -> Tensor<1> {
        let mut stream = Key::new(seed, Purpose::Generate).stream();
        let values: Vec<f32> = (0..count).map(|_| stream.uniform() - 0.5).collect();
        Tensor::from_data(TensorData::new(values, [count]), &Device::flex())
    }

    /// A convolution with everything that may follow it.
    #[derive(Debug, Clone, Copy)]
    struct Case {
        size: usize,
        stride: usize,
        depthwise: bool,
        activation: Activation,
        /// Whether a convolution of pixels follows, and maps between the two are in blocks.
        blocks: bool,
    }

    impl Case {
        fn outputs(self) -> usize {
            if self.depthwise { 20 } else { 24 }
        }

        fn places(self) -> [usize; 2] {
            let around = 2 * (self.size / 2);
            [9, 8].map(|length: usize| (length + around - self.size) / self.stride + 1)
        }

        /// Input, kernel, scale, bias, residual and a second kernel.
        fn leaves(self) -> [Tensor<1>; 6] {
            let depth = if self.depthwise { 1 } else { 20 };
            let (outputs, [height, width]) = (self.outputs(), self.places());
            let lengths = [
                2 * 20 * 9 * 8,
                outputs * depth * self.size * self.size,
                outputs,
                outputs,
                2 * outputs * height * width,
                24 * outputs,
            ];
            let mut seed = 0;
            lengths.map(|count| {
                seed += 1;
                numbers(count, seed).autodiff().require_grad()
            })
        }

        /// Two kernels, as they lie in what they convolve.
        fn kernels(self, [first, second]: [&Tensor<1>; 2]) -> [Tensor<4>; 2] {
            let depth = if self.depthwise { 1 } else { 20 };
            let outputs = self.outputs();
            [
                first.clone().reshape([outputs, depth, self.size, self.size]),
                second.clone().reshape([24, outputs, 1, 1]),
            ]
        }

        fn ours(
            self,
            [input, kernel, scale, bias, residual, second]: &[Tensor<1>; 6],
        ) -> Tensor<4> {
            let Self { size, stride, depthwise, activation, blocks } = self;
            let [height, width] = self.places();
            let [kernel, second] = self.kernels([kernel, second]);
            let residual = residual.clone().reshape([2, self.outputs(), height, width]);
            let residual = (!depthwise).then_some(Map::Planar(residual));
            let (scale, bias) = (Some(scale.clone()), Some(bias.clone()));
            let windows = |size: usize, stride| Windows {
                size: [size; 2],
                stride,
                before: [size / 2; 2],
                places: [height, width],
            };
            let how = How {
                windows: windows(size, stride),
                depthwise,
                activation,
                blocks,
                is_training: true,
            };
            let input = Map::Planar(input.clone().reshape([2, 20, 9, 8]));
            let hidden = apply(input, Parts { kernel, scale, bias, residual }, how);
            assert_eq!(matches!(hidden, Map::Blocks { .. }), blocks);
            let (depthwise, activation, blocks) = (false, Activation::Linear, false);
            let how =
                How { windows: windows(1, 1), depthwise, activation, blocks, is_training: true };
            let parts = Parts { kernel: second, scale: None, bias: None, residual: None };
            apply(hidden, parts, how).planar()
        }

        fn burns(
            self,
            [input, kernel, scale, bias, residual, second]: &[Tensor<1>; 6],
        ) -> Tensor<4> {
            let groups = if self.depthwise { 20 } else { 1 };
            let options = ConvOptions::new([self.stride; 2], [self.size / 2; 2], [1, 1], groups);
            let [kernel, second] = self.kernels([kernel, second]);
            let [scale, bias] =
                [scale, bias].map(|it| it.clone().reshape([1, self.outputs(), 1, 1]));
            let input = input.clone().reshape([2, 20, 9, 8]);
            let sum = conv2d(input, kernel, None, options) * scale + bias;
            let shape = sum.dims();
            let sum = if self.depthwise { sum } else { sum + residual.clone().reshape(shape) };
            let hidden = activation::apply(self.activation, sum);
            conv2d(hidden, second, None, ConvOptions::new([1, 1], [0, 0], [1, 1], 1))
        }
    }

    /// What comes out, and what goes back to each of the leaves.
    fn all(case: Case, ours: bool) -> Vec<Vec<f32>> {
        let leaves = case.leaves();
        let out = if ours { case.ours(&leaves) } else { case.burns(&leaves) };
        let factors = numbers(out.dims().iter().product(), 9).reshape(out.dims());
        let mut graph = (out.clone() * factors).sum().backward();
        let gradients = leaves.iter().map(|leaf| leaf.grad_remove(&mut graph));
        let gradients = gradients.map(|it| it.map_or(Vec::new(), |it| read(it).unwrap()));
        std::iter::once(read(out.inner()).unwrap()).chain(gradients).collect()
    }

    fn check(case: Case) {
        for (place, (burns, ours)) in all(case, false).into_iter().zip(all(case, true)).enumerate()
        {
            let top = burns.iter().fold(0.0_f32, |top, value| top.max(value.abs()));
            assert_eq!(burns.len(), ours.len(), "{place} of {case:?}");
            for (burn, our) in burns.iter().zip(ours) {
                assert!((burn - our).abs() < 1e-5 * top, "{place} of {case:?}: {burn} and {our}");
            }
        }
    }

    #[test]
    fn equals_burns_own_operations_with_their_gradients() {
        let activations =
            [Activation::Linear, Activation::Relu, Activation::Relu6, Activation::Swish];
        for (size, stride) in [(1, 1), (1, 2), (3, 2), (5, 1), (3, 1)] {
            for activation in activations {
                for depthwise in [false, true] {
                    let case = Case { size, stride, depthwise, activation, blocks: false };
                    check(case);
                    if activation != Activation::Swish {
                        check(Case { blocks: true, ..case });
                    }
                }
            }
        }
    }
}
