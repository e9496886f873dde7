//! The gradient of the filters by minimal filtering: `Gᵀ[(A dY Aᵀ) ⊙ (Bᵀ X B)]G`, summed over all
//! tiles of all images before it is transformed back.
//!
//! Tiles are summed in their order, whatever the number of threads.

use std::marker::PhantomData;

use rayon::prelude::*;

use crate::buffer::scratch;
use crate::lanes::{Lanes, Values, WIDTH, Work};
use crate::map::{Maps, Window};
use crate::minimal::{Gather, Grid, Input, Matrix, Minimal, Spread, square};
use crate::winograd::{Problem, TransformInput};

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

impl<L: Lanes, T: Minimal<M, N>, const M: usize, const N: usize> KernelGradient<L, T, M, N>
where
    Input<T>: Matrix<N, N>,
    Spread<T>: Matrix<M, N>,
    Gather<T>: Matrix<N, 3>,
{
    /// Writes the gradient of the kernel, `[out, in, 3, 3]`, and of the bias.
    pub fn run(&self, terms: Terms<'_>, kernel: &mut [f32], bias: &mut [f32]) {
        let points = N * N;
        let extent = self.problem.output();
        let (down, across) = (extent.height.div_ceil(M), extent.width.div_ceil(M));
        let blocks = self.problem.input.blocks();
        let panels = extent.blocks().div_ceil(L::COLUMNS);
        let all = self.problem.images * down;
        let groups = all.div_ceil((TILES / across).max(1));
        let strips = all.div_ceil(groups);
        let per_point = panels * blocks * WIDTH * L::COLUMNS;
        let mut products = scratch(points * per_point);
        let mut sums = vec![Values::ZERO; panels * L::COLUMNS];
        let mut v = scratch(blocks * points * strips * across);
        let mut s = scratch(panels * L::COLUMNS * points * strips * across);
        for first in (0..all).step_by(strips) {
            let strips = first..all.min(first + strips);
            let tiles = strips.len() * across;
            let v = &mut v[..blocks * points * tiles];
            v.par_chunks_exact_mut(points * tiles).enumerate().for_each(|(block, out)| {
                self.lanes.vectorize(TransformInput::<T, M, N> {
                    tile: PhantomData,
                    maps: terms.input,
                    positive: None,
                    padding: self.problem.padding,
                    across,
                    down,
                    strips: strips.clone(),
                    block,
                    out,
                });
            });
            let s = &mut s[..panels * L::COLUMNS * points * tiles];
            let outs = s.par_chunks_exact_mut(L::COLUMNS * points * tiles);
            outs.zip(sums.par_chunks_exact_mut(L::COLUMNS)).enumerate().for_each(
                |(panel, (out, sums))| {
                    self.lanes.vectorize(TransformSpread::<T, M, N> {
                        tile: PhantomData,
                        terms,
                        across,
                        down,
                        strips: strips.clone(),
                        panel,
                        sums,
                        out,
                    });
                },
            );
            let (v, s) = (&*v, &*s);
            products.par_chunks_exact_mut(per_point).enumerate().for_each(|(point, out)| {
                self.lanes.vectorize(Accumulate {
                    v: &v[point * tiles..],
                    s: &s[point * tiles * L::COLUMNS..],
                    tiles,
                    stride: points * tiles,
                    blocks,
                    more: first > 0,
                    out,
                });
            });
        }
        let products = &*products;
        let per_block = WIDTH * self.problem.input.channels * 9;
        kernel.par_chunks_mut(per_block).enumerate().for_each(|(block, out)| {
            self.lanes.vectorize(TransformBack::<T, M, N> {
                tile: PhantomData,
                products: &products
                    [block / L::COLUMNS * blocks * WIDTH * L::COLUMNS + block % L::COLUMNS..],
                point: per_point,
                channels: self.problem.input.channels,
                out,
            });
        });
        for (into, sum) in bias.iter_mut().zip(bytemuck::cast_slice::<Values, f32>(&sums)) {
            *into = *sum;
        }
    }
}

struct TransformSpread<'a, T, const M: usize, const N: usize> {
    tile: PhantomData<T>,
    terms: Terms<'a>,
    across: usize,
    down: usize,
    strips: std::ops::Range<usize>,
    panel: usize,
    /// The sums of the gradient, which are that of the bias.
    sums: &'a mut [Values],
    /// `[point][tile][COLUMNS][16]`
    out: &'a mut [Values],
}

