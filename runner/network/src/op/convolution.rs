//! Convolutions: on the CPU those over all channels or over one by this project's kernels and others in
//! groups by Burn's, on GPUs as `gpu` has them.

use burn::tensor::Tensor;
use burn::tensor::module::conv2d;
use burn::tensor::ops::ConvOptions;
use runner_convolution::Windows;
use runner_experiment::architecture::op::Convolution;
use runner_experiment::architecture::{Activation, Shape};

use super::activation;
use super::call::Call;
use super::combine::pixels;
use super::kernels::{self, Map, Settings};
use super::windowed::{self, How, Parts};
use crate::flow::{Flow, Value};

/// What a convolution on the CPU does besides its own sums, instead of the layers behind it.
#[derive(Default)]
pub(crate) struct Behind {
    /// A factor and a term for each output: a batch normalization.
    pub norm: Option<[Tensor<1>; 2]>,
    /// Added before the activation.
    pub residual: Option<Map>,
    /// Instead of the convolution's own.
    pub activation: Option<Activation>,
}

pub(crate) fn apply(call: &Call<'_>, op: Convolution, input: Value, behind: Behind) -> Value {
    let channels = call.layer.input.channels();
    let [rows, columns] = op.kernel;
    let kernel: Tensor<4> =
        call.parameters[0].clone().reshape([op.channels, channels / op.groups, rows, columns]);
    let bias = call.parameters.get(1).cloned();
    let map = match input {
        Value::Map(map) => map,
        Value::Vector(rows) => Map::Planar(pixels(Flow::Vector(rows))),
    };
    #[cfg(feature = "gpu")]
    if let Some(rule) = crate::gpu::Rule::of(call.compute) {
        let kernel = call.packed.cloned().unwrap_or(kernel);
        return Value::Map(Map::Planar(on_device(op, map.planar(), kernel, bias, rule)));
    }
    let activation = behind.activation.unwrap_or(op.activation);
    let [scale, bias] = affine(bias, behind.norm);
    let parts = Parts { kernel, scale, bias, residual: behind.residual };
    Value::Map(match op.simple_padding() {
        Some(padding) if parts.residual.is_none() => {
            simple(call, map, parts, (padding, activation))
        }
        _ => any(call, op, map, parts, activation),
    })
}

/// A factor for each output, where there is one, and what is added to its product.
fn affine(bias: Option<Tensor<1>>, norm: Option<[Tensor<1>; 2]>) -> [Option<Tensor<1>>; 2] {
    match (bias, norm) {
        (bias, None) => [None, bias],
        (None, Some([factor, term])) => [Some(factor), Some(term)],
        (Some(bias), Some([factor, term])) => {
            let term = bias * factor.clone() + term;
            [Some(factor), Some(term)]
        }
    }
}

/// A 3×3 convolution with stride 1.
fn simple(
    call: &Call<'_>,
    map: Map,
    parts: Parts,
    (padding, activation): (usize, Activation),
) -> Map {
    let Parts { kernel, scale, bias, .. } = parts;
    let bias = bias.unwrap_or_else(|| Tensor::zeros([kernel.dims()[0]], &kernel.device()));
    let settings = Settings {
        padding,
        precision: kernels::precision(call.compute.precision),
        relu: activation == Activation::Relu,
        blocks: call.blocks,
    };
    let sum = kernels::convolution(map, kernel, scale, bias, settings);
    match activation {
        Activation::Relu | Activation::Linear => sum,
        other => Map::Planar(activation::apply(other, sum.planar())),
    }
}

/// Any other.
fn any(call: &Call<'_>, op: Convolution, map: Map, parts: Parts, activation: Activation) -> Map {
    let windows = windows(call, op).filter(|windows| windowed::takes(&map, &parts, windows));
    let Some(windows) = windows else {
        let Parts { kernel, scale, bias, residual } = parts;
        let outputs = op.channels;
        let kernel = match scale {
            Some(scale) => kernel * scale.reshape([outputs, 1, 1, 1]),
            None => kernel,
        };
        let sum = general(op, map.planar(), kernel, bias);
        let sum = match residual {
            Some(residual) => sum + residual.planar(),
            None => sum,
        };
        return Map::Planar(activation::apply(activation, sum));
    };
    let how = How {
        windows,
        depthwise: op.groups > 1,
        activation,
        blocks: call.blocks,
        is_training: call.training.is_some(),
    };
    windowed::apply(map, parts, how)
}

/// The windows of a convolution over all channels of a map, or over one for each output.
fn windows(call: &Call<'_>, op: Convolution) -> Option<Windows> {
    let (Shape::Map { .. }, Shape::Map { height, width, .. }) =
        (call.layer.input, call.layer.output)
    else {
        return None;
    };
    if !has_kernels(op, call.layer.input) {
        return None;
    }
    let input = call.layer.input.size();
    let before = [0, 1].map(|axis| op.padding.amounts(input[axis], op.kernel[axis], op.stride)[0]);
    Some(Windows { size: op.kernel, stride: op.stride, before, places: [height, width] })
}

/// Whether this project has kernels for the groups of a convolution.
pub(crate) fn has_kernels(op: Convolution, input: Shape) -> bool {
    op.groups == 1 || (op.groups == input.channels() && op.channels == op.groups)
}

fn general(
    op: Convolution,
    map: Tensor<4>,
    kernel: Tensor<4>,
    bias: Option<Tensor<1>>,
) -> Tensor<4> {
    let [_, _, height, width] = map.dims();
    let amounts = |size: usize, window: usize| {
        let [before, after] = op.padding.amounts(size, window, op.stride);
        (before, after)
    };
    let options = ConvOptions {
        stride: [op.stride; 2],
        padding: [amounts(height, op.kernel[0]), amounts(width, op.kernel[1])],
        dilation: [1, 1],
        groups: op.groups,
    };
    conv2d(map, kernel, bias, options)
}

#[cfg(feature = "gpu")]
fn on_device(
    op: Convolution,
    map: Tensor<4>,
    kernel: Tensor<4>,
    bias: Option<Tensor<1>>,
    rule: crate::gpu::Rule,
) -> Tensor<4> {
    use crate::gpu::layers;
    let (sum, is_done) = layers::convolution(op, map, kernel, bias, rule);
    if is_done { sum } else { kernels::each(sum, |sum| activation::apply(op.activation, sum)) }
}
