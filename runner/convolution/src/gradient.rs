//! The gradient of the filters by minimal filtering: `Gᵀ[(A dY Aᵀ) ⊙ (Bᵀ X B)]G`, summed over all
//! tiles of all images before it is transformed back.
//!
//! Tiles are summed in their order, whatever the number of threads.

use std::marker::PhantomData;

use rayon::prelude::*;

use crate::buffer::scratch;
use crate::lanes::{Lanes, Values, WIDTH, Work};
use crate::map::Maps;
use crate::matrix::{Grid, Matrix, Tiling, square};
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
    const POINTS: usize = N * N;

    /// Writes the gradient of the kernel, `[out, in, 3, 3]`, and of the bias.
    pub fn run(&self, terms: Terms<'_>, kernel: &mut [f32], bias: &mut [f32]) {
        let extent = self.problem.output();
        let (down, across) = (extent.height.div_ceil(M), extent.width.div_ceil(M));
        let (blocks, columns) =
            (self.problem.input.blocks(), extent.blocks().next_multiple_of(L::COLUMNS));
        let all = self.problem.images * down;
        // As even as can be.
        let strips = all.div_ceil(all.div_ceil((TILES / across).max(1)));
        let mut pairs = self.pairs(kernel, strips < all);
        let mut sums = vec![Values::ZERO; columns];
        let mut v = scratch(blocks * Self::POINTS * strips * across);
        let mut s = scratch(columns * Self::POINTS * strips * across);
        for first in (0..all).step_by(strips) {
            let range = first..all.min(first + strips);
            let tiles = range.len() * across;
            let (start, end) = (first == 0, range.end == all);
            let of = |maps, positive, padding| Strips {
                maps,
                positive,
                padding,
                step: M,
                across,
                down,
                range: range.clone(),
            };
            let v = &mut v[..blocks * Self::POINTS * tiles];
            self.inputs(&of(terms.input, None, self.problem.padding), v);
            let s = &mut s[..columns * Self::POINTS * tiles];
            self.outputs(&of(terms.output, terms.positive, 0), &mut sums, s);
            self.accumulate(Group { v, s, tiles, start, end }, &mut pairs);
        }
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

    fn accumulate(&self, group: Group<'_>, pairs: &mut [Pair<'_>]) {
        let blocks = self.problem.input.blocks();
        pairs.par_iter_mut().enumerate().for_each(|(at, pair)| {
            let per_block = Self::POINTS * group.tiles;
            let group = Group {
                v: &group.v[at % blocks * per_block..],
                s: &group.s[at / blocks * per_block * L::COLUMNS..],
                ..group
            };
            self.lanes.vectorize(Accumulate::<T::Gather, N> { matrix: PhantomData, group, pair });
        });
    }

    /// `[panel of outputs][block of inputs]`; `kept` where their sums outlive a group of tiles.
    fn pairs<'a>(&self, kernel: &'a mut [f32], kept: bool) -> Vec<Pair<'a>> {
        let Problem { input, outputs, .. } = self.problem;
        let panels = outputs.div_ceil(WIDTH * L::COLUMNS);
        let len = if kept { Self::POINTS * WIDTH * L::COLUMNS } else { 0 };
        let mut pairs = Vec::new();
        pairs.resize_with(panels * input.blocks(), || Pair {
            sums: vec![Values::ZERO; len],
            kernel: Vec::with_capacity(WIDTH * L::COLUMNS),
        });
        for (out, row) in kernel.chunks_exact_mut(input.channels * 9).enumerate() {
            let first = out / (WIDTH * L::COLUMNS) * input.blocks();
            for (block, taps) in row.chunks_mut(WIDTH * 9).enumerate() {
                pairs[first + block].kernel.push(taps);
            }
        }
        pairs
    }
}

/// Sixteen inputs and as many outputs as are computed together.
struct Pair<'a> {
    /// `[point][in][COLUMNS]`; empty where there is only one group of tiles.
    sums: Vec<Values>,
    /// `[out][in][tap]`
    kernel: Vec<&'a mut [f32]>,
}

