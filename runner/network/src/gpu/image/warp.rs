//! The grey levels of one pixel after everything that moves pixels, as `runner_data` has it on the
//! CPU, bit for bit.

use burn::cubecl;
use burn::cubecl::prelude::*;
use runner_experiment::section::augmentation::Fill;

use super::fixed::{Fixed, Share, add, either, fraction, product, rest, rounded, times};
use super::words::{HEAD, IMAGE, MATRIX, SOURCE, ZERO};
use super::work::Work;

/// Red, green, blue, 0 to 255.
#[derive(CubeType, CubeTypeMut, Clone, Copy)]
#[expand(derive(Clone, Copy))]
pub(super) struct Rgb {
    pub(super) red: f32,
    pub(super) green: f32,
    pub(super) blue: f32,
}

/// The two pixels around a place on a line.
#[derive(CubeType, CubeTypeMut, Clone, Copy)]
#[expand(derive(Clone, Copy))]
struct Line {
    /// 1, or 0 where the place shows nothing.
    inside: u32,
    first: u32,
    second: u32,
    /// The weight of the second.
    weight: Share,
}

/// A pixel of the batch.
#[derive(CubeType, CubeTypeMut, Clone, Copy)]
#[expand(derive(Clone, Copy))]
pub(super) struct Pixel {
    /// The place of its image in the batch.
    pub(super) image: u32,
    pub(super) x: u32,
    pub(super) y: u32,
}

/// The word of an image of the batch.
#[cube]
pub(super) fn word(words: &[u32], image: u32, #[comptime] which: usize) -> u32 {
    words[image as usize * IMAGE + comptime!(HEAD + which)]
}

/// The same as a number.
#[cube]
pub(super) fn number(words: &[u32], image: u32, #[comptime] which: usize) -> f32 {
    f32::from_bits(word(words, image, which))
}

/// What a pixel shows before levels change.
#[cube]
pub(super) fn warped(bytes: &[u32], words: &[u32], pixel: Pixel, #[comptime] work: Work) -> Rgb {
    let image = pixel.image;
    if comptime!(work.steps.warp) {
        let across = line(words, pixel, 0u32, work);
        let down = line(words, pixel, 1u32, work);
        let inside = across.inside & down.inside;
        let (right, below) = (across.weight, down.weight);
        let (left, above) = (rest(right), rest(below));
        let mut sum = Rgb { red: 0.0f32, green: 0.0f32, blue: 0.0f32 };
        // A loop, since written out this is most of the kernel, which takes its time to compile.
        for corner in 0..4 * inside {
            let row = select(corner < 2, down.first, down.second);
            let column = select((corner & 1) == 0, across.first, across.second);
            let vertical = either(corner < 2, above, below);
            let horizontal = either((corner & 1) == 0, left, right);
            let weight = product(vertical, horizontal);
            let levels = levels(bytes, words, image, row * comptime!(work.width) + column, work);
            let zero = words[ZERO];
            sum.red += apart(weight * levels.red, zero);
            sum.green += apart(weight * levels.green, zero);
            sum.blue += apart(weight * levels.blue, zero);
        }
        sum
    } else {
        levels(bytes, words, image, pixel.y * comptime!(work.width) + pixel.x, work)
    }
}

/// The levels of a pixel in memory.
#[cube]
fn levels(bytes: &[u32], words: &[u32], image: u32, pixel: u32, #[comptime] work: Work) -> Rgb {
    let first = word(words, image, SOURCE) * comptime!(work.stride) + pixel * 3;
    Rgb { red: level(bytes, first), green: level(bytes, first + 1), blue: level(bytes, first + 2) }
}

/// One byte.
#[cube]
fn level(bytes: &[u32], index: u32) -> f32 {
    f32::cast_from((bytes[(index >> 2) as usize] >> ((index & 3) << 3)) & 255)
}

/// The same value, rounded: without this a compiler makes one operation of a product and the sum
/// behind it, which rounds once where the CPU rounds twice, and 255 of 255 are then 254.99998.
#[cube]
fn apart(value: f32, zero: u32) -> f32 {
    f32::from_bits(value.to_bits() ^ zero)
}

/// One coordinate of the place that a pixel shows: x for axis 0, y for axis 1.
#[cube]
fn place(words: &[u32], pixel: Pixel, axis: u32) -> Fixed {
    let first = pixel.image * comptime!(IMAGE as u32) + comptime!((HEAD + MATRIX) as u32);
    let mut sum = Fixed { whole: 0u32, high: 0u32, low: 0u32 };
    for term in 0..3u32 {
        let index = (first + (3 * axis + term) * 3) as usize;
        let coefficient =
            Fixed { whole: words[index], high: words[index + 1], low: words[index + 2] };
        let factor = select(term == 0, pixel.x, select(term == 1, pixel.y, 1u32));
        sum = add(sum, times(coefficient, factor));
    }
    sum
}

/// The two pixels around a place, with what fills the outside.
#[cube]
fn line(words: &[u32], pixel: Pixel, axis: u32, #[comptime] work: Work) -> Line {
    let fill = comptime!(work.fill);
    let length = select(axis == 0, comptime!(work.width), comptime!(work.height));
    let mut place = place(words, pixel, axis);
    let mut inside = 1u32;
    let last = length - 1;
    // Negative numbers have the first bit set.
    let is_behind = place.whole > last || (place.whole == last && (place.high | place.low) != 0);
    if comptime!(fill == Fill::Constant) {
        inside = select(is_behind, 0u32, 1u32);
    }
    if comptime!(fill == Fill::Wrap) {
        if is_behind && last > 0 {
            place.whole = remainder(place.whole, last);
            place = rounded(place);
        }
    }
    Line {
        inside,
        first: inner(place.whole, length, fill),
        second: inner(place.whole + 1, length, fill),
        weight: fraction(place),
    }
}

/// The pixel with this index, which may lie outside.
#[cube]
fn inner(index: u32, length: u32, #[comptime] fill: Fill) -> u32 {
    if comptime!(fill == Fill::Reflect) {
        let index = remainder(index, 2 * length);
        min(index, 2 * length - 1 - index)
    } else {
        select(index >> 31 == 1, 0u32, min(index, length - 1))
    }
}

/// The remainder, not negative, of a number in two's complement.
#[cube]
fn remainder(index: u32, length: u32) -> u32 {
    let below = length - 1 - (!index) % length;
    select(index >> 31 == 1, below, index % length)
}
