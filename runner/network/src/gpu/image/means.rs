//! What is known of an image only when all of its pixels are: its darkest and brightest level, its
//! mean grey, its mean colour.
//!
//! One launch leaves [`PARTS`] sums per image, always of the same pixels in the same order; another
//! adds these up. Neither needs memory that threads share, which not every Vulkan driver gets right.

use burn::cubecl;
use burn::cubecl::prelude::*;

use super::colour::{bright, coloured, grey};
use super::warp::{Pixel, warped};
use super::work::{CHANNELS, PARTS, Work};

/// What is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    /// Darkest and brightest level before levels are shifted.
    Extremes,
    /// The mean grey before contrast.
    Grey,
    /// The mean colour before erasing.
    Colour,
}

/// One unit for each part of each image: `parts` is `[image, part, 3]`.
#[cube(launch)]
pub(super) fn parts(
    bytes: &[u32],
    words: &[u32],
    extremes: &[f32],
    greys: &[f32],
    parts: &mut [f32],
    #[comptime] kind: Kind,
    #[comptime] work: Work,
) {
    let first = ABSOLUTE_POS * comptime!(CHANNELS as usize);
    if first >= parts.len() {
        terminate!();
    }
    let position = ABSOLUTE_POS as u32;
    let image = position / PARTS;
    let mut one = select(comptime!(kind == Kind::Extremes), 255.0f32, 0.0f32);
    let mut two = 0.0f32;
    let mut three = 0.0f32;
    let mut index = position % PARTS;
    while index < comptime!(work.height * work.width) {
        let (x, y) = (index % comptime!(work.width), index / comptime!(work.width));
        let pixel = Pixel { image, x, y };
        if comptime!(kind == Kind::Extremes) {
            let rgb = warped(bytes, words, pixel, work);
            one = min(one, min(rgb.red, min(rgb.green, rgb.blue)));
            two = max(two, max(rgb.red, max(rgb.green, rgb.blue)));
        }
        if comptime!(kind == Kind::Grey) {
            one += grey(bright(bytes, words, extremes, pixel, work));
        }
        if comptime!(kind == Kind::Colour) {
            let rgb = coloured(bytes, words, extremes, greys, pixel, work);
            one += rgb.red;
            two += rgb.green;
            three += rgb.blue;
        }
        index += PARTS;
    }
    parts[first] = one;
    parts[first + 1] = two;
    parts[first + 2] = three;
}

/// One unit for each channel of each image: `out` is `[image, 3]`.
#[cube(launch)]
pub(super) fn whole(
    parts: &[f32],
    out: &mut [f32],
    #[comptime] kind: Kind,
    #[comptime] work: Work,
) {
    if ABSOLUTE_POS >= out.len() {
        terminate!();
    }
    let channel = ABSOLUTE_POS % comptime!(CHANNELS as usize);
    let image = ABSOLUTE_POS / comptime!(CHANNELS as usize);
    let first = image * comptime!((PARTS * CHANNELS) as usize) + channel;
    let mut value = parts[first];
    for part in 1..PARTS {
        let other = parts[first + (part * CHANNELS) as usize];
        if comptime!(kind == Kind::Extremes) {
            value = select(channel == 0, min(value, other), max(value, other));
        } else {
            value += other;
        }
    }
    if comptime!(kind != Kind::Extremes) {
        value /= comptime!((work.height * work.width) as f32);
    }
    out[ABSOLUTE_POS] = value;
}
