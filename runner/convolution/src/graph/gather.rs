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
    for index in 0..count {
        let (y, x) = ((first + index) / windows.places[1], (first + index) % windows.places[1]);
        let (top, rows) = windows.inside(0, y, extent.height);
        let (left, columns) = windows.inside(1, x, extent.width);
        let place = |row: usize, column: usize| {
            let is_inside = rows.contains(&row) && columns.contains(&column);
            let y = (top + row as isize) as usize;
            let x = (left + column as isize) as usize;
            is_inside.then(|| y * extent.width + x)
        };
        match source {
            Source::Planar(values) => planar(values, extent, windows, place, (index, count), into),
            Source::Blocks(values) => {
                let plane = extent.height * extent.width;
                for tap in 0..windows.taps() {
                    let from = place(tap / windows.size[1], tap % windows.size[1]);
                    for block in 0..extent.blocks() {
                        let value = match from {
                            Some(from) => lanes.load(&values[block * plane + from]),
                            None => lanes.splat(0.0),
                        };
                        lanes.store(
                            value,
                            &mut into[(tap * extent.blocks() + block) * count + index],
                        );
                    }
                }
            }
        }
    }
}

/// One window of a planar map.
#[inline(always)]
fn planar(
    values: &[f32],
    extent: Extent,
    windows: &Windows,
    place: impl Fn(usize, usize) -> Option<usize>,
    (index, count): (usize, usize),
    into: &mut [Values],
) {
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
