//! Convolutions: on the CPU 3×3 ones with stride 1 by this project's kernels and all others by Burn's,
//! on GPUs as `gpu` has them.

use burn::tensor::Tensor;
use burn::tensor::module::conv2d;
use burn::tensor::ops::ConvOptions;
use runner_experiment::architecture::Activation;
use runner_experiment::architecture::op::Convolution;

use super::activation;
use super::call::Call;
use super::combine::pixels;
use super::kernels::{self, Map, Settings};
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
        return Value::Map(Map::Planar(general(op, map.planar(), kernel, bias)));
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
    activation::apply(op.activation, conv2d(map, kernel, bias, options))
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
