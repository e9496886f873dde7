//! Convolutions: on the CPU those over all channels by this project's kernels and those in groups by
//! Burn's, on GPUs as `gpu` has them.

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
use super::windowed;
use crate::flow::{Flow, Value};

pub(super) fn apply(call: &Call<'_>, op: Convolution, input: Value) -> Value {
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
    let Some(padding) = op.simple_padding() else {
        let map = map.planar();
        let takes = |windows: &Windows| windowed::takes(&map, &kernel, bias.as_ref(), windows);
        let sum = match windows(call, op).filter(takes) {
            Some(windows) => windowed::apply(map, kernel, bias, windows),
            None => general(op, map, kernel, bias),
        };
        return Value::Map(Map::Planar(activation::apply(op.activation, sum)));
    };
    let bias = bias.unwrap_or_else(|| Tensor::zeros([op.channels], &kernel.device()));
    let relu = op.activation == Activation::Relu;
    let settings = Settings {
        padding,
        precision: kernels::precision(call.compute.precision),
        relu,
        blocks: call.blocks,
    };
    let sum = kernels::convolution(map, kernel, bias, settings);
    Value::Map(match op.activation {
        Activation::Relu | Activation::Linear => sum,
        other => Map::Planar(activation::apply(other, sum.planar())),
    })
}

/// The windows of a convolution over all channels of a map.
fn windows(call: &Call<'_>, op: Convolution) -> Option<Windows> {
    let (Shape::Map { .. }, Shape::Map { height, width, .. }, 1) =
        (call.layer.input, call.layer.output, op.groups)
    else {
        return None;
    };
    let input = call.layer.input.size();
    let before = [0, 1].map(|axis| op.padding.amounts(input[axis], op.kernel[axis], op.stride)[0]);
    Some(Windows { size: op.kernel, stride: op.stride, before, places: [height, width] })
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
