//! Convolutions in groups of channels, and the largest value of windows.

use burn::tensor::DType;
use burn_cubecl::cubecl::prelude::{CubeCount, CubeDim};
use burn_cubecl::tensor::CubeTensor;

use super::epilogue::add_parts;
use super::kernel::activation::Epilogue;
use super::kernel::pool;
use super::kernel::window::{self as kernel, MapsLaunch, SlideLaunch};
use super::launch::{addresses, cubes, element, empty, empty_map, per_value, sizes};
use super::product::Geometry;

/// `inputs` and `outputs` are the channels of one group.
fn slide(geometry: Geometry, inputs: usize, outputs: usize) -> SlideLaunch {
    let Geometry { kernel: [height, width], stride, before: [top, left], .. } = geometry;
    SlideLaunch::new(height, width, stride, top, left, inputs, outputs)
}

/// One unit for each value of these maps.
fn each_value(out: &CubeTensor) -> (CubeCount, CubeDim, MapsLaunch) {
    let [images, channels, height, width] = sizes(out);
    let count = images * channels * height * width;
    let (number, dim) = per_value(&out.client, count);
    (number, dim, MapsLaunch::new(count, channels, height, width))
}

/// A convolution in groups, with bias and activation; the kernel is dense.
pub(super) fn grouped(
    input: &CubeTensor,
    weights: &CubeTensor,
    bias: &CubeTensor,
    geometry: Geometry,
    epilogue: Epilogue,
    dtype: DType,
) -> CubeTensor {
    let [images, ..]: [usize; 4] = sizes(input);
    let [channels, inputs, ..]: [usize; 4] = sizes(weights);
    let [height, width] = geometry.output;
    let out = empty_map(input, [images, channels, height, width], dtype);
    let (number, dim, maps) = each_value(&out);
    kernel::grouped::launch(
        &out.client,
        number,
        dim,
        addresses(&[input, &out]),
        input.clone().into_tensor_arg(),
        weights.clone().into_tensor_arg(),
        bias.clone().into_tensor_arg(),
        out.clone().into_tensor_arg(),
        slide(geometry, inputs, channels / geometry.groups),
        maps,
        epilogue,
        [element(input.dtype), element(dtype)],
    );
    out
}

/// What it sends back to its input, of this shape and type.
pub(super) fn grouped_input(
    gradient: &CubeTensor,
    weights: &CubeTensor,
    shape: [usize; 4],
    geometry: Geometry,
    dtype: DType,
) -> CubeTensor {
    let [outputs, inputs, ..]: [usize; 4] = sizes(weights);
    let out = empty_map(gradient, shape, dtype);
    let (number, dim, maps) = each_value(&out);
    kernel::grouped_input::launch(
        &out.client,
        number,
        dim,
        addresses(&[gradient, &out]),
        gradient.clone().into_tensor_arg(),
        weights.clone().into_tensor_arg(),
        out.clone().into_tensor_arg(),
        slide(geometry, inputs, outputs / geometry.groups),
        maps,
        [element(gradient.dtype), element(dtype)],
    );
    out
}

/// The least number of places that are worth a cube, and how many parts there are at most.
const PLACES: usize = 256;
const MOST: usize = 64;

/// What it sends back to its kernel, of this shape.
pub(super) fn grouped_kernel(
    input: &CubeTensor,
    gradient: &CubeTensor,
    shape: [usize; 4],
    geometry: Geometry,
) -> CubeTensor {
    let [channels, inputs, rows, columns] = shape;
    let [images, _, height, width] = sizes(gradient);
    let places = images * height * width;
    let part = places.div_ceil(MOST).max(PLACES);
    let parts = places.div_ceil(part);
    let each = inputs * rows * columns;
    let partial = empty(input, [parts, channels * each], DType::F32);
    let tiles = channels.div_ceil(kernel::CHANNELS);
    let (number, dim) = cubes(&input.client, tiles * each * parts);
    kernel::grouped_kernel::launch(
        &input.client,
        number,
        dim,
        addresses(&[input, gradient]),
        input.clone().into_tensor_arg(),
        gradient.clone().into_tensor_arg(),
        partial.clone().into_tensor_arg(),
        slide(geometry, inputs, channels / geometry.groups),
        places,
        channels,
        part,
        [element(input.dtype), element(gradient.dtype)],
    );
    let out = empty(input, shape, DType::F32);
    let unused = out.clone();
    add_parts(partial, &unused, out, 1, Epilogue::NONE)
}

/// The largest value of each window.
pub(super) fn max_pool(input: &CubeTensor, geometry: Geometry) -> CubeTensor {
    let [images, channels, ..]: [usize; 4] = sizes(input);
    let [height, width] = geometry.output;
    let out = empty_map(input, [images, channels, height, width], input.dtype);
    let (number, dim, maps) = each_value(&out);
    pool::max_pool::launch(
        &out.client,
        number,
        dim,
        addresses(&[input, &out]),
        input.clone().into_tensor_arg(),
        out.clone().into_tensor_arg(),
        slide(geometry, 1, 1),
        maps,
        element(input.dtype),
    );
    out
}

/// What it sends back to its input.
pub(super) fn max_pool_input(
    input: &CubeTensor,
    gradient: &CubeTensor,
    geometry: Geometry,
) -> CubeTensor {
    let out = empty_map(input, sizes(input), input.dtype);
    let (number, dim, maps) = each_value(&out);
    pool::max_pool_input::launch(
        &out.client,
        number,
        dim,
        addresses(&[input, gradient, &out]),
        input.clone().into_tensor_arg(),
        gradient.clone().into_tensor_arg(),
        out.clone().into_tensor_arg(),
        slide(geometry, 1, 1),
        maps,
        [element(input.dtype), element(gradient.dtype)],
    );
    out
}
