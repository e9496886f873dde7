//! The gradient of the filters by minimal filtering: `Gᵀ[(A dY Aᵀ) ⊙ (Bᵀ X B)]G`, summed over all
//! tiles of all images before it is transformed back.
//!
//! Tiles are summed in their order, whatever the number of threads.

use std::marker::PhantomData;

use rayon::prelude::*;

use crate::buffer::scratch;
use crate::lanes::{Lanes, Values, WIDTH, Work};
use crate::map::Maps;
use crate::minimal::{Grid, Matrix, Tiling, square};
use crate::product::{add, load, store};
use crate::transform::{Strips, ToPoints};
use crate::winograd::Problem;

/// Tiles that are transformed before they are multiplied.
const TILES: usize = 256;

/// What the gradient is computed from.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    /// What went in.
    pub input: Maps<'a>,
    /// The gradient of what came out.
    pub output: Maps<'a>,
    /// What came out, where ReLU was applied to it.
    pub positive: Option<&'a [f32]>,
}

/// One algorithm.
#[derive(Debug, Clone, Copy)]
pub struct KernelGradient<L, T, const M: usize, const N: usize> {
    /// The instruction set.
    pub lanes: L,
    /// Which F(m, 3).
    pub tile: PhantomData<T>,
    /// What was convolved.
    pub problem: Problem,
}

impl<L: Lanes, T: Tiling<M, N>, const M: usize, const N: usize> KernelGradient<L, T, M, N> {
    /// Writes the gradient of the kernel, `[out, in, 3, 3]`, and of the bias.
    pub fn run(&self, terms: Terms<'_>, kernel: &mut [f32], bias: &mut [f32]) {
        let extent = self.problem.output();
        let (down, across) = (extent.height.div_ceil(M), extent.width.div_ceil(M));
        let (blocks, columns) =
            (self.problem.input.blocks(), extent.blocks().next_multiple_of(L::COLUMNS));
        let all = self.problem.images * down;
        // As even as can be.
        let strips = all.div_ceil(all.div_ceil((TILES / across).max(1)));
        let mut products = scratch(N * N * columns * blocks * WIDTH);
        let mut sums = vec![Values::ZERO; columns];
        let mut v = scratch(blocks * N * N * strips * across);
        let mut s = scratch(columns * N * N * strips * across);
        for first in (0..all).step_by(strips) {
            let range = first..all.min(first + strips);
            let tiles = range.len() * across;
            let of = |maps, positive, padding| Strips {
                maps,
                positive,
                padding,
                step: M,
                across,
                down,
                range: range.clone(),
            };
            let v = &mut v[..blocks * N * N * tiles];
            self.inputs(&of(terms.input, None, self.problem.padding), v);
            let s = &mut s[..columns * N * N * tiles];
            self.outputs(&of(terms.output, terms.positive, 0), &mut sums, s);
            self.multiply(v, s, tiles, first > 0, &mut products);
        }
        self.back(&products, kernel);
        for (into, sum) in bias.iter_mut().zip(bytemuck::cast_slice::<Values, f32>(&sums)) {
            *into = *sum;
        }
    }

    /// `[block][point][tile]` of what went in.
    fn inputs(&self, strips: &Strips<'_>, v: &mut [Values]) {
        v.par_chunks_exact_mut(N * N * strips.tiles()).enumerate().for_each(|(block, out)| {
            self.lanes.vectorize(ToPoints::<T::Input, N, N> {
                matrix: PhantomData,
                strips: strips.clone(),
                block,
                sum: None,
                columns: 1,
                point: strips.tiles(),
                out,
            });
        });
    }

    /// `[panel][point][tile][COLUMNS]` of the gradient of what came out, and its sums.
    fn outputs(&self, strips: &Strips<'_>, sums: &mut [Values], s: &mut [Values]) {
        let outs = s.par_chunks_exact_mut(L::COLUMNS * N * N * strips.tiles());
        let sums = sums.par_chunks_exact_mut(L::COLUMNS);
        outs.zip(sums).enumerate().for_each(|(panel, (out, sums))| {
            for (column, sum) in sums.iter_mut().enumerate() {
                let block = panel * L::COLUMNS + column;
                let out = &mut out[column..];
                if block >= strips.maps.extent.blocks() {
                    out.iter_mut().step_by(L::COLUMNS).for_each(|out| *out = Values::ZERO);
                    continue;
                }
                self.lanes.vectorize(ToPoints::<T::Spread, M, N> {
                    matrix: PhantomData,
                    strips: strips.clone(),
                    block,
                    sum: Some(sum),
                    columns: L::COLUMNS,
                    point: strips.tiles() * L::COLUMNS,
                    out,
                });
            }
        });
    }

