//! The operations as functions of tensors, for the layers of a network.

use burn::backend::Dispatch;
use burn::tensor::Tensor;
use runner_experiment::architecture::op::{Convolution, Pooling};

use super::extension::Layers;
use super::kernel::activation::{Epilogue, Function};
use super::product::Geometry;
use super::rule::{Rule, fused};

/// A convolution with bias, and its activation where that is a part of the kernel; whether it was.
///
/// # Shapes
///
/// - `input`: `[batch, in, height, width]`
/// - `kernel`: `[out, in / groups, rows, columns]`, `bias`: `[out]`
/// - result: `[batch, out, …]`, the channel changing fastest in memory
pub(crate) fn convolution(
    op: Convolution,
    input: Tensor<4>,
    kernel: Tensor<4>,
    bias: Option<Tensor<1>>,
    rule: Rule,
) -> (Tensor<4>, bool) {
    let function = fused(op.activation);
    let epilogue =
        Epilogue { bias: bias.is_some(), function: function.unwrap_or(Function::Linear) };
    let [_, _, height, width] = input.dims();
    let geometry = geometry([height, width], op.kernel, op.stride, op.groups, |size, window| {
        op.padding.amounts(size, window, op.stride)
    });
    // Some tensor has to be there; which one does not matter.
    let bias = bias.unwrap_or_else(|| Tensor::empty([1], &kernel.device().without_autodiff()));
    let out = Tensor::from_dispatch(<Dispatch as Layers>::convolve(
        input.into_dispatch(),
        kernel.into_dispatch(),
        bias.into_dispatch(),
        geometry,
        epilogue,
        rule,
    ));
    (out, function.is_some())
}

/// The largest value of each window of maps `[batch, channel, height, width]`.
pub(crate) fn max_pool(op: Pooling, input: Tensor<4>) -> Tensor<4> {
    let [_, _, height, width] = input.dims();
    let geometry = geometry([height, width], op.size, op.stride, 1, |size, window| {
        op.padding.amounts(size, window, op.stride)
    });
    Tensor::from_dispatch(<Dispatch as Layers>::pool(input.into_dispatch(), geometry))
}

fn geometry(
    size: [usize; 2],
    kernel: [usize; 2],
    stride: usize,
    groups: usize,
    amounts: impl Fn(usize, usize) -> [usize; 2],
) -> Geometry {
    let around = [amounts(size[0], kernel[0]), amounts(size[1], kernel[1])];
    let places = |axis: usize| {
        let room = (size[axis] + around[axis][0] + around[axis][1]).saturating_sub(kernel[axis]);
        room / stride + 1
    };
    Geometry {
        kernel,
        stride,
        before: [around[0][0], around[1][0]],
        output: [places(0), places(1)],
        groups,
    }
}

/// A fully connected layer with bias and activation: `[batch, in]`, `[in, out]`, `[out]`.
pub(crate) fn dense(
    input: Tensor<2>,
    kernel: Tensor<2>,
    bias: Tensor<1>,
    function: Function,
) -> Tensor<2> {
    Tensor::from_dispatch(<Dispatch as Layers>::connect(
        input.into_dispatch(),
        kernel.into_dispatch(),
        bias.into_dispatch(),
        function,
    ))
}

/// A kernel `[out, in, rows, columns]` that is not trained, as [`convolution`] reads it best.
pub(crate) fn packed(kernel: Tensor<4>, rule: Rule) -> Tensor<4> {
    Tensor::from_dispatch(<Dispatch as Layers>::packed(kernel.into_dispatch(), rule))
}

/// A function of maps that treats all channels alike or takes them as the last dimension. The result
/// lies in memory as the layers want it.
pub(crate) fn channels_last(map: Tensor<4>, f: impl FnOnce(Tensor<4>) -> Tensor<4>) -> Tensor<4> {
    f(map.permute([0, 2, 3, 1])).permute([0, 3, 1, 2])
}
