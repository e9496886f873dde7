//! What is known of an image only when all of its pixels are: its darkest and brightest level, its
//! mean grey, its mean colour.
//!
//! Each launch leaves [`CHUNKS`] parts per image, always the same pixels in the same order; whoever
//! wants the mean adds the parts, so that nothing waits for anything within a launch.

use burn::cubecl;
use burn::cubecl::prelude::*;

use super::colour::{bright, coloured, grey, part};
use super::warp::{Pixel, warped};
use super::work::{CHUNKS, Work};

/// What is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    /// Darkest and brightest level before levels are shifted.
    Extremes,
    /// The sum of the greys before contrast.
    Grey,
    /// The sums of the colours before erasing.
    Colour,
}

/// Each cube leaves one part of one image: `parts` is `[image, chunk, 3]`.
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
    let units = comptime!(work.units);
    let image = CUBE_POS_Y;
    let chunk = CUBE_POS_X;
    let mut first = select(comptime!(kind == Kind::Extremes), 255.0f32, 0.0f32);
    let mut second = 0.0f32;
    let mut third = 0.0f32;
    let mut pixel = chunk * units + UNIT_POS;
    while pixel < comptime!(work.height * work.width) {
        let (x, y) = (pixel % comptime!(work.width), pixel / comptime!(work.width));
        let at = Pixel { image, x, y };
        if comptime!(kind == Kind::Extremes) {
            let rgb = warped(bytes, words, at, work);
            first = min(first, min(rgb.red, min(rgb.green, rgb.blue)));
            second = max(second, max(rgb.red, max(rgb.green, rgb.blue)));
        }
        if comptime!(kind == Kind::Grey) {
            first += grey(bright(bytes, words, extremes, at, work));
        }
        if comptime!(kind == Kind::Colour) {
            let rgb = coloured(bytes, words, extremes, greys, at, work);
            first += rgb.red;
            second += rgb.green;
            third += rgb.blue;
        }
        pixel += comptime!(CHUNKS * units);
    }
    let mut firsts = Shared::<[f32]>::new_slice(comptime!(units as usize));
    let mut seconds = Shared::<[f32]>::new_slice(comptime!(units as usize));
    let mut thirds = Shared::<[f32]>::new_slice(comptime!(units as usize));
    let unit = UNIT_POS as usize;
    firsts[unit] = first;
    seconds[unit] = second;
    thirds[unit] = third;
    sync_cube();
    let mut half = comptime!(units / 2).runtime();
    while half > 0 {
        if UNIT_POS < half {
            let other = (UNIT_POS + half) as usize;
            if comptime!(kind == Kind::Extremes) {
                firsts[unit] = min(firsts[unit], firsts[other]);
                seconds[unit] = max(seconds[unit], seconds[other]);
            } else {
                firsts[unit] = firsts[unit] + firsts[other];
                seconds[unit] = seconds[unit] + seconds[other];
                thirds[unit] = thirds[unit] + thirds[other];
            }
        }
        sync_cube();
        half /= 2;
    }
    if UNIT_POS == 0 {
        let place = part(image, chunk);
        parts[place] = firsts[0];
        parts[place + 1] = seconds[0];
        parts[place + 2] = thirds[0];
    }
}
