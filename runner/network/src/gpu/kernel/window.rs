//! Windows without a matrix: convolutions in groups of channels.
//!
//! Maps come as `[image, channel, row, column]` with any strides; what is written has the channel
//! changing fastest.

use burn_cubecl::cubecl;
use cubecl::prelude::*;

use super::activation::{Epilogue, finish};

/// A window that slides over maps, and how channels belong together.
#[derive(CubeLaunch, CubeType, Clone, Copy)]
pub(crate) struct Slide {
    pub(super) kernel_height: usize,
    pub(super) kernel_width: usize,
    pub(super) stride: usize,
    pub(super) top: usize,
    pub(super) left: usize,
    /// Channels of the input, and of the output, in one group.
    inputs: usize,
    outputs: usize,
}

/// The maps that are written, one unit per value.
#[derive(CubeLaunch, CubeType, Clone, Copy)]
pub(crate) struct Maps {
    /// Values of all of them.
    pub(super) count: usize,
    channels: usize,
    height: usize,
    width: usize,
}

/// Channel, column, row and image of a value.
#[cube]
pub(super) fn decompose(index: usize, maps: &Maps) -> (usize, usize, usize, usize) {
    let place = index / maps.channels;
    let line = place / maps.width;
    (index % maps.channels, place % maps.width, line % maps.height, line / maps.height)
}

/// Whether a place lies inside of a map.
#[cube]
pub(super) fn is_inside<T: Numeric>(map: &Tensor<T>, y: i32, x: i32) -> bool {
    y >= 0 && x >= 0 && (y as usize) < map.shape(2) && (x as usize) < map.shape(3)
}

/// A convolution in groups; the kernel is `[output, input / groups, row, column]`, dense.
#[cube(launch, address_type = "dynamic")]
#[allow(clippy::too_many_arguments)]
pub(crate) fn grouped<I: Numeric, O: Numeric>(
    input: &Tensor<I>,
    kernel: &Tensor<f32>,
    bias: &Tensor<f32>,
    out: &mut Tensor<O>,
    slide: Slide,
    maps: Maps,
    #[comptime] epilogue: Epilogue,
    #[define(I, O)] _types: [ElemType; 2],
) {
    let index = ABSOLUTE_POS;
    if index >= maps.count {
        terminate!();
    }
    let (channel, x, y, image) = decompose(index, &maps);
    let first = (channel / slide.outputs) * slide.inputs;
    let places = slide.kernel_height * slide.kernel_width;
    let mut sum = 0.0f32;
    for row in 0..slide.kernel_height {
        let from_y = (y * slide.stride + row) as i32 - slide.top as i32;
        for column in 0..slide.kernel_width {
            let from_x = (x * slide.stride + column) as i32 - slide.left as i32;
            if is_inside(input, from_y, from_x) {
                let from = image * input.stride(0)
                    + from_y as usize * input.stride(2)
                    + from_x as usize * input.stride(3);
                let factor = channel * slide.inputs * places + row * slide.kernel_width + column;
                for inner in 0..slide.inputs {
                    let value = f32::cast_from(input[from + (first + inner) * input.stride(1)]);
                    sum = fma(value, kernel[factor + inner * places], sum);
                }
            }
        }
    }
    out[index] = O::cast_from(finish(sum, bias, channel, epilogue));
}

