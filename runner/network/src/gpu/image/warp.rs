//! The grey levels of one pixel after everything that moves pixels, as `runner_data` has it on the
//! CPU, bit for bit.

use burn::cubecl;
use burn::cubecl::prelude::*;
use runner_experiment::section::augmentation::Fill;

use super::fixed::{Fixed, Share, add, fraction, product, rest, times};
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
    let Pixel { image, x, y } = pixel;
    if comptime!(work.steps.warp) {
        let across = line(place(words, image, x, y, 0usize), comptime!(work.width), work.fill);
        let down = line(place(words, image, x, y, 9usize), comptime!(work.height), work.fill);
        let mut sum = Rgb { red: 0.0f32, green: 0.0f32, blue: 0.0f32 };
        if across.inside == 1 && down.inside == 1 {
            let right = across.weight;
            let left = rest(right);
            let below = down.weight;
            let above = rest(below);
            let upper = down.first * comptime!(work.width);
            let lower = down.second * comptime!(work.width);
            sum = weighted(
                bytes,
                words,
                image,
                upper + across.first,
                product(above, left),
                sum,
                work,
            );
            sum = weighted(
                bytes,
                words,
                image,
                upper + across.second,
                product(above, right),
                sum,
                work,
            );
            sum = weighted(
                bytes,
                words,
                image,
                lower + across.first,
                product(below, left),
                sum,
                work,
            );
            sum = weighted(
                bytes,
                words,
                image,
                lower + across.second,
                product(below, right),
                sum,
                work,
            );
        }
        sum
    } else {
        levels(bytes, words, image, y * comptime!(work.width) + x, work)
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

/// The sum with another pixel's share of it.
#[cube]
fn weighted(
    bytes: &[u32],
    words: &[u32],
    image: u32,
    pixel: u32,
    weight: f32,
    sum: Rgb,
    #[comptime] work: Work,
) -> Rgb {
    let zero = words[ZERO];
    let levels = levels(bytes, words, image, pixel, work);
    Rgb {
        red: sum.red + apart(weight * levels.red, zero),
        green: sum.green + apart(weight * levels.green, zero),
        blue: sum.blue + apart(weight * levels.blue, zero),
    }
}

/// The same value, rounded: without this a compiler makes one operation of a product and the sum
/// behind it, which rounds once where the CPU rounds twice, and 255 of 255 are then 254.99998.
#[cube]
fn apart(value: f32, zero: u32) -> f32 {
    f32::from_bits(value.to_bits() ^ zero)
}

/// One coordinate of the place that a pixel shows.
#[cube]
fn place(words: &[u32], image: u32, x: u32, y: u32, #[comptime] row: usize) -> Fixed {
    let across = times(coefficient(words, image, row), x);
    let down = times(coefficient(words, image, comptime!(row + 3)), y);
    add(add(across, down), coefficient(words, image, comptime!(row + 6)))
}

#[cube]
fn coefficient(words: &[u32], image: u32, #[comptime] index: usize) -> Fixed {
    Fixed {
        whole: word(words, image, comptime!(MATRIX + index)),
        high: word(words, image, comptime!(MATRIX + index + 1)),
        low: word(words, image, comptime!(MATRIX + index + 2)),
    }
}

/// The two pixels around a place, with what fills the outside.
#[cube]
fn line(place: Fixed, #[comptime] length: u32, #[comptime] fill: Fill) -> Line {
    let mut place = place;
    let mut inside = 1u32;
    let last = comptime!(length - 1);
    // Negative numbers have the first bit set.
    let is_behind = place.whole > last || (place.whole == last && (place.high | place.low) != 0);
    if comptime!(fill == Fill::Constant) {
        inside = select(is_behind, 0u32, 1u32);
    }
    if comptime!(fill == Fill::Wrap && last > 0) {
        if is_behind {
            let zero = Fixed { whole: 0u32, high: 0u32, low: 0u32 };
            place = add(
                Fixed { whole: remainder(place.whole, last), high: place.high, low: place.low },
                zero,
            );
        }
    }
    Line {
        inside,
        first: pixel(place.whole, length, fill),
        second: pixel(place.whole + 1, length, fill),
        weight: fraction(place),
    }
}

/// The pixel with this index, which may lie outside.
#[cube]
fn pixel(index: u32, #[comptime] length: u32, #[comptime] fill: Fill) -> u32 {
    if comptime!(fill == Fill::Reflect) {
        let index = remainder(index, comptime!(2 * length));
        min(index, comptime!(2 * length - 1) - index)
    } else {
        let inside = min(index, comptime!(length - 1));
        select(index >> 31 == 1, 0u32, inside)
    }
}

/// The remainder, not negative, of a number in two's complement.
#[cube]
fn remainder(index: u32, #[comptime] length: u32) -> u32 {
    let below = comptime!(length - 1) - (!index) % length;
    select(index >> 31 == 1, below, index % length)
}
