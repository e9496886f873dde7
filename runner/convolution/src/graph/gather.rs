//! Windows copied behind each other, so that a convolution becomes a matrix product.

use super::windows::Windows;
use crate::lanes::Lanes;
use crate::shape::Extent;
use crate::values::{Values, WIDTH};

/// One map.
#[derive(Clone, Copy)]
pub enum Source<'a> {
    /// `[channel, height, width]`, for few channels.
    Planar(&'a [f32]),
    /// `[channel / 16, height, width]`
    Blocks(&'a [Values]),
}

/// Writes the windows of `count` places from the `first` on, `[tap][block][place]`, or of planar maps
/// `[16 of tap and channel][place]`.
#[inline(always)]
pub fn gather<L: Lanes>(
    lanes: L,
    (source, extent): (Source<'_>, Extent),
    windows: &Windows,
    (first, count): (usize, usize),
    into: &mut [Values],
) {
    match source {
        Source::Planar(values) => {
            for index in 0..count {
                planar(values, extent, windows, (first + index, index, count), into);
            }
        }
        Source::Blocks(values) => {
            for (tap, into) in into.chunks_mut(extent.blocks() * count).enumerate() {
                blocks(lanes, (values, extent), windows, (tap, first, count), into);
            }
        }
    }
}

/// One tap of the windows of maps in blocks, `[block][place]`, one row of places after the other.
#[inline(always)]
fn blocks<L: Lanes>(
    lanes: L,
    (values, extent): (&[Values], Extent),
    windows: &Windows,
    (tap, first, count): (usize, usize, usize),
    into: &mut [Values],
) {
    let (row, column) = (tap / windows.size[1], tap % windows.size[1]);
    let plane = extent.height * extent.width;
    let mut done = 0;
    while done < count {
        let (y, x) = ((first + done) / windows.places[1], (first + done) % windows.places[1]);
        let some = (windows.places[1] - x).min(count - done);
        let (top, rows) = windows.inside(0, y, extent.height);
        let (mut inside, left) = windows.reached(column, extent.width, x..x + some);
        if !rows.contains(&row) {
            inside = x..x;
        }
        let start = (top + row as isize).max(0) as usize * extent.width + left;
        for (block, into) in into.chunks_exact_mut(count).enumerate() {
            let into = &mut into[done..done + some];
            let (into, after) = into.split_at_mut(inside.end - x);
            let (before, into) = into.split_at_mut(inside.start - x);
            for into in before.iter_mut().chain(after) {
                lanes.store(lanes.splat(0.0), into);
            }
            for index in 0..into.len() {
                let from = block * plane + start + index * windows.stride;
                lanes.store(lanes.load(&values[from]), &mut into[index]);
            }
        }
        done += some;
    }
}

/// One window of a planar map.
#[inline(always)]
fn planar(
    values: &[f32],
    extent: Extent,
    windows: &Windows,
    (place, index, count): (usize, usize, usize),
    into: &mut [Values],
) {
    let (y, x) = (place / windows.places[1], place % windows.places[1]);
    let (top, rows) = windows.inside(0, y, extent.height);
    let (left, columns) = windows.inside(1, x, extent.width);
    let place = |row: usize, column: usize| {
        let is_inside = rows.contains(&row) && columns.contains(&column);
        let y = (top + row as isize) as usize;
        let x = (left + column as isize) as usize;
        is_inside.then(|| y * extent.width + x)
    };
    let plane = extent.height * extent.width;
    let terms = windows.taps() * extent.channels;
    for tap in 0..windows.taps() {
        let from = place(tap / windows.size[1], tap % windows.size[1]);
        for channel in 0..extent.channels {
            let term = tap * extent.channels + channel;
            let value = from.map_or(0.0, |from| values[channel * plane + from]);
            into[term / WIDTH * count + index].0[term % WIDTH] = value;
        }
    }
    for term in terms..terms.next_multiple_of(WIDTH) {
        into[term / WIDTH * count + index].0[term % WIDTH] = 0.0;
    }
}
