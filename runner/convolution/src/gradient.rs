//! The gradient of the filters by minimal filtering: `Gᵀ[(A dY Aᵀ) ⊙ (Bᵀ X B)]G`, summed over all
//! tiles of all images before it is transformed back.
//!
//! Tiles are always summed in the same order, whatever the number of threads.

pub mod accumulate;

use std::marker::PhantomData;

use rayon::prelude::*;

use crate::buffer::{apart, scratch};
use crate::lanes::Lanes;
use crate::map::Maps;
use crate::matrix::Tiling;
use crate::shape::ConvShape;
use crate::transform::{Strips, ToPoints};
use crate::values::{Values, WIDTH};
use accumulate::{Accumulate, Back, LastTiles};

/// Tiles that are transformed before they are multiplied.
const TILES: usize = 256;

/// What the gradient is computed from.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    /// The input of the forward pass.
    pub input: Maps<'a>,
    /// The gradient of its output.
    pub output: Maps<'a>,
    /// Its output, if it applied ReLU.
    pub positive: Option<&'a [f32]>,
}

/// The gradient of the filters by minimal filtering with tiles `T`.
#[derive(Debug, Clone, Copy)]
pub struct KernelGradient<L, T, const M: usize, const N: usize> {
    /// The instruction set.
    pub lanes: L,
    /// Which F(m, 3).
    pub tile: PhantomData<T>,
    /// The shape of the convolution.
    pub shape: ConvShape,
}

impl<L: Lanes, T: Tiling<M, N>, const M: usize, const N: usize> KernelGradient<L, T, M, N> {
    const POINTS: usize = N * N;

    /// Writes the gradient of the kernel, `[out, in, 3, 3]`, and of the bias.
    pub fn run(&self, terms: Terms<'_>, kernel: &mut [f32], bias: &mut [f32]) {
        let extent = self.shape.output();
        let (down, across) = (extent.height.div_ceil(M), extent.width.div_ceil(M));
        let blocks = self.shape.input.blocks();
        let panels = extent.blocks().div_ceil(L::COLUMNS);
        let all = self.shape.images * down;
        // As even as possible.
        let strips = all.div_ceil(all.div_ceil((TILES / across).max(1)));
        let per_point = apart(blocks.next_multiple_of(depth::<L>()) * panels * sums_len::<L>());
        // Except on a matrix unit, the sums of the last tiles go straight to the kernel.
        let kept = L::MATRIX_UNIT || strips < all;
        let mut sums = scratch(if kept { Self::POINTS * per_point } else { 0 });
        let mut biases = vec![Values::ZERO; panels * L::COLUMNS];
        let mut v = scratch(blocks * Self::POINTS * strips * across);
        let mut s = scratch(panels * L::COLUMNS * Self::POINTS * strips * across);
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
            let v = &mut v[..blocks * Self::POINTS * tiles];
            self.inputs(&of(terms.input, None, self.shape.padding), v);
            let s = &mut s[..panels * L::COLUMNS * Self::POINTS * tiles];
            self.outputs(&of(terms.output, terms.positive, 0), &mut biases, s);
            let is_last = range.end == all;
            if is_last && !L::MATRIX_UNIT {
                self.last_tiles((v, s), tiles, (first > 0).then_some(&sums[..]), kernel);
            } else {
                self.accumulate((v, s), tiles, first > 0, &mut sums);
            }
        }
        if L::MATRIX_UNIT {
            self.back(&sums, kernel);
        }
        bias.copy_from_slice(&bytemuck::cast_slice(&biases)[..bias.len()]);
    }

    /// Transforms the input to `[block][point][tile]`.
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

    /// Transforms the output's gradient to `[panel][point][tile][COLUMNS]`, and adds its
    /// values to `sums`.
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

    /// Multiplies point by point, to `[point][panel][block][in][COLUMNS][16]`, so that all
    /// operands of a point stay in a core's cache.
    fn accumulate(
        &self,
        (v, s): (&[Values], &[Values]),
        tiles: usize,
        accumulate: bool,
        sums: &mut [Values],
    ) {
        let blocks = self.shape.input.blocks();
        let panels = self.shape.output().blocks().div_ceil(L::COLUMNS);
        let points = sums.par_chunks_exact_mut(sums.len() / Self::POINTS).enumerate();
        points.for_each(|(point, out)| {
            self.lanes.vectorize(Accumulate {
                v: &v[point * tiles..],
                s: &s[point * tiles * L::COLUMNS..],
                points: Self::POINTS,
                tiles,
                blocks,
                panels,
                accumulate,
                out,
            });
        });
    }

    /// Multiplies the last tiles, panel by panel, and transforms the sums back to the
    /// kernel.
    fn last_tiles(
        &self,
        (v, s): (&[Values], &[Values]),
        tiles: usize,
        before: Option<&[Values]>,
        kernel: &mut [f32],
    ) {
        let channels = self.shape.input.channels;
        let of_panel = self.shape.input.blocks() * sums_len::<L>();
        let rows = kernel.par_chunks_mut(L::COLUMNS * WIDTH * channels * 9);
        let s = s.par_chunks_exact(L::COLUMNS * Self::POINTS * tiles);
        rows.zip(s).enumerate().for_each(|(panel, (kernel, s))| {
            let before = before.map(|sums| (&sums[panel * of_panel..], sums.len() / Self::POINTS));
            let matrix = PhantomData::<T::Gather>;
            self.lanes.vectorize(LastTiles { matrix, v, s, tiles, before, channels, kernel });
        });
    }

    /// Transforms the sums back to the kernel, panel by panel.
    fn back(&self, sums: &[Values], kernel: &mut [f32]) {
        let channels = self.shape.input.channels;
        let blocks = self.shape.input.blocks().next_multiple_of(depth::<L>());
        let rows = L::COLUMNS * WIDTH * channels * 9;
        kernel.par_chunks_mut(rows).enumerate().for_each(|(panel, kernel)| {
            self.lanes.vectorize(Back::<T::Gather, N> {
                matrix: PhantomData,
                sums: &sums[panel * blocks * sums_len::<L>()..],
                point: sums.len() / Self::POINTS,
                channels,
                some: 0..channels,
                kernel,
            });
        });
    }
}

/// Number of [`Values`] in the sums of one panel and one block of inputs.
const fn sums_len<L: Lanes>() -> usize {
    WIDTH * L::COLUMNS
}

/// Blocks of inputs that are multiplied together.
const fn depth<L: Lanes>() -> usize {
    if L::MATRIX_UNIT { 2 } else { 1 }
}
