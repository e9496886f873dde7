//! The transforms from maps to the points of their tiles, and back.

mod rounded;

use std::marker::PhantomData;
use std::ops::Range;

use crate::buffer::scratch;
use crate::lanes::{Lanes, Work};
use crate::map::{Maps, Piece, Window};
use crate::matrix::{Grid, Matrix, square};
use crate::values::Values;

pub use rounded::ToRounded;

/// Rows of tiles of a batch of maps, numbered consecutively over all images.
#[derive(Debug, Clone)]
pub struct Strips<'a> {
    /// The batch of maps.
    pub maps: Maps<'a>,
    /// Values are zero where these are not positive.
    pub positive: Option<&'a [f32]>,
    /// Rows and columns of zeros on each side of a map.
    pub padding: usize,
    /// Pixels from one tile to the next.
    pub step: usize,
    /// Tiles per strip.
    pub across: usize,
    /// Strips per image.
    pub down: usize,
    /// Which strips.
    pub range: Range<usize>,
}

impl Strips<'_> {
    /// Number of tiles in these strips.
    pub fn tiles(&self) -> usize {
        self.range.len() * self.across
    }
}

/// Transforms one block of sixteen channels.
pub struct ToPoints<'a, A, const I: usize, const O: usize> {
    /// The transform.
    pub matrix: PhantomData<A>,
    /// The tiles to transform.
    pub strips: Strips<'a>,
    /// The block of channels to transform.
    pub block: usize,
    /// If given, the sum of all values is added to it.
    pub sum: Option<&'a mut Values>,
    /// Distance from one tile to the next in `out`.
    pub columns: usize,
    /// Distance from one point to the next in `out`.
    pub point: usize,
    /// The result, from the first point of the first tile on.
    pub out: &'a mut [Values],
}

impl<A: Matrix<I, O>, const I: usize, const O: usize> Work for ToPoints<'_, A, I, O> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(mut self, lanes: L) {
        let Strips { across, down, step, padding, .. } = self.strips;
        let width = (across - 1) * step + I;
        let mut pixels = scratch(I * width);
        for (done, strip) in self.strips.range.clone().enumerate() {
            let window = Window {
                image: strip / down,
                block: self.block,
                top: (strip % down * step) as isize - padding as isize,
                left: -(padding as isize),
                width,
            };
            self.strips.maps.read(lanes, window, self.strips.positive, &mut pixels);
            if let Some(sum) = &mut self.sum {
                let total = pixels.iter().fold(lanes.load(sum), |a, b| lanes.add(a, lanes.load(b)));
                lanes.store(total, sum);
            }
            self.tiles(lanes, &pixels, width, done * across);
        }
    }
}

impl<A: Matrix<I, O>, const I: usize, const O: usize> ToPoints<'_, A, I, O> {
    /// Transforms the tiles of one strip, which are numbered from `first` on in `out`.
    #[inline(always)]
    fn tiles<L: Lanes>(&mut self, lanes: L, pixels: &[Values], width: usize, first: usize) {
        for tile in 0..self.strips.across {
            let grid = Grid { values: &pixels[tile * self.strips.step..], down: width, right: 1 };
            let points = square::<A, L, I, O>(lanes, grid);
            let out = &mut self.out[(first + tile) * self.columns..];
            for y in 0..O {
                for x in 0..O {
                    lanes.store(points[y][x], &mut out[(y * O + x) * self.point]);
                }
            }
        }
    }
}

/// Transforms one strip of one block of channels back.
pub struct ToMaps<'a, 'b, A, const M: usize, const N: usize> {
    /// The transform.
    pub matrix: PhantomData<A>,
    /// `[point][tile][COLUMNS]`, from the first tile of this strip and this block on.
    pub sums: &'a [Values],
    /// Distance from one point to the next in `sums`.
    pub point: usize,
    /// Number of tiles in the strip.
    pub across: usize,
    /// Added to every value.
    pub bias: &'a Values,
    /// Values below zero become zero.
    pub relu: bool,
    /// Writes only the largest value of every 2×2 square.
    pub pool: bool,
    /// Pixels per row of the output.
    pub width: usize,
    /// Working memory for the strip.
    pub strip: &'a mut [Values],
    /// Where the strip is written.
    pub out: &'a mut Piece<'b>,
}

impl<A: Matrix<N, M>, const M: usize, const N: usize> Work for ToMaps<'_, '_, A, M, N> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let bias = lanes.load(self.bias);
        let floor = lanes.splat(if self.relu { 0.0 } else { f32::NEG_INFINITY });
        let side = if self.pool { M / 2 } else { M };
        let stride = self.across * side;
        let whole = &mut self.strip[..side * stride];
        for tile in 0..self.across {
            let grid = Grid {
                values: &self.sums[tile * L::COLUMNS..],
                down: N * self.point,
                right: self.point,
            };
            let mut values = square::<A, L, N, M>(lanes, grid);
            for value in values.as_flattened_mut() {
                *value = lanes.max(floor, lanes.add(*value, bias));
            }
            let strip = &mut whole[tile * side..];
            if self.pool {
                for y in 0..M / 2 {
                    for x in 0..M / 2 {
                        let [a, b] = [values[2 * y][2 * x], values[2 * y][2 * x + 1]];
                        let [c, d] = [values[2 * y + 1][2 * x], values[2 * y + 1][2 * x + 1]];
                        let most = lanes.max(lanes.max(a, b), lanes.max(c, d));
                        // The maximum may drop a NaN, the sum keeps it.
                        let sum = lanes.add(lanes.add(a, b), lanes.add(c, d));
                        let most = lanes.mul_add(lanes.splat(0.0), sum, most);
                        lanes.store(most, &mut strip[y * stride + x]);
                    }
                }
            } else {
                for y in 0..M {
                    for x in 0..M {
                        lanes.store(values[y][x], &mut strip[y * stride + x]);
                    }
                }
            }
        }
        self.out.write(lanes, self.width, stride, whole);
    }
}
