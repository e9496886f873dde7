//! The largest value of each window.
//!
//! Maps come as `[image, channel, row, column]` with any strides; what is written has the channel
//! changing fastest.

use burn_cubecl::cubecl;
use cubecl::prelude::*;

use super::window::{Maps, Slide, decompose, is_inside};

/// The largest value of each window; what stands around the map is smaller than anything.
#[cube(launch, address_type = "dynamic")]
#[allow(clippy::too_many_arguments)]
pub(crate) fn max_pool<O: Numeric>(
    input: &Tensor<O>,
    out: &mut Tensor<O>,
    slide: Slide,
    maps: Maps,
    #[define(O)] _type: ElemType,
) {
    let index = ABSOLUTE_POS;
    if index >= maps.count {
        terminate!();
    }
    let (channel, x, y, image) = decompose(index, &maps);
    let base = image * input.stride(0) + channel * input.stride(1);
    let (_, _, largest) = first_largest::<O>(input, base, y, x, &slide);
    out[index] = O::cast_from(largest);
}

/// Its gradient: what came out of a window goes to the first of its largest values. Found again from
/// the input, which is kept anyway: indices would be written, read and held as well.
#[cube(launch, address_type = "dynamic")]
#[allow(clippy::too_many_arguments)]
pub(crate) fn max_pool_input<I: Numeric, G: Numeric>(
    input: &Tensor<I>,
    gradient: &Tensor<G>,
    out: &mut Tensor<I>,
    slide: Slide,
    maps: Maps,
    #[define(I, G)] _types: [ElemType; 2],
) {
    let index = ABSOLUTE_POS;
    if index >= maps.count {
        terminate!();
    }
    let (channel, x, y, image) = decompose(index, &maps);
    let base = image * input.stride(0) + channel * input.stride(1);
    let from = image * gradient.stride(0) + channel * gradient.stride(1);
    let (down, right) = (y + slide.top, x + slide.left);
    let first_y = first_window(down, slide.kernel_height, slide.stride);
    let first_x = first_window(right, slide.kernel_width, slide.stride);
    let last_y = min(down / slide.stride + 1, gradient.shape(2));
    let last_x = min(right / slide.stride + 1, gradient.shape(3));
    let mut sum = 0.0f32;
    for line in first_y..last_y {
        for place in first_x..last_x {
            let (row, column, _) = first_largest::<I>(input, base, line, place, &slide);
            if row == y && column == x {
                let at = from + line * gradient.stride(2) + place * gradient.stride(3);
                sum += f32::cast_from(gradient[at]);
            }
        }
    }
    out[index] = I::cast_from(sum);
}

/// The first window that a place is part of.
#[cube]
fn first_window(place: usize, size: usize, stride: usize) -> usize {
    let mut first = 0usize.runtime();
    if place >= size {
        first = (place - size) / stride + 1;
    }
    first
}

/// Row, column and value of the first of the largest values of a window.
#[cube]
fn first_largest<I: Numeric>(
    input: &Tensor<I>,
    base: usize,
    y: usize,
    x: usize,
    slide: &Slide,
) -> (usize, usize, f32) {
    let mut largest = f32::cast_from(-3.4e38f32);
    let (mut row, mut column) = (0usize.runtime(), 0usize.runtime());
    let mut found = false;
    for inner_y in 0..slide.kernel_height {
        let seen_y = (y * slide.stride + inner_y) as i32 - slide.top as i32;
        for inner_x in 0..slide.kernel_width {
            let seen_x = (x * slide.stride + inner_x) as i32 - slide.left as i32;
            if is_inside(input, seen_y, seen_x) {
                let place = seen_y as usize * input.stride(2) + seen_x as usize * input.stride(3);
                let value = f32::cast_from(input[base + place]);
                if !found || value > largest {
                    largest = value;
                    row = seen_y as usize;
                    column = seen_x as usize;
                    found = true;
                }
            }
        }
    }
    (row, column, largest)
}