    /// `[point][panel][in][COLUMNS]`, added to what is there where there is `more`.
    fn multiply(&self, v: &[Values], s: &[Values], tiles: usize, more: bool, out: &mut [Values]) {
        let blocks = self.problem.input.blocks();
        let per_point = out.len() / (N * N);
        out.par_chunks_exact_mut(per_point).enumerate().for_each(|(point, out)| {
            self.lanes.vectorize(Accumulate {
                v: &v[point * tiles..],
                s: &s[point * tiles * L::COLUMNS..],
                tiles,
                stride: N * N * tiles,
                blocks,
                more,
                out,
            });
        });
    }

    fn back(&self, products: &[Values], kernel: &mut [f32]) {
        let channels = self.problem.input.channels;
        let per_panel = self.problem.input.blocks() * WIDTH * L::COLUMNS;
        kernel.par_chunks_mut(WIDTH * channels * 9).enumerate().for_each(|(block, out)| {
            let start = block / L::COLUMNS * per_panel + block % L::COLUMNS;
            self.lanes.vectorize(TransformBack::<T::Gather, N> {
                matrix: PhantomData,
                products: &products[start..],
                point: products.len() / (N * N),
                channels,
                out,
            });
        });
    }
}

/// One point: `[in, tiles] × [tiles, out]`, added to `[panel][in][COLUMNS][16]`.
struct Accumulate<'a> {
    v: &'a [Values],
    s: &'a [Values],
    tiles: usize,
    stride: usize,
    blocks: usize,
    more: bool,
    out: &'a mut [Values],
}

impl Work for Accumulate<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        match L::COLUMNS {
            2 => self.rows::<L, 8, 2>(lanes),
            _ => self.rows::<L, 4, 1>(lanes),
        }
    }
}

impl Accumulate<'_> {
    #[inline(always)]
    fn rows<L: Lanes, const R: usize, const N: usize>(self, lanes: L) {
        for (panel, out) in self.out.chunks_exact_mut(self.blocks * WIDTH * N).enumerate() {
            let s = self.s[panel * self.stride * N..][..self.tiles * N].as_chunks::<N>().0;
            for (at, out) in out.as_chunks_mut::<N>().0.chunks_exact_mut(R).enumerate() {
                let v = &self.v[at * R / WIDTH * self.stride..][..self.tiles];
                let first = at * R % WIDTH;
                let Some(out) = out.first_chunk_mut::<R>() else {
                    return;
                };
                let mut sums = load(lanes, out, self.more);
                for (v, s) in v.iter().zip(s) {
                    let Some(v) = v.0[first..].first_chunk::<R>() else {
                        return;
                    };
                    add(lanes, |r| v[r], s, &mut sums);
                }
                store(lanes, sums, out);
            }
        }
    }
}

struct TransformBack<'a, A, const N: usize> {
    matrix: PhantomData<A>,
    /// From this block of outputs on.
    products: &'a [Values],
    point: usize,
    channels: usize,
    /// `[out][in][tap]` of up to sixteen outputs.
    out: &'a mut [f32],
}

impl<A: Matrix<N, 3>, const N: usize> Work for TransformBack<'_, A, N> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(mut self, lanes: L) {
        let mut taps = [Values::ZERO; 9 * WIDTH];
        for first in (0..self.channels).step_by(WIDTH) {
            let count = WIDTH.min(self.channels - first);
            for channel in 0..count {
                let grid = Grid {
                    values: &self.products[(first + channel) * L::COLUMNS..],
                    down: N * self.point,
                    right: self.point,
                };
                let gathered = square::<A, L, N, 3>(lanes, grid);
                for y in 0..3 {
                    for x in 0..3 {
                        lanes.store(gathered[y][x], &mut taps[channel * 9 + y * 3 + x]);
                    }
                }
            }
            self.write(lanes, first, &taps[..count * 9]);
        }
    }
}

impl<A, const N: usize> TransformBack<'_, A, N> {
    /// `[channel][tap]` of some channels, from `first` on, to every output.
    #[inline(always)]
    fn write<L: Lanes>(&mut self, lanes: L, first: usize, taps: &[Values]) {
        let mut outs: Vec<&mut [f32]> = self.out.chunks_exact_mut(self.channels * 9).collect();
        let (squares, rest) = taps.as_chunks::<WIDTH>();
        let at = |part: usize| first * 9 + part * WIDTH;
        for (part, taps) in squares.iter().enumerate() {
            let mut columns = [lanes.splat(0.0); WIDTH];
            for (column, values) in columns.iter_mut().zip(taps) {
                *column = lanes.load(values);
            }
            for (out, row) in outs.iter_mut().zip(lanes.transpose(columns)) {
                if let Some(into) = out[at(part)..].first_chunk_mut() {
                    lanes.write(row, into);
                }
            }
        }
        for (lane, out) in outs.iter_mut().enumerate() {
            for (into, values) in out[at(squares.len())..].iter_mut().zip(rest) {
                *into = values.0[lane];
            }
        }
    }
}