/// Its gradient for the input.
#[cube(launch, address_type = "dynamic")]
#[allow(clippy::too_many_arguments)]
pub(crate) fn grouped_input<G: Numeric, O: Numeric>(
    gradient: &Tensor<G>,
    kernel: &Tensor<f32>,
    out: &mut Tensor<O>,
    slide: Slide,
    maps: Maps,
    #[define(G, O)] _types: [ElemType; 2],
) {
    let index = ABSOLUTE_POS;
    if index >= maps.count {
        terminate!();
    }
    let (channel, x, y, image) = decompose(index, &maps);
    let first = (channel / slide.inputs) * slide.outputs;
    let places = slide.kernel_height * slide.kernel_width;
    let mut sum = 0.0f32;
    for row in 0..slide.kernel_height {
        let to_y = (y + slide.top) as i32 - row as i32;
        for column in 0..slide.kernel_width {
            let to_x = (x + slide.left) as i32 - column as i32;
            if to_y >= 0 && to_x >= 0 {
                let (line, place) = (to_y as usize / slide.stride, to_x as usize / slide.stride);
                if line * slide.stride == to_y as usize
                    && place * slide.stride == to_x as usize
                    && line < gradient.shape(2)
                    && place < gradient.shape(3)
                {
                    let from = image * gradient.stride(0)
                        + line * gradient.stride(2)
                        + place * gradient.stride(3);
                    let within = (channel % slide.inputs) * places;
                    let factor = within + row * slide.kernel_width + column;
                    for inner in 0..slide.outputs {
                        let output = first + inner;
                        let value = f32::cast_from(gradient[from + output * gradient.stride(1)]);
                        let weight = kernel[output * slide.inputs * places + factor];
                        sum = fma(value, weight, sum);
                    }
                }
            }
        }
    }
    out[index] = O::cast_from(sum);
}

/// Output channels that one cube of [`grouped_kernel`] works on.
pub(crate) const CHANNELS: usize = 32;
/// Places of the output that it works on at the same time.
pub(crate) const PLACES: usize = 8;

/// Its gradient for the kernel, summed over a part of the places; parts lie one behind the other.
#[cube(launch, address_type = "dynamic")]
#[allow(clippy::too_many_arguments, clippy::too_many_lines)]
pub(crate) fn grouped_kernel<I: Numeric, G: Numeric>(
    input: &Tensor<I>,
    gradient: &Tensor<G>,
    out: &mut Tensor<f32>,
    slide: Slide,
    places: usize,
    channels: usize,
    part: usize,
    #[define(I, G)] _types: [ElemType; 2],
) {
    let unit = UNIT_POS as usize;
    let lane = unit / CHANNELS;
    let taps = slide.kernel_height * slide.kernel_width;
    let each = slide.inputs * taps;
    let tiles = channels.div_ceil(CHANNELS);
    let tile = CUBE_POS % tiles;
    let value = (CUBE_POS / tiles) % each;
    let chunk = CUBE_POS / (tiles * each);
    let channel = tile * CHANNELS + unit % CHANNELS;
    if chunk * part >= places {
        terminate!();
    }
    let (height, width) = (gradient.shape(2), gradient.shape(3));
    let mut sum = 0.0f32;
    if channel < channels {
        let from = (channel / slide.outputs) * slide.inputs + value / taps;
        let (row, column) = ((value % taps) / slide.kernel_width, value % slide.kernel_width);
        let end = min((chunk + 1) * part, places);
        let mut place = chunk * part + lane;
        while place < end {
            let line = place / width;
            let (x, y, image) = (place % width, line % height, line / height);
            let from_y = (y * slide.stride + row) as i32 - slide.top as i32;
            let from_x = (x * slide.stride + column) as i32 - slide.left as i32;
            if is_inside(input, from_y, from_x) {
                let seen = image * input.stride(0)
                    + from * input.stride(1)
                    + from_y as usize * input.stride(2)
                    + from_x as usize * input.stride(3);
                let moved = image * gradient.stride(0)
                    + channel * gradient.stride(1)
                    + y * gradient.stride(2)
                    + x * gradient.stride(3);
                sum = fma(f32::cast_from(input[seen]), f32::cast_from(gradient[moved]), sum);
            }
            place += PLACES;
        }
    }
    let mut shared = Shared::<[f32]>::new_slice(comptime!(CHANNELS * PLACES));
    shared[unit] = sum;
    sync_cube();
    if lane == 0 && channel < channels {
        let mut total = 0.0f32;
        for other in 0..PLACES {
            total += shared[other * CHANNELS + unit];
        }
        out[(chunk * channels + channel) * each + value] = total;
    }
}
