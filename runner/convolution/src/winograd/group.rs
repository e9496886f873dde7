//! Strips of tiles that are transformed and multiplied together.

use std::marker::PhantomData;

use rayon::prelude::*;

use super::Winograd;
use super::multiply::{Multiply, MultiplyPanel, Pass};
use crate::buffer::{Scratch, apart, scratch};
use crate::filter::{self, Kernel};
use crate::lanes::Lanes;
use crate::lanes::matrix_unit::ROWS;
use crate::map::Piece;
use crate::matrix::Tiling;
use crate::product::{INNER, Rows, panel_len};
use crate::transform::{Strips, ToMaps, ToPoints, ToRounded};
use crate::values::{Values, WIDTH};

/// What all groups of strips have in common.
pub struct Group<'a, L, T, const M: usize, const N: usize> {
    /// The convolution, and how its work is divided.
    pub algorithm: Winograd<L, T, M, N>,
    /// The strips of all groups.
    pub strips: Strips<'a>,
    /// The bias, `[out / 16]`.
    pub bias: &'a [Values],
    /// Sums below zero become zero.
    pub relu: bool,
    /// Writes only the largest value of every 2×2 square.
    pub pool: bool,
    /// Pixels per row of the output.
    pub width: usize,
}

impl<L: Lanes, T: Tiling<M, N>, const M: usize, const N: usize> Group<'_, L, T, M, N> {
    /// Computes some strips from transformed filters.
    pub fn run(&self, filters: &[Values], first: usize, pieces: &mut [Vec<Piece<'_>>]) {
        let Winograd { shape, blocking, .. } = self.algorithm;
        let strips = Strips { range: first..first + pieces.len(), ..self.strips.clone() };
        let tiles = strips.tiles();
        let inputs = self.inputs(&strips);
        let panels = shape.outputs.div_ceil(WIDTH * L::COLUMNS);
        let per_pass = blocking.panels(L::COLUMNS).min(panels);
        let largest = Pass { first: 0, count: per_pass, tiles };
        let mut m = scratch(N * N * largest.per_point::<L>());
        let per_panel = N * N * panel_len::<L>(shape.input.blocks());
        for first in (0..panels).step_by(per_pass) {
            let pass = Pass { first, count: per_pass.min(panels - first), tiles };
            let m = &mut m[..N * N * pass.per_point::<L>()];
            self.multiply(pass, &filters[first * per_panel..], &inputs, m);
            self.output(pass, m, pieces);
        }
    }

    /// Computes all strips. Each thread takes one panel all the way from filters to maps,
    /// in its own cache.
    pub fn by_panel(&self, kernel: Kernel<'_>, pieces: &mut [Vec<Piece<'_>>]) {
        let strips = Strips { range: 0..pieces.len(), ..self.strips.clone() };
        let tiles = strips.tiles();
        let inputs = self.inputs(&strips);
        let mut panels: Vec<Vec<&mut [Piece<'_>]>> = Vec::new();
        for strip in pieces {
            let of_strip = strip.chunks_mut(L::COLUMNS);
            panels.resize_with(of_strip.len(), Vec::new);
            panels.iter_mut().zip(of_strip).for_each(|(panel, blocks)| panel.push(blocks));
        }
        panels.into_par_iter().enumerate().for_each(|(panel, mut strips)| {
            let pass = Pass { first: panel, count: 1, tiles };
            let mut m = scratch(N * N * pass.per_point::<L>());
            self.multiply_panel(pass, kernel, &inputs, &mut m);
            let mut room = scratch(M * M * self.strips.across);
            for (strip, blocks) in strips.iter_mut().enumerate() {
                for (block, out) in blocks.iter_mut().enumerate() {
                    self.back(pass, &m, (strip, block), &mut room, out);
                }
            }
        });
    }

    fn inputs(&self, strips: &Strips<'_>) -> Inputs {
        if L::PIECES == 1 {
            return self.rounded(strips);
        }
        let point = strips.tiles() | 1;
        let block = apart(N * N * point);
        let mut values = scratch(self.algorithm.shape.input.blocks() * block);
        self.each(&mut values, block, |block, out| {
            self.algorithm.lanes.vectorize(ToPoints::<T::Input, N, N> {
                matrix: PhantomData,
                strips: strips.clone(),
                block,
                sum: None,
                columns: 1,
                point,
                out,
            });
        });
        Inputs { values, point, block }
    }

    /// The same, rounded for the products, two blocks of channels at a time.
    fn rounded(&self, strips: &Strips<'_>) -> Inputs {
        let point = strips.tiles() | 1;
        let block = apart(N * N * point);
        let units = self.algorithm.shape.input.blocks().div_ceil(2);
        // A product is of whole groups of rows, the last of which nobody reads.
        let mut values = scratch(units * block + ROWS);
        self.each(&mut values[..units * block], block, |unit, out| {
            self.algorithm.lanes.vectorize(ToRounded::<T::Input, N> {
                matrix: PhantomData,
                strips: strips.clone(),
                block: 2 * unit,
                point,
                out,
            });
        });
        Inputs { values, point, block }
    }

    /// Writes the products of this pass's panels, `[point][panel][tile][COLUMNS][16]`.
    fn multiply(&self, pass: Pass, filters: &[Values], inputs: &Inputs, m: &mut [Values]) {
        let blocks = self.algorithm.shape.input.blocks();
        let panel = panel_len::<L>(blocks);
        self.each(m, pass.per_point::<L>(), |point, out| {
            let values = &inputs.values[point * inputs.point..];
            self.algorithm.lanes.vectorize(Multiply {
                rows: Rows { values, stride: inputs.block, next: inputs.point },
                pass,
                blocks,
                panels: &filters[point * pass.count * panel..],
                out,
            });
        });
    }

    /// Writes the products of one panel, `[point][tile][COLUMNS][16]`. Its filters are
    /// transformed only as many channels at a time as are summed together, so that they
    /// stay in this core's cache.
    fn multiply_panel(&self, pass: Pass, kernel: Kernel<'_>, inputs: &Inputs, m: &mut [Values]) {
        let Winograd { shape, lanes, .. } = self.algorithm;
        let blocks = shape.input.blocks();
        let part = panel_len::<L>(INNER.min(blocks));
        let mut filters = scratch(N * N * part);
        for first in (0..blocks).step_by(INNER) {
            let some = first..blocks.min(first + INNER);
            let channels = some.start * WIDTH..shape.input.channels.min(some.end * WIDTH);
            let points = filters.chunks_exact_mut(part).collect();
            let of = (pass.first, channels);
            filter::transform_panel::<L, T::Filter, N>(lanes, shape, kernel, of, points);
            let values = &inputs.values[first * inputs.block..];
            lanes.vectorize(MultiplyPanel {
                rows: Rows { values, stride: inputs.block, next: inputs.point },
                pass,
                blocks: some.len(),
                filters: &filters,
                accumulate: first > 0,
                out: &mut *m,
            });
        }
    }

    fn output(&self, pass: Pass, m: &[Values], pieces: &mut [Vec<Piece<'_>>]) {
        let first = pass.first * L::COLUMNS;
        let range = first..(first + pass.count * L::COLUMNS).min(self.bias.len());
        let room = M * M * self.strips.across;
        if self.algorithm.blocking.shared {
            pieces.par_iter_mut().enumerate().for_each(|(strip, blocks)| {
                let blocks = blocks[range.clone()].par_iter_mut().enumerate();
                blocks.for_each(|(block, out)| {
                    self.back(pass, m, (strip, block), &mut scratch(room), out)
                });
            });
        } else {
            let mut room = scratch(room);
            for (strip, blocks) in pieces.iter_mut().enumerate() {
                for (block, out) in blocks[range.clone()].iter_mut().enumerate() {
                    self.back(pass, m, (strip, block), &mut room, out);
                }
            }
        }
    }

    /// Transforms one strip of one block of this pass back.
    fn back(
        &self,
        pass: Pass,
        m: &[Values],
        (strip, block): (usize, usize),
        room: &mut [Values],
        out: &mut Piece<'_>,
    ) {
        let (panel, column) = (block / L::COLUMNS, block % L::COLUMNS);
        let start =
            panel * pass.per_panel::<L>() + strip * self.strips.across * L::COLUMNS + column;
        self.algorithm.lanes.vectorize(ToMaps::<T::Output, M, N> {
            matrix: PhantomData,
            sums: &m[start..],
            point: pass.per_point::<L>(),
            across: self.strips.across,
            bias: &self.bias[pass.first * L::COLUMNS + block],
            relu: self.relu,
            pool: self.pool,
            width: self.width,
            strip: room,
            out,
        });
    }

    /// Calls `f` with each chunk of `size` values, on all threads where they share the
    /// work.
    fn each(
        &self,
        values: &mut [Values],
        size: usize,
        f: impl Fn(usize, &mut [Values]) + Send + Sync,
    ) {
        if self.algorithm.blocking.shared {
            values.par_chunks_exact_mut(size).enumerate().for_each(|(index, out)| f(index, out));
        } else {
            values.chunks_exact_mut(size).enumerate().for_each(|(index, out)| f(index, out));
        }
    }
}

/// The points of a group of strips, `[block][point][tile]`.
struct Inputs {
    values: Scratch,
    /// Distance from one point to the next.
    point: usize,
    /// Distance from one block to the next.
    block: usize,
}
