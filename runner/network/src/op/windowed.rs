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
    use crate::op::kernels;
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

    /// What comes out, and what goes back to input, kernel, scale, bias, residual and a second kernel.
    fn all(case: Case, ours: bool) -> Vec<Vec<f32>> {
        let Case { size, stride, depthwise, activation, blocks } = case;
        let (outputs, depth) = if depthwise { (20, 1) } else { (24, 20) };
        let before = size / 2;
        let places = [9, 8].map(|length: usize| (length + 2 * before - size) / stride + 1);
        let maps = [2, outputs, places[0], places[1]];
        let lengths = [
            2 * 20 * 9 * 8,
            outputs * depth * size * size,
            outputs,
            outputs,
            maps.iter().product(),
            24 * outputs,
        ];
        let leaves: Vec<Tensor<1>> = lengths
            .into_iter()
            .zip(1..)
            .map(|(count, seed)| numbers(count, seed).autodiff().require_grad())
            .collect();
        let input = leaves[0].clone().reshape([2, 20, 9, 8]);
        let kernel: Tensor<4> = leaves[1].clone().reshape([outputs, depth, size, size]);
        let (scale, bias) = (leaves[2].clone(), leaves[3].clone());
        let residual: Tensor<4> = leaves[4].clone().reshape(maps);
        let second: Tensor<4> = leaves[5].clone().reshape([24, outputs, 1, 1]);
        let windows = |size: usize, stride, places| Windows {
            size: [size; 2],
            stride,
            before: [size / 2; 2],
            places,
        };
        let out = if ours {
            let residual = (!depthwise).then_some(Map::Planar(residual));
            let parts = Parts { kernel, scale: Some(scale), bias: Some(bias), residual };
            let windows_here = windows(size, stride, places);
            let how = How { windows: windows_here, depthwise, activation, blocks };
            let hidden = apply(Map::Planar(input), parts, how);
            assert_eq!(matches!(hidden, Map::Blocks { .. }), blocks);
            let parts = Parts { kernel: second, scale: None, bias: None, residual: None };
            let how = How {
                windows: windows(1, 1, places),
                depthwise: false,
                activation: Activation::Linear,
                blocks: false,
            };
            apply(hidden, parts, how).planar()
        } else {
            let groups = if depthwise { 20 } else { 1 };
            let options = ConvOptions::new([stride; 2], [before; 2], [1, 1], groups);
            let [scale, bias] = [scale, bias].map(|it| it.reshape([1, outputs, 1, 1]));
            let sum = conv2d(input, kernel, None, options) * scale + bias;
            let sum = if depthwise { sum } else { sum + residual };
            let hidden = activation::apply(activation, sum);
            conv2d(hidden, second, None, ConvOptions::new([1, 1], [0, 0], [1, 1], 1))
        };
        let out = kernels::wide(out);
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
