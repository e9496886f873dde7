//! From maps to points that are rounded: two blocks of channels share each line, in the form that
//! products of rounded numbers read.

use std::marker::PhantomData;

use super::Strips;
use crate::buffer::{Scratch, scratch};
use crate::lanes::{Lanes, Work};
use crate::map::Window;
use crate::matrix::{Grid, Matrix, square};
use crate::values::Values;

/// Transforms two neighbouring blocks of sixteen channels.
pub struct ToRounded<'a, A, const N: usize> {
    /// The transform.
    pub matrix: PhantomData<A>,
    /// The tiles to transform.
    pub strips: Strips<'a>,
    /// The first of the two blocks; zeros take the place of a second one that is not there.
    pub block: usize,
    /// Distance from one point to the next in `out`.
    pub point: usize,
    /// The result, from the first point of the first tile on.
    pub out: &'a mut [Values],
}

impl<A: Matrix<N, N>, const N: usize> Work for ToRounded<'_, A, N> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Strips { across, step, .. } = self.strips;
        let width = (across - 1) * step + N;
        let mut pixels = [scratch(N * width), scratch(N * width)];
        let blocks = self.strips.maps.extent.blocks();
        let count = if self.block + 1 < blocks { 2 } else { 1 };
        for (done, strip) in self.strips.range.clone().enumerate() {
            for (half, pixels) in pixels.iter_mut().enumerate().take(count) {
                self.read(lanes, strip, (self.block + half, width), pixels);
            }
            for tile in 0..across {
                let mut points = [[[lanes.splat(0.0); N]; N]; 2];
                for half in 0..count {
                    let grid = Grid { values: &pixels[half][tile * step..], down: width, right: 1 };
                    points[half] = square::<A, L, N, N>(lanes, grid);
                }
                let out = &mut self.out[done * across + tile..];
                for y in 0..N {
                    for x in 0..N {
                        let both = lanes.split(points[0][y][x], points[1][y][x]);
                        lanes.store(both[0], &mut out[(y * N + x) * self.point]);
                    }
                }
            }
        }
    }
}

impl<A, const N: usize> ToRounded<'_, A, N> {
    /// Reads the pixels of one strip of one block.
    #[inline(always)]
    fn read<L: Lanes>(
        &self,
        lanes: L,
        strip: usize,
        (block, width): (usize, usize),
        pixels: &mut Scratch,
    ) {
        let Strips { down, step, padding, positive, .. } = self.strips;
        let window = Window {
            image: strip / down,
            block,
            top: (strip % down * step) as isize - padding as isize,
            left: -(padding as isize),
            width,
        };
        self.strips.maps.read(lanes, window, positive, pixels);
    }
}
