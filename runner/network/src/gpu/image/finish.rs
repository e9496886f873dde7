//! From bytes to what the network sees in one launch, mixed with a partner where that is wanted.

use burn::cubecl;
use burn::cubecl::prelude::*;

use super::colour::finished;
use super::warp::{Pixel, Rgb, word};
use super::words::{CUT, PARTNER, REGION, SHARE};
use super::work::Work;

/// One unit per pixel of the batch: `out` is `[image, height, width, 3]`.
#[cube(launch)]
pub(super) fn finish(
    bytes: &[u32],
    words: &[u32],
    extremes: &[f32],
    greys: &[f32],
    colours: &[f32],
    out: &mut [f32],
    #[comptime] work: Work,
) {
    if ABSOLUTE_POS * 3 >= out.len() {
        terminate!();
    }
    let position = ABSOLUTE_POS as u32;
    let pixel = position % comptime!(work.height * work.width);
    let image = position / comptime!(work.height * work.width);
    let (x, y) = (pixel % comptime!(work.width), pixel / comptime!(work.width));
    let mut values = Rgb { red: 0.0f32, green: 0.0f32, blue: 0.0f32 };
    if comptime!(work.mixed) {
        let partner = word(words, image, PARTNER);
        let is_cut = words[CUT] == 1;
        let first = select(is_cut && is_partners(words, x, y), partner, image);
        let share = f32::from_bits(words[SHARE]);
        for turn in 0..select(is_cut, 1u32, 2u32) {
            let image = select(turn == 0, first, partner);
            let weight = select(turn == 0, select(is_cut, 1.0f32, 1.0f32 - share), share);
            let pixel = Pixel { image, x, y };
            let own = finished(bytes, words, extremes, greys, colours, pixel, work);
            values.red += own.red * weight;
            values.green += own.green * weight;
            values.blue += own.blue * weight;
        }
    } else {
        values = finished(bytes, words, extremes, greys, colours, Pixel { image, x, y }, work);
    }
    let first = ABSOLUTE_POS * 3;
    out[first] = values.red;
    out[first + 1] = values.green;
    out[first + 2] = values.blue;
}

/// Whether a pixel comes from the partner.
#[cube]
fn is_partners(words: &[u32], x: u32, y: u32) -> bool {
    y >= words[REGION]
        && y < words[comptime!(REGION + 1)]
        && x >= words[comptime!(REGION + 2)]
        && x < words[comptime!(REGION + 3)]
}

/// Puts the words of new images where they belong: `places` has the number of each, `resident` is
/// `[image, words]`, and `new` the bytes of one image after the other.
#[cube(launch)]
pub(super) fn put(
    new: &[u32],
    places: &[u32],
    resident: &mut [u32],
    #[comptime] bytes: u32,
    #[comptime] length: u32,
) {
    let position = ABSOLUTE_POS as u32;
    let image = position / length;
    if image as usize >= places.len() {
        terminate!();
    }
    let word = position % length;
    let mut value = 0u32;
    #[unroll]
    for which in 0..4u32 {
        let index = word * 4 + which;
        if index < bytes {
            let index = image * bytes + index;
            let byte = (new[(index >> 2) as usize] >> ((index & 3) << 3)) & 255;
            value |= byte << comptime!(8 * which);
        }
    }
    resident[(places[image as usize] * length + word) as usize] = value;
}
