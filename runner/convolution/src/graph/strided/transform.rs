//! From maps to the values of tiles.

use super::axis::{FACTORS, OUTER, OUTPUTS, has_point, split};
use super::places::Places;
use crate::buffer::scratch;
use crate::graph::windows::Windows;
use crate::lanes::{Lanes, Work};
use crate::map::{Maps, Window};
use crate::values::Values;

/// Which pixels of a map meet which taps.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    /// Pixels from one output to the next, and from one pixel of the outer taps to the next.
    stride: usize,
    /// Row and column of the first pixel of the outer taps.
    first: [isize; 2],
    /// The first pixel of the middle tap, from there on.
    middle: [usize; 2],
}

impl Reading {
    /// Of a convolution's input.
    pub fn of_input(windows: &Windows) -> Self {
        Self { stride: 2, first: windows.before.map(|before| -(before as isize)), middle: [1, 1] }
    }

    /// Of the output's gradient, for pairs of pixels of the input. One of each pair met the middle tap
    /// of an output; the other one met the last tap of the output before, and the first of the same or,
    /// where a column of zeros comes before the map, of the next.
    pub fn of_gradient(windows: &Windows) -> Self {
        let first = windows.before.map(|before| before as isize - 1);
        Self { stride: 1, first, middle: windows.before.map(|before| 1 - before) }
    }

    /// Pixels of this many tiles: one more than their outputs need for the middle tap.
    fn pixels(&self, tiles: usize) -> usize {
        tiles * OUTPUTS * self.stride + 1
    }
}

/// Transforms one block of sixteen channels.
pub struct ToValues<'a> {
    /// The maps.
    pub maps: Maps<'a>,
    /// Which of their pixels are read.
    pub reading: Reading,
    /// What they are multiplied by.
    pub scale: Option<&'a Values>,
    /// The tiles, and where their values go.
    pub places: &'a Places,
    /// The block.
    pub block: usize,
    /// The result.
    pub out: &'a mut [Values],
}

impl Work for ToValues<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(mut self, lanes: L) {
        let Reading { stride, first: [top, left], middle } = self.reading;
        let width = self.reading.pixels(self.places.across.count);
        let mut pixels = scratch(self.reading.pixels(1) * width);
        let mut points = scratch(OUTER * width);
        for strip in self.places.each() {
            let top = (strip.top * stride) as isize + top;
            let window = Window { image: strip.image, block: self.block, top, left, width };
            self.maps.read(lanes, window, None, &mut pixels);
            if let Some(scale) = self.scale {
                let scale = lanes.load(scale);
                for pixel in pixels.iter_mut() {
                    lanes.store(lanes.mul(lanes.load(pixel), scale), pixel);
                }
            }
            for x in 0..width {
                let column = outer(lanes, &pixels[x..], stride * width);
                for (y, value) in split(lanes, column, strip.rows).into_iter().enumerate() {
                    lanes.store(value, &mut points[y * width + x]);
                }
            }
            for y in strip.each_row() {
                let row = match y.checked_sub(OUTER) {
                    None => &points[y * width..],
                    Some(output) => &pixels[(output * stride + middle[0]) * width..],
                };
                self.row(lanes, &row[..width], self.places.row(&strip, y));
            }
        }
    }
}

impl ToValues<'_> {
    /// Transforms one row, whose values begin at `starts`.
    #[inline(always)]
    fn row<L: Lanes>(&mut self, lanes: L, row: &[Values], starts: [usize; FACTORS]) {
        let Reading { stride, middle, .. } = self.reading;
        let across = self.places.across;
        for tile in 0..across.count {
            let pixels = outer(lanes, &row[tile * OUTPUTS * stride..], stride);
            let points = split(lanes, pixels, across.of(tile));
            for (point, value) in points.into_iter().enumerate() {
                if has_point(across.of(tile), point) {
                    lanes.store(value, &mut self.out[starts[point] + tile]);
                }
            }
        }
        let out = &mut self.out[starts[OUTER]..][..across.outputs];
        for (out, value) in out.iter_mut().zip(row.iter().skip(middle[1]).step_by(stride)) {
            lanes.store(lanes.load(value), out);
        }
    }
}

/// The pixels that the outer taps of a tile meet, at this distance.
#[inline(always)]
fn outer<L: Lanes>(lanes: L, values: &[Values], distance: usize) -> [L::V; OUTER] {
    let mut out = [lanes.splat(0.0); OUTER];
    for (index, out) in out.iter_mut().enumerate() {
        *out = lanes.load(&values[index * distance]);
    }
    out
}
