//! From the gradients of outputs to the values that the gradients of filters are summed from.

use super::axis::{FACTORS, OUTER, OUTPUTS, has_point, spread};
use super::places::Places;
use crate::buffer::scratch;
use crate::lanes::{Lanes, Work};
use crate::map::{Maps, Window};
use crate::values::Values;

/// Transforms one block of sixteen channels.
pub struct Spread<'a> {
    /// The gradients.
    pub maps: Maps<'a>,
    /// The tiles, and where their values go.
    pub places: &'a Places,
    /// The block.
    pub block: usize,
    /// The sum of all gradients is added to it.
    pub sum: &'a mut Values,
    /// The result, `COLUMNS` apart.
    pub out: &'a mut [Values],
}

impl Work for Spread<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(mut self, lanes: L) {
        let width = self.places.across.count * OUTPUTS;
        let mut pixels = scratch(OUTPUTS * width);
        let mut points = scratch(OUTER * width);
        let mut sum = lanes.load(self.sum);
        for strip in self.places.each() {
            let (image, top) = (strip.image, strip.top as isize);
            let window = Window { image, block: self.block, top, left: 0, width };
            self.maps.read(lanes, window, None, &mut pixels);
            for x in 0..width {
                let column = [0, 1, 2, 3].map(|y| lanes.load(&pixels[y * width + x]));
                sum = column.into_iter().fold(sum, |sum, value| lanes.add(sum, value));
                for (y, value) in spread(lanes, column, strip.rows).into_iter().enumerate() {
                    lanes.store(value, &mut points[y * width + x]);
                }
            }
            for y in strip.each_row() {
                let row = match y.checked_sub(OUTER) {
                    None => &points[y * width..],
                    Some(output) => &pixels[output * width..],
                };
                self.row(lanes, &row[..width], self.places.row(&strip, y));
            }
        }
        lanes.store(sum, self.sum);
    }
}

impl Spread<'_> {
    /// Transforms one row, whose values begin at `starts`.
    #[inline(always)]
    fn row<L: Lanes>(&mut self, lanes: L, row: &[Values], starts: [usize; FACTORS]) {
        let across = self.places.across;
        for (tile, values) in row.as_chunks::<OUTPUTS>().0.iter().enumerate() {
            let outputs = across.of(tile);
            let points = spread(lanes, values.each_ref().map(|it| lanes.load(it)), outputs);
            for (point, value) in points.into_iter().enumerate() {
                if has_point(outputs, point) {
                    lanes.store(value, &mut self.out[(starts[point] + tile) * L::COLUMNS]);
                }
            }
        }
        let out = self.out[starts[OUTER] * L::COLUMNS..].iter_mut().step_by(L::COLUMNS);
        for (out, value) in out.zip(&row[..across.outputs]) {
            lanes.store(lanes.load(value), out);
        }
    }
}
