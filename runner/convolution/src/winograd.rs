//! A convolution by minimal filtering: input transform, one matrix product per point, output
//! transform.

use std::marker::PhantomData;

use rayon::prelude::*;

use crate::buffer::{Scratch, scratch};
use crate::filter::{self, Kernel};
use crate::lanes::{Lanes, Values, WIDTH, Work, in_blocks};
use crate::map::{Extent, Maps, Order, Piece, cut};
use crate::matrix::Tiling;
use crate::packed::{self, ROWS};
use crate::product::{Rows, panel_len, product};
use crate::tile::{Blocking, filters_len};
use crate::transform::{Strips, ToMaps, ToPoints};

/// What is convolved.
#[derive(Debug, Clone, Copy)]
pub struct Problem {
    /// Maps in the batch.
    pub images: usize,
    /// The size of each.
    pub input: Extent,
    /// Channels that come out.
    pub outputs: usize,
    /// Zeros around the map: 0 or 1.
    pub padding: usize,
}

impl Problem {
    /// The size of each map that comes out.
    #[must_use]
    pub fn output(&self) -> Extent {
        let side = |length: usize| length + 2 * self.padding - 2;
        Extent {
            channels: self.outputs,
            height: side(self.input.height),
            width: side(self.input.width),
        }
    }
}

/// What happens to the sums on their way out.
#[derive(Debug, Clone, Copy, Default)]
pub struct Finish<'a> {
    /// Added to them, one per channel.
    pub bias: Option<&'a [f32]>,
    /// Those below zero become zero.
    pub relu: bool,
}

/// Where the maps go.
#[derive(Debug)]
pub struct Target<'a> {
    /// Of all images.
    pub values: &'a mut [f32],
    /// Their order.
    pub order: Order,
    /// Only the largest of every 2×2 square goes out; for even tiles, after ReLU.
    pub pool: bool,
}

/// The filters.
#[derive(Debug, Clone, Copy)]
pub enum Filters<'a> {
    /// From [`filter::transform`].
    Transformed(&'a [Values]),
    /// As they are.
    Kernel(Kernel<'a>),
}

/// One algorithm with its blocking.
#[derive(Debug, Clone, Copy)]
pub struct Winograd<L, T, const M: usize, const N: usize> {
    pub lanes: L,
    pub tile: PhantomData<T>,
    pub problem: Problem,
    pub blocking: Blocking,
}

impl<L: Lanes, T: Tiling<M, N>, const M: usize, const N: usize> Winograd<L, T, M, N> {
    /// Convolves.
    pub fn forward(
        &self,
        maps: Maps<'_>,
        positive: Option<&[f32]>,
        filters: Filters<'_>,
        finish: Finish<'_>,
        target: Target<'_>,
    ) {
        let whole = self.problem.output();
        let (extent, side) = if target.pool { (whole.pooled(), M / 2) } else { (whole, M) };
        let (down, across) = (extent.height.div_ceil(side), extent.width.div_ceil(side));
        let mut pieces = cut(target.values, target.order, extent, side);
        let strips = self.blocking.tiles.div_ceil(across).clamp(1, pieces.len());
        // As even as can be.
        let strips = pieces.len().div_ceil(pieces.len().div_ceil(strips));
        let padding = self.problem.padding;
        let mut all;
        let filters = match filters {
            // They are transformed panel by panel, where nobody needs them twice.
            Filters::Kernel(kernel) if strips < pieces.len() => {
                all = scratch(filters_len::<L>(self.problem, N * N));
                let per_pass = self.blocking.panels(L::COLUMNS);
                filter::transform::<L, T::Filter, N>(
                    self.lanes,
                    self.problem,
                    kernel,
                    per_pass,
                    &mut all,
                );
                Filters::Transformed(&all)
            }
            filters => filters,
        };
        let group = Group {
            algorithm: *self,
            strips: Strips { maps, positive, padding, step: M, across, down, range: 0..0 },
            filters,
            bias: &in_blocks(finish.bias.unwrap_or(&[]), extent.blocks()),
            relu: finish.relu,
            pool: target.pool,
            width: extent.width,
        };
        if self.blocking.shared {
            for (at, pieces) in pieces.chunks_mut(strips).enumerate() {
                group.run(at * strips, pieces);
            }
        } else {
            let groups = pieces.par_chunks_mut(strips).enumerate();
            groups.for_each(|(at, pieces)| group.run(at * strips, pieces));
        }
    }
}

/// What all groups of strips have in common.
struct Group<'a, L, T, const M: usize, const N: usize> {
    algorithm: Winograd<L, T, M, N>,
    /// Of all groups.
    strips: Strips<'a>,
    filters: Filters<'a>,
    bias: &'a [Values],
    relu: bool,
    pool: bool,
    width: usize,
}