impl<T: Minimal<M, N>, const M: usize, const N: usize> Work for TransformSpread<'_, T, M, N>
where
    Spread<T>: Matrix<M, N>,
{
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let width = self.across * M;
        let tiles = self.strips.len() * self.across;
        let mut strip = scratch(M * width);
        for column in 0..L::COLUMNS {
            let block = self.panel * L::COLUMNS + column;
            if block >= self.terms.output.extent.blocks() {
                for out in self.out.chunks_exact_mut(L::COLUMNS) {
                    out[column] = Values::ZERO;
                }
                continue;
            }
            let mut sum = lanes.load(&self.sums[column]);
            for (at, index) in self.strips.clone().enumerate() {
                let window = Window {
                    image: index / self.down,
                    block,
                    top: (index % self.down * M) as isize,
                    left: 0,
                    width,
                };
                self.terms.output.read(lanes, window, self.terms.positive, &mut strip);
                for values in strip.iter() {
                    sum = lanes.add(sum, lanes.load(values));
                }
                for x in 0..self.across {
                    let grid = Grid { values: &strip[x * M..], down: width, right: 1 };
                    let points = square::<Spread<T>, L, M, N>(lanes, grid);
                    let out = &mut self.out[(at * self.across + x) * L::COLUMNS + column..];
                    for y in 0..N {
                        for x in 0..N {
                            lanes.store(points[y][x], &mut out[(y * N + x) * tiles * L::COLUMNS]);
                        }
                    }
                }
            }
            lanes.store(sum, &mut self.sums[column]);
        }
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
                let mut sums = [[lanes.splat(0.0); N]; R];
                if self.more {
                    for r in 0..R {
                        for n in 0..N {
                            sums[r][n] = lanes.load(&out[r][n]);
                        }
                    }
                }
                for (v, s) in v.iter().zip(s) {
                    let Some(v) = v.0[first..].first_chunk::<R>() else {
                        return;
                    };
                    let mut columns = [lanes.splat(0.0); N];
                    for n in 0..N {
                        columns[n] = lanes.load(&s[n]);
                    }
                    for r in 0..R {
                        let value = lanes.splat(v[r]);
                        for n in 0..N {
                            sums[r][n] = lanes.mul_add(value, columns[n], sums[r][n]);
                        }
                    }
                }
                for r in 0..R {
                    for n in 0..N {
                        lanes.store(sums[r][n], &mut out[r][n]);
                    }
                }
            }
        }
    }
}

struct TransformBack<'a, T, const M: usize, const N: usize> {
    tile: PhantomData<T>,
    /// From this block of outputs on.
    products: &'a [Values],
    point: usize,
    channels: usize,
    /// `[out][in][tap]` of up to sixteen outputs.
    out: &'a mut [f32],
}

impl<T: Minimal<M, N>, const M: usize, const N: usize> Work for TransformBack<'_, T, M, N>
where
    Gather<T>: Matrix<N, 3>,
{
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let row = self.channels * 9;
        let mut taps = [Values::ZERO; 9 * WIDTH];
        for first in (0..self.channels).step_by(WIDTH) {
            let count = WIDTH.min(self.channels - first);
            for channel in 0..count {
                let grid = Grid {
                    values: &self.products[(first + channel) * L::COLUMNS..],
                    down: N * self.point,
                    right: self.point,
                };
                let gathered = square::<Gather<T>, L, N, 3>(lanes, grid);
                for y in 0..3 {
                    for x in 0..3 {
                        lanes.store(gathered[y][x], &mut taps[channel * 9 + y * 3 + x]);
                    }
                }
            }
            let outs = self.out.chunks_exact_mut(row);
            if count == WIDTH {
                let mut outs: Vec<&mut [f32]> = outs.collect();
                for (part, taps) in taps.as_chunks::<WIDTH>().0.iter().enumerate() {
                    let mut columns = [lanes.splat(0.0); WIDTH];
                    for (column, values) in columns.iter_mut().zip(taps) {
                        *column = lanes.load(values);
                    }
                    for (out, row) in outs.iter_mut().zip(lanes.transpose(columns)) {
                        if let Some(into) = out[first * 9 + part * WIDTH..].first_chunk_mut() {
                            lanes.write(row, into);
                        }
                    }
                }
            } else {
                for (lane, out) in outs.enumerate() {
                    for (into, values) in out[first * 9..].iter_mut().zip(&taps[..count * 9]) {
                        *into = values.0[lane];
                    }
                }
            }
        }
    }
}
