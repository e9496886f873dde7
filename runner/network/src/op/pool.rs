//! Windows that slide over each channel, and whole channels.

use burn::tensor::Tensor;
use burn::tensor::module::{avg_pool2d, max_pool2d};
use burn::tensor::ops::{AvgPoolOptions, MaxPoolOptions};
use runner_experiment::architecture::op::Pooling;

use super::call::Call;
use super::kernels;
use crate::flow::{Flow, Value};

/// Rows or columns before and after, for each direction.
fn around(call: &Call<'_>, op: Pooling) -> [(usize, usize); 2] {
    let [height, width] = call.layer.input.size();
    let amounts = |size: usize, window: usize| {
        let [before, after] = op.padding.amounts(size, window, op.stride);
        (before, after)
    };
    [amounts(height, op.size[0]), amounts(width, op.size[1])]
}

/// The largest value of each window; what stands around the map is smaller than anything.
pub(super) fn max(call: &Call<'_>, op: Pooling, input: Value) -> Value {
    let map = match input {
        Value::Map(map) => map,
        Value::Vector(rows) => return Value::Vector(rows),
    };
    if op == Pooling::HALVES {
        return Value::Map(kernels::max_pool(map));
    }
    #[cfg(feature = "gpu")]
    if !call.compute.is_host() {
        return Flow::Map(crate::gpu::layers::max_pool(op, map.planar())).into();
    }
    let options = MaxPoolOptions {
        kernel_size: op.size,
        stride: [op.stride; 2],
        padding: around(call, op),
        dilation: [1, 1],
        ceil_mode: false,
    };
    Flow::Map(max_pool2d(map.planar(), options)).into()
}

/// The mean of what lies inside of the map.
pub(super) fn average(call: &Call<'_>, op: Pooling, input: Flow) -> Flow {
    let Flow::Map(map) = input else { return input };
    let dtype = map.dtype();
    let mean = avg_pool2d(
        kernels::wide(map),
        AvgPoolOptions {
            kernel_size: op.size,
            stride: [op.stride; 2],
            padding: around(call, op),
            count_include_pad: false,
            ceil_mode: false,
        },
    );
    Flow::Map(kernels::cast(mean, dtype))
}

/// `[batch, channel]`
pub(super) fn global_average(input: Flow) -> Tensor<2> {
    match input {
        Flow::Map(map) if kernels::is_on_device(&map) => rows(map).mean_dim(1).squeeze_dim(1),
        Flow::Map(map) => map.flatten::<3>(2, 3).mean_dim(2).squeeze_dim(2),
        Flow::Vector(rows) => rows,
    }
}

/// `[batch, channel]`
pub(super) fn global_max(input: Flow) -> Tensor<2> {
    match input {
        Flow::Map(map) if kernels::is_on_device(&map) => rows(map).max_dim(1).squeeze_dim(1),
        Flow::Map(map) => map.flatten::<3>(2, 3).max_dim(2).squeeze_dim(2),
        Flow::Vector(rows) => rows,
    }
}

/// `[batch, pixel, channel]`, as GPUs have maps in memory.
fn rows(map: Tensor<4>) -> Tensor<3> {
    kernels::wide(map.permute([0, 2, 3, 1]).flatten(1, 2))
}