impl<L: Lanes, T: Tiling<M, N>, const M: usize, const N: usize> Group<'_, L, T, M, N> {
    fn run(&self, first: usize, pieces: &mut [Vec<Piece<'_>>]) {
        let Winograd { problem, blocking, lanes, .. } = self.algorithm;
        let strips = Strips { range: first..first + pieces.len(), ..self.strips.clone() };
        let tiles = strips.tiles();
        let inputs = self.inputs(&strips);
        let panels = problem.outputs.div_ceil(WIDTH * L::COLUMNS);
        let per_pass = blocking.panels(L::COLUMNS).min(panels);
        let largest = Pass { first: 0, count: per_pass, tiles };
        let mut m = scratch(N * N * largest.per_point::<L>());
        let per_panel = N * N * panel_len::<L>(problem.input.blocks());
        let mut own = scratch(match self.filters {
            Filters::Kernel(_) => per_pass * per_panel,
            Filters::Transformed(_) => 0,
        });
        for first in (0..panels).step_by(per_pass) {
            let pass = Pass { first, count: per_pass.min(panels - first), tiles };
            let m = &mut m[..N * N * pass.per_point::<L>()];
            let filters = match self.filters {
                Filters::Transformed(filters) => &filters[first * per_panel..],
                Filters::Kernel(kernel) => {
                    let own = &mut own[..pass.count * per_panel];
                    filter::transform_some::<L, T::Filter, N>(lanes, problem, kernel, first, own);
                    own
                }
            };
            self.multiply(pass, filters, &inputs, m);
            self.output(pass, m, pieces);
        }
    }

    fn inputs(&self, strips: &Strips<'_>) -> Inputs {
        let point = strips.tiles() | 1;
        let block = apart(N * N * point);
        let mut values = scratch(self.algorithm.problem.input.blocks() * block);
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

    /// `[point][panel][tile][COLUMNS][16]` of this pass's panels.
    fn multiply(&self, pass: Pass, filters: &[Values], inputs: &Inputs, m: &mut [Values]) {
        let blocks = self.algorithm.problem.input.blocks();
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

    fn output(&self, pass: Pass, m: &[Values], pieces: &mut [Vec<Piece<'_>>]) {
        let first = pass.first * L::COLUMNS;
        let range = first..(first + pass.count * L::COLUMNS).min(self.bias.len());
        let room = M * M * self.strips.across;
        let one = |strip: usize, at: usize, room: &mut [Values], out: &mut Piece<'_>| {
            let (panel, column) = (at / L::COLUMNS, at % L::COLUMNS);
            let start =
                panel * pass.per_panel::<L>() + strip * self.strips.across * L::COLUMNS + column;
            self.algorithm.lanes.vectorize(ToMaps::<T::Output, M, N> {
                matrix: PhantomData,
                sums: &m[start..],
                point: pass.per_point::<L>(),
                across: self.strips.across,
                bias: &self.bias[first + at],
                relu: self.relu,
                pool: self.pool,
                width: self.width,
                strip: room,
                out,
            });
        };
        if self.algorithm.blocking.shared {
            pieces.par_iter_mut().enumerate().for_each(|(strip, blocks)| {
                let own = blocks[range.clone()].par_iter_mut().enumerate();
                own.for_each(|(at, out)| one(strip, at, &mut scratch(room), out));
            });
        } else {
            let mut room = scratch(room);
            for (strip, blocks) in pieces.iter_mut().enumerate() {
                for (at, out) in blocks[range.clone()].iter_mut().enumerate() {
                    one(strip, at, &mut room, out);
                }
            }
        }
    }

    /// Calls `f` with each chunk of `size`; on all threads where the work is shared.
    fn each(
        &self,
        values: &mut [Values],
        size: usize,
        f: impl Fn(usize, &mut [Values]) + Send + Sync,
    ) {
        if self.algorithm.blocking.shared {
            values.par_chunks_exact_mut(size).enumerate().for_each(|(at, out)| f(at, out));
        } else {
            values.chunks_exact_mut(size).enumerate().for_each(|(at, out)| f(at, out));
        }
    }
}

/// The points of a group of strips, `[block][point][tile]`.
struct Inputs {
    values: Scratch,
    /// From one point to the next.
    point: usize,
    /// From one block to the next.
    block: usize,
}

/// At least `len`, so that what lies that far apart does not share one corner of the cache, which
/// has 64 lines: four neighbours are a quarter apart.
pub fn apart(len: usize) -> usize {
    len.next_multiple_of(64) + 16
}

/// Panels of output channels that are multiplied before they are transformed back.
#[derive(Clone, Copy)]
struct Pass {
    first: usize,
    count: usize,
    tiles: usize,
}

impl Pass {
    /// Odd: what lies a power of two apart shares one corner of the cache.
    fn per_point<L: Lanes>(self) -> usize {
        (self.count * self.per_panel::<L>()) | 1
    }

    /// A matrix unit takes whole rows of its own.
    fn per_panel<L: Lanes>(self) -> usize {
        let rows = if L::MATRIX_UNIT { ROWS } else { 1 };
        self.tiles.next_multiple_of(rows) * L::COLUMNS
    }
}

struct Multiply<'a> {
    rows: Rows<'a>,
    pass: Pass,
    /// Of sixteen channels.
    blocks: usize,
    panels: &'a [Values],
    out: &'a mut [Values],
}

impl Work for Multiply<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { rows, pass, blocks, panels, out } = self;
        if L::MATRIX_UNIT {
            packed::product(lanes, pass.tiles, blocks, rows, panels, out);
            return;
        }
        let outs = out.chunks_exact_mut(pass.per_panel::<L>());
        for (panel, out) in outs.enumerate().take(pass.count) {
            let panels = &panels[panel * panel_len::<L>(blocks)..];
            let next = if panel == 0 { rows.next } else { 0 };
            product(lanes, blocks, Rows { next, ..rows }, panels, out);
        }
    }
}
