//! The gradient of the filters by minimal filtering: `Gᵀ[(A dY Aᵀ) ⊙ (Bᵀ X B)]G`, summed over all
//! tiles of all images before it is transformed back.
//!
//! Tiles are summed in their order, whatever the number of threads.

mod accumulate;
mod operands;

use std::marker::PhantomData;

use rayon::prelude::*;

use crate::buffer::scratch;
use crate::lanes::{Lanes, Values, WIDTH};
use crate::map::Maps;
use crate::matrix::Tiling;
use crate::product::depth;
use crate::transform::Strips;
use crate::winograd::{Problem, apart};
use accumulate::{Accumulate, Back};
use operands::{Operand, Side, left_len, right_len};

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
        let chunks = self.problem.input.blocks().div_ceil(depth::<L>());
        let panels = extent.blocks().div_ceil(L::COLUMNS);
        let all = self.problem.images * down;
        // As even as can be.
        let strips = all.div_ceil(all.div_ceil((TILES / across).max(1)));
        let per_point = apart(chunks * panels * sums_len::<L>());
        let mut sums = scratch(Self::POINTS * per_point);
        let mut biases = vec![Values::ZERO; panels * L::COLUMNS];
        let mut v = scratch(chunks * Self::POINTS * left_len::<L>(strips * across));
        let mut s = scratch(panels * Self::POINTS * right_len::<L>(strips * across));
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
            let v = &mut v[..chunks * Self::POINTS * left_len::<L>(tiles)];
            self.inputs(&of(terms.input, None, self.problem.padding), v);
            let s = &mut s[..panels * Self::POINTS * right_len::<L>(tiles)];
            self.outputs(&of(terms.output, terms.positive, 0), &mut biases, s);
            self.accumulate((v, s), tiles, first > 0, &mut sums);
        }
        self.back(&sums, kernel);
        for (into, sum) in bias.iter_mut().zip(bytemuck::cast_slice::<Values, f32>(&biases)) {
            *into = *sum;
        }
    }

    /// What went in, one chunk of blocks after the other.
    fn inputs(&self, strips: &Strips<'_>, v: &mut [Values]) {
        let chunks = v.par_chunks_exact_mut(Self::POINTS * left_len::<L>(strips.tiles()));
        chunks.enumerate().for_each(|(chunk, out)| {
            for half in 0..depth::<L>() {
                let (block, side) = (chunk * depth::<L>() + half, Side::Left { half });
                let operand = Operand { strips, block, side, sum: None, out: &mut *out };
                operand.fill::<L, T::Input, N, N>(self.lanes);
            }
        });
    }

    /// The gradient of what came out, one panel after the other, and its sums.
    fn outputs(&self, strips: &Strips<'_>, sums: &mut [Values], s: &mut [Values]) {
        let panels = s.par_chunks_exact_mut(Self::POINTS * right_len::<L>(strips.tiles()));
        let sums = sums.par_chunks_exact_mut(L::COLUMNS);
        panels.zip(sums).enumerate().for_each(|(panel, (out, sums))| {
            for (column, sum) in sums.iter_mut().enumerate() {
                let (block, side) = (panel * L::COLUMNS + column, Side::Right { column });
                let operand = Operand { strips, block, side, sum: Some(sum), out: &mut *out };
                operand.fill::<L, T::Spread, M, N>(self.lanes);
            }
        });
    }

    /// The product of each point, `[point][panel][chunk][in][COLUMNS][16]`: all of a point's
    /// operands stay in a core's cache.
    fn accumulate(
        &self,
        (v, s): (&[Values], &[Values]),
        tiles: usize,
        more: bool,
        sums: &mut [Values],
    ) {
        let chunks = self.problem.input.blocks().div_ceil(depth::<L>());
        let panels = self.problem.output().blocks().div_ceil(L::COLUMNS);
        let (left, right) = (left_len::<L>(tiles), right_len::<L>(tiles));
        let points = sums.par_chunks_exact_mut(sums.len() / Self::POINTS).enumerate();
        points.for_each(|(point, sums)| {
            let outs = sums.chunks_exact_mut(chunks * sums_len::<L>());
            for (panel, out) in outs.enumerate().take(panels) {
                let at = panel * Self::POINTS + point;
                self.lanes.vectorize(Accumulate {
                    v: &v[point * left..],
                    stride: Self::POINTS * left,
                    len: left,
                    s: &s[at * right..][..right],
                    share: (panel, panels),
                    more,
                    out,
                });
            }
        });
    }

    /// Transforms the sums back: `[panel of outputs][chunk of inputs]`.
    fn back(&self, sums: &[Values], kernel: &mut [f32]) {
        let channels = self.problem.input.channels;
        let chunks = self.problem.input.blocks().div_ceil(depth::<L>());
        let rows = L::COLUMNS * WIDTH * channels * 9;
        kernel.par_chunks_mut(rows).enumerate().for_each(|(panel, kernel)| {
            self.lanes.vectorize(Back::<T::Gather, N> {
                matrix: PhantomData,
                sums: &sums[panel * chunks * sums_len::<L>()..],
                point: sums.len() / Self::POINTS,
                channels,
                kernel,
            });
        });
    }
}

/// Sixteens of the sums of one panel and one chunk of inputs.
const fn sums_len<L: Lanes>() -> usize {
    depth::<L>() * WIDTH * L::COLUMNS
}
