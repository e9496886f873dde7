//! Where the factors and the result of a product lie.

use burn_cubecl::cubecl;
use cubecl::prelude::*;

/// Which product of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Product {
    /// Rows are places of the output, columns output channels, the depth is a window of the input.
    Forward,
    /// Rows are places of the input, columns input channels, the depth are the windows that a place
    /// is part of.
    InputGradient,
    /// Rows are places in the kernel and input channels, columns output channels, the depth are
    /// places of the output.
    KernelGradient,
}

/// A window that slides over a map.
#[derive(CubeLaunch, CubeType, Clone, Copy)]
pub(crate) struct Window {
    /// Channels of a place in the kernel: of the input, or of the output for the input's gradient.
    channels: usize,
    kernel_width: usize,
    stride: usize,
    top: usize,
    left: usize,
    /// The map whose places are rows or the depth.
    height: usize,
    width: usize,
}

/// Where values of the result lie: an output channel, an input channel and a place in the kernel.
#[derive(CubeLaunch, CubeType, Clone, Copy)]
pub(crate) struct Steps {
    output: usize,
    input: usize,
    place: usize,
}

/// A row that no map has.
pub(super) const OUTSIDE: i32 = -1_000_000_000;

/// Where the window of a row begins: an offset, a row and a column.
#[cube]
pub(super) fn row_place<A: Numeric>(
    map: &Tensor<A>,
    row: usize,
    window: &Window,
    #[comptime] product: Product,
) -> (usize, i32, i32) {
    if comptime!(product == Product::KernelGradient) {
        let (channel, y, x) = kernel_place(row, window);
        (channel * map.stride(1), y as i32, x as i32)
    } else {
        let (image, y, x) = pixel(row, window);
        let base = image * map.stride(0);
        if comptime!(product == Product::Forward) {
            (base, corner(y, window.stride, window.top), corner(x, window.stride, window.left))
        } else {
            (base, (y + window.top) as i32, (x + window.left) as i32)
        }
    }
}

/// What a place of the depth adds to that.
#[cube]
pub(super) fn depth_place<A: Numeric>(
    map: &Tensor<A>,
    depth: usize,
    window: &Window,
    #[comptime] product: Product,
) -> (usize, i32, i32) {
    if comptime!(product == Product::KernelGradient) {
        let (image, y, x) = pixel(depth, window);
        let base = image * map.stride(0);
        (base, corner(y, window.stride, window.top), corner(x, window.stride, window.left))
    } else {
        let (channel, y, x) = kernel_place(depth, window);
        let base = channel * map.stride(1);
        if comptime!(product == Product::Forward) {
            (base, y as i32, x as i32)
        } else {
            (base, 0i32 - y as i32, 0i32 - x as i32)
        }
    }
}

/// A value of a map; zero around it and between the places that a window visits.
#[cube]
pub(super) fn map_value<A: Numeric>(
    map: &Tensor<A>,
    base: usize,
    y: i32,
    x: i32,
    window: &Window,
    #[comptime] product: Product,
) -> f32 {
    let mut value = 0.0f32;
    if y >= 0 && x >= 0 {
        let mut row = y as usize;
        let mut column = x as usize;
        let mut visited = true;
        if comptime!(product == Product::InputGradient) {
            visited = row.is_multiple_of(window.stride) && column.is_multiple_of(window.stride);
            row /= window.stride;
            column /= window.stride;
        }
        if visited && row < map.shape(2) && column < map.shape(3) {
            value = f32::cast_from(map[base + row * map.stride(2) + column * map.stride(3)]);
        }
    }
    value
}

/// Where column 0 of the second factor lies for a place of the depth.
#[cube]
pub(super) fn rhs_offset<B: Numeric>(
    rhs: &Tensor<B>,
    depth: usize,
    window: &Window,
    #[comptime] product: Product,
) -> usize {
    if comptime!(product == Product::KernelGradient) {
        let (image, y, x) = pixel(depth, window);
        image * rhs.stride(0) + y * rhs.stride(2) + x * rhs.stride(3)
    } else {
        let (channel, y, x) = kernel_place(depth, window);
        let place = y * rhs.stride(2) + x * rhs.stride(3);
        if comptime!(product == Product::Forward) {
            place + channel * rhs.stride(1)
        } else {
            place + channel * rhs.stride(0)
        }
    }
}

/// How far apart its columns lie.
#[cube]
pub(super) fn rhs_column<B: Numeric>(rhs: &Tensor<B>, #[comptime] product: Product) -> usize {
    if comptime!(product == Product::Forward) { rhs.stride(0) } else { rhs.stride(1) }
}

/// Where a value of the result goes.
#[cube]
pub(super) fn result_place(
    row: usize,
    column: usize,
    columns: usize,
    window: &Window,
    steps: &Steps,
    #[comptime] product: Product,
) -> usize {
    if comptime!(product == Product::KernelGradient) {
        let channel = row % window.channels;
        let place = row / window.channels;
        column * steps.output + channel * steps.input + place * steps.place
    } else {
        row * columns + column
    }
}

/// Image, row and column of a place.
#[cube]
fn pixel(index: usize, window: &Window) -> (usize, usize, usize) {
    let line = index / window.width;
    (line / window.height, line % window.height, index % window.width)
}

/// Channel, row and column of a value in a kernel, the channel changing fastest.
#[cube]
fn kernel_place(index: usize, window: &Window) -> (usize, usize, usize) {
    let place = index / window.channels;
    (index % window.channels, place / window.kernel_width, place % window.kernel_width)
}

/// Where a window begins, which may be outside.
#[cube]
fn corner(place: usize, stride: usize, padding: usize) -> i32 {
    (place * stride) as i32 - padding as i32
}
