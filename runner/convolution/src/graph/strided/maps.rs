//! From the products of the values of tiles to maps.

use super::axis::{FACTORS, OUTER, OUTPUTS, SIDE, has_point, join};
use super::places::{Places, Strip};
use crate::activation::Activation;
use crate::buffer::scratch;
use crate::lanes::{Lanes, Work};
use crate::map::Piece;
use crate::values::Values;

/// One strip of one block of channels, which is transformed back.
pub struct Products<'a> {
    /// Where the products of its values lie.
    pub places: &'a Places,
    /// The strip.
    pub strip: Strip,
    /// Products, `COLUMNS` apart, from those of this block on.
    pub values: &'a [Values],
}

impl Products<'_> {
    /// The sums of the outer taps of a tile in a row whose products begin at `starts`.
    #[inline(always)]
    fn outer<L: Lanes>(&self, lanes: L, starts: [usize; FACTORS], tile: usize) -> [L::V; OUTPUTS] {
        let outputs = self.places.across.of(tile);
        let load = |point: usize| self.load(lanes, starts[point] + tile);
        join(lanes, points(lanes, outputs, load), outputs)
    }

    #[inline(always)]
    fn load<L: Lanes>(&self, lanes: L, index: usize) -> L::V {
        lanes.load(&self.values[index * L::COLUMNS])
    }
}

/// Loads the points of a tile with this many outputs.
#[inline(always)]
fn points<L: Lanes>(lanes: L, outputs: usize, load: impl Fn(usize) -> L::V) -> [L::V; OUTER] {
    let mut points = [lanes.splat(0.0); OUTER];
    for (point, into) in points.iter_mut().enumerate() {
        if has_point(outputs, point) {
            *into = load(point);
        }
    }
    points
}

/// What happens to the sums of a convolution.
#[derive(Clone, Copy)]
pub struct Finish<'a> {
    /// What each output's are multiplied by before the bias is added.
    pub scale: &'a [Values],
    /// Added to each output.
    pub bias: &'a [Values],
    /// Maps that are added before the activation.
    pub residual: Option<&'a [Values]>,
    /// What follows.
    pub activation: Activation,
}

/// Writes outputs.
pub struct ToOutputs<'a, 'b> {
    /// The products.
    pub products: Products<'a>,
    /// What happens to the sums.
    pub finish: Finish<'a>,
    /// The block of outputs, and where it begins in the maps that are added.
    pub block: (usize, usize),
    /// The strip's rows.
    pub out: &'a mut Piece<'b>,
}

impl Work for ToOutputs<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { products, finish: Finish { activation, residual, .. }, .. } = self;
        let (block, start) = self.block;
        let Products { places, strip, .. } = products;
        let (columns, width) = (places.across.outputs, places.across.count * OUTPUTS);
        let mut rows = scratch(SIDE * width);
        for y in strip.each_row() {
            let starts = places.row(&strip, y);
            let row = rows[y * width..][..width].as_chunks_mut::<OUTPUTS>().0;
            for (tile, out) in row.iter_mut().enumerate() {
                let middle = starts[OUTER] + tile * OUTPUTS;
                let sums = products.outer(lanes, starts, tile).into_iter().zip(out).enumerate();
                for (x, (sum, out)) in sums.take(places.across.of(tile)) {
                    lanes.store(lanes.add(sum, products.load(lanes, middle + x)), out);
                }
            }
        }
        let Piece::Nchw16c(out) = self.out else { return };
        let out = out.as_chunks_mut().0;
        let [scale, bias] =
            [self.finish.scale, self.finish.bias].map(|values| lanes.load(&values[block]));
        for x in 0..columns {
            let load = |y: usize| lanes.load(&rows[y * width + x]);
            let sums = join(lanes, points(lanes, strip.rows, load), strip.rows);
            for (y, sum) in sums.into_iter().enumerate().take(strip.rows) {
                let index = y * columns + x;
                let sum = lanes.add(sum, load(OUTER + y));
                let mut value = lanes.mul_add(sum, scale, bias);
                if let Some(residual) = residual {
                    value = lanes.add(value, lanes.load(&residual[start + index]));
                }
                lanes.write(activation.apply(lanes, value), &mut out[index]);
            }
        }
    }
}

/// Writes the gradient of the input: of its pixels, every other one met the outer taps.
pub struct ToInputs<'a, 'b> {
    /// The products.
    pub products: Products<'a>,
    /// Rows and columns before the first pixel that met the outer taps.
    pub before: [usize; 2],
    /// Pixels per row.
    pub width: usize,
    /// The strip's rows.
    pub out: &'a mut Piece<'b>,
}

impl Work for ToInputs<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { products, before: [above, left], width: columns, .. } = self;
        let Products { places, strip, .. } = products;
        let width = 2 * OUTPUTS * places.across.count;
        let mut rows = scratch(SIDE * width);
        for y in strip.each_row() {
            let starts = places.row(&strip, y);
            let row = rows[y * width..][..width].as_chunks_mut::<{ 2 * OUTPUTS }>().0;
            for (tile, out) in row.iter_mut().enumerate() {
                let middle = starts[OUTER] + tile * OUTPUTS;
                let sums = products.outer(lanes, starts, tile).into_iter().enumerate();
                for (x, sum) in sums.take(places.across.of(tile)) {
                    lanes.store(sum, &mut out[2 * x + left]);
                    lanes.store(products.load(lanes, middle + x), &mut out[2 * x + 1 - left]);
                }
            }
        }
        let Piece::Nchw16c(out) = self.out else { return };
        let out = out.as_chunks_mut().0;
        for x in 0..columns {
            let load = |y: usize| lanes.load(&rows[y * width + x]);
            let sums = join(lanes, points(lanes, strip.rows, load), strip.rows);
            for (y, sum) in sums.into_iter().enumerate().take(strip.rows) {
                let all = [(2 * y + above, sum), (2 * y + 1 - above, load(OUTER + y))];
                for (y, value) in all {
                    // A map with an odd number of rows ends in the middle of a pair.
                    if let Some(out) = out.get_mut(y * columns + x) {
                        lanes.write(value, out);
                    }
                }
            }
        }
    }
}