/// `[in, tiles] × [tiles, out]` of every point, transformed back after the last group of tiles.
struct Accumulate<'a, 'b, A, const N: usize> {
    matrix: PhantomData<A>,
    group: Group<'a>,
    pair: &'a mut Pair<'b>,
}

/// Tiles that were transformed together.
#[derive(Clone, Copy)]
struct Group<'a> {
    /// `[block][point][tile]` of the inputs.
    v: &'a [Values],
    /// `[panel][point][tile][COLUMNS]` of the gradient of the outputs.
    s: &'a [Values],
    tiles: usize,
    /// Whether these are the first tiles.
    start: bool,
    /// Whether these are the last.
    end: bool,
}

impl<A: Matrix<N, 3>, const N: usize> Work for Accumulate<'_, '_, A, N> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        match L::COLUMNS {
            2 => self.columns::<L, 8, 2>(lanes),
            _ => self.columns::<L, 4, 1>(lanes),
        }
    }
}

impl<A: Matrix<N, 3>, const N: usize> Accumulate<'_, '_, A, N> {
    /// `R` inputs and `C` sixteens of outputs at a time.
    #[inline(always)]
    fn columns<L: Lanes, const R: usize, const C: usize>(self, lanes: L) {
        let Group { v, s, tiles, start, end } = self.group;
        let per_point = WIDTH * C;
        let mut own;
        let sums: &mut [Values] = if self.pair.sums.is_empty() {
            own = scratch(N * N * per_point);
            &mut own
        } else {
            &mut self.pair.sums
        };
        for (point, sums) in sums.chunks_exact_mut(per_point).enumerate() {
            let v = &v[point * tiles..][..tiles];
            let s = s[point * tiles * C..][..tiles * C].as_chunks::<C>().0;
            for (at, sums) in sums.as_chunks_mut::<C>().0.chunks_exact_mut(R).enumerate() {
                let Some(sums) = sums.first_chunk_mut::<R>() else {
                    return;
                };
                let mut total = load(lanes, sums, !start);
                for (v, s) in v.iter().zip(s) {
                    if at == 0 {
                        // Of the next point: it comes from far away.
                        lanes.prefetch(v, tiles);
                    }
                    let Some(v) = v.0[at * R..].first_chunk::<R>() else {
                        return;
                    };
                    add(lanes, |r| v[r], s, &mut total);
                }
                store(lanes, total, sums);
            }
        }
        if end {
            for (column, kernel) in self.pair.kernel.chunks_mut(WIDTH).enumerate() {
                back::<L, A, N>(lanes, &sums[column..], per_point, C, kernel);
            }
        }
    }
}

/// Transforms the sums of sixteen inputs and up to sixteen outputs back.
#[inline(always)]
fn back<L: Lanes, A: Matrix<N, 3>, const N: usize>(
    lanes: L,
    sums: &[Values],
    point: usize,
    columns: usize,
    kernel: &mut [&mut [f32]],
) {
    let mut taps = [Values::ZERO; 9 * WIDTH];
    for (channel, taps) in taps.chunks_exact_mut(9).enumerate() {
        let grid = Grid { values: &sums[channel * columns..], down: N * point, right: point };
        let gathered = square::<A, L, N, 3>(lanes, grid);
        for y in 0..3 {
            for x in 0..3 {
                lanes.store(gathered[y][x], &mut taps[y * 3 + x]);
            }
        }
    }
    for (part, taps) in taps.as_chunks::<WIDTH>().0.iter().enumerate() {
        let mut values = [lanes.splat(0.0); WIDTH];
        for (value, taps) in values.iter_mut().zip(taps) {
            *value = lanes.load(taps);
        }
        for (out, row) in kernel.iter_mut().zip(lanes.transpose(values)) {
            let start = (part * WIDTH).min(out.len());
            let rest = &mut out[start..];
            if let Some(into) = rest.first_chunk_mut() {
                lanes.write(row, into);
            } else {
                let mut whole = [0.0; WIDTH];
                lanes.write(row, &mut whole);
                rest.copy_from_slice(&whole[..rest.len()]);
            }
        }
    }
}
