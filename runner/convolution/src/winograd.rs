//! A convolution by minimal filtering: input transform, one matrix product per point, output
//! transform.

use std::marker::PhantomData;

use rayon::prelude::*;

use crate::buffer::{Scratch, scratch};
use crate::lanes::{Lanes, Values, WIDTH, Work, in_blocks};
use crate::map::{Extent, Maps, Piece, Window, cut};
use crate::minimal::{Filter, Grid, Input, Matrix, Minimal, Output, square};
use crate::product::{Rows, product};

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

/// How the work is cut.
#[derive(Debug, Clone, Copy)]
pub struct Blocking {
    /// Tiles that are transformed before they are multiplied.
    pub tiles: usize,
    /// Panels of output channels that are multiplied before they are transformed back.
    pub panels: usize,
    /// All threads share each block instead of having one each.
    pub shared: bool,
}

/// Transformed filters: `[pass][point][panel][channel][COLUMNS][16]`.
#[derive(Debug)]
pub struct Filters {
    pub values: Scratch,
}

/// What happens to the sums on their way out.
#[derive(Debug, Clone, Copy, Default)]
pub struct Finish<'a> {
    /// Added to them, one per channel.
    pub bias: Option<&'a [f32]>,
    /// Those below zero become zero.
    pub relu: bool,
}

/// One algorithm with its blocking.
#[derive(Debug, Clone, Copy)]
pub struct Winograd<L, T, const M: usize, const N: usize> {
    pub lanes: L,
    pub tile: PhantomData<T>,
    pub problem: Problem,
    pub blocking: Blocking,
}

pub struct TransformInput<'a, T, const M: usize, const N: usize> {
    pub tile: PhantomData<T>,
    pub maps: Maps<'a>,
    pub positive: Option<&'a [f32]>,
    pub padding: usize,
    pub across: usize,
    pub down: usize,
    pub strips: std::ops::Range<usize>,
    pub block: usize,
    pub out: &'a mut [Values],
}

impl<T: Minimal<M, N>, const M: usize, const N: usize> Work for TransformInput<'_, T, M, N>
where
    Input<T>: Matrix<N, N>,
{
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let width = self.across * M + 2;
        let tiles = self.strips.len() * self.across;
        let mut strip = scratch(N * width);
        for (at, index) in self.strips.clone().enumerate() {
            let window = Window {
                image: index / self.down,
                block: self.block,
                top: (index % self.down * M) as isize - self.padding as isize,
                left: -(self.padding as isize),
                width,
            };
            self.maps.read(lanes, window, self.positive, &mut strip);
            for x in 0..self.across {
                let grid = Grid { values: &strip[x * M..], down: width, right: 1 };
                let points = square::<Input<T>, L, N, N>(lanes, grid);
                let out = &mut self.out[at * self.across + x..];
                for y in 0..N {
                    for x in 0..N {
                        lanes.store(points[y][x], &mut out[(y * N + x) * tiles]);
                    }
                }
            }
        }
    }
}

struct Multiply<'a> {
    rows: Rows<'a>,
    tiles: usize,
    inner: usize,
    panels: &'a [Values],
    out: &'a mut [Values],
}

impl Work for Multiply<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let outs = self.out.chunks_exact_mut(self.tiles * L::COLUMNS);
        for (panel, out) in outs.enumerate() {
            let panels = &self.panels[panel * self.inner * L::COLUMNS..];
            product(lanes, self.inner, self.rows, panels, out);
        }
    }
}

struct TransformOutput<'a, 'b, T, const M: usize, const N: usize> {
    tile: PhantomData<T>,
    /// From the first tile of the strip, this block, on.
    sums: &'a [Values],
    point: usize,
    across: usize,
    width: usize,
    bias: &'a Values,
    finish: Finish<'a>,
    out: &'a mut Piece<'b>,
}

impl<T: Minimal<M, N>, const M: usize, const N: usize> Work for TransformOutput<'_, '_, T, M, N>
where
    Output<T>: Matrix<N, M>,
{
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let stride = self.across * M;
        let mut strip = scratch(M * stride);
        let bias = lanes.load(self.bias);
        let floor = lanes.splat(if self.finish.relu { 0.0 } else { f32::NEG_INFINITY });
        for tile in 0..self.across {
            let grid = Grid {
                values: &self.sums[tile * L::COLUMNS..],
                down: N * self.point,
                right: self.point,
            };
            let values = square::<Output<T>, L, N, M>(lanes, grid);
            for y in 0..M {
                for x in 0..M {
                    let value = lanes.max(floor, lanes.add(values[y][x], bias));
                    lanes.store(value, &mut strip[y * stride + tile * M + x]);
                }
            }
        }
        self.out.write(lanes, self.width, stride, &strip);
    }
}

impl<L: Lanes, T: Minimal<M, N>, const M: usize, const N: usize> Winograd<L, T, M, N>
where
    Input<T>: Matrix<N, N>,
    Output<T>: Matrix<N, M>,
    Filter<T>: Matrix<3, N>,
{
    const POINTS: usize = N * N;

    fn panels(&self) -> usize {
        self.problem.outputs.div_ceil(WIDTH * L::COLUMNS)
    }

    fn inner(&self) -> usize {
        self.problem.input.blocks() * WIDTH
    }

    /// `kernel` is `[out, in, 3, 3]`; `transposed`: `[in, out, 3, 3]` and turned around.
    pub fn filters(&self, kernel: &[f32], transposed: bool) -> Filters {
        let (inner, panels) = (self.inner(), self.panels());
        let per_panel = inner * L::COLUMNS;
        let mut values = scratch(Self::POINTS * panels * per_panel);
        let mut of_panel: Vec<Vec<&mut [Values]>> = Vec::new();
        let per_pass = self.blocking.panels.min(panels);
        for pass in values.chunks_mut(Self::POINTS * per_pass * per_panel) {
            let first = of_panel.len();
            let count = pass.len() / (Self::POINTS * per_panel);
            of_panel.resize_with(first + count, Vec::new);
            for (at, part) in pass.chunks_exact_mut(per_panel).enumerate() {
                of_panel[first + at % count].push(part);
            }
        }
        of_panel.into_par_iter().enumerate().for_each(|(panel, points)| {
            self.lanes.vectorize(TransformFilter::<T, M, N> {
                tile: PhantomData,
                kernel,
                transposed,
                channels: self.problem.input.channels,
                outputs: self.problem.outputs,
                first: panel * L::COLUMNS * WIDTH,
                points,
            });
        });
        Filters { values }
    }

    pub fn forward(
        &self,
        maps: Maps<'_>,
        positive: Option<&[f32]>,
        filters: &Filters,
        finish: Finish<'_>,
        out: &mut [f32],
    ) {
        let extent = self.problem.output();
        let (down, across) = (extent.height.div_ceil(M), extent.width.div_ceil(M));
        let bias = in_blocks(finish.bias.unwrap_or(&[]), extent.blocks());
        let mut pieces = cut(out, maps.order, extent, M);
        let strips = self.blocking.tiles.div_ceil(across).clamp(1, pieces.len());
        let group = Group {
            algorithm: *self,
            maps,
            positive,
            filters,
            finish,
            bias: &bias,
            down,
            across,
            width: extent.width,
        };
        // As even as can be.
        let groups = pieces.len().div_ceil(strips);
        let strips = pieces.len().div_ceil(groups);
        if self.blocking.shared {
            for (at, pieces) in pieces.chunks_mut(strips).enumerate() {
                group.run(at * strips, pieces, true);
            }
        } else {
            pieces.par_chunks_mut(strips).enumerate().for_each(|(at, pieces)| {
                group.run(at * strips, pieces, false);
            });
        }
    }
}

struct Group<'a, L, T, const M: usize, const N: usize> {
    algorithm: Winograd<L, T, M, N>,
    maps: Maps<'a>,
    positive: Option<&'a [f32]>,
    filters: &'a Filters,
    finish: Finish<'a>,
    bias: &'a [Values],
    down: usize,
    across: usize,
    width: usize,
}

impl<L: Lanes, T: Minimal<M, N>, const M: usize, const N: usize> Group<'_, L, T, M, N>
where
    Input<T>: Matrix<N, N>,
    Output<T>: Matrix<N, M>,
    Filter<T>: Matrix<3, N>,
{
    fn run(&self, first: usize, pieces: &mut [Vec<Piece<'_>>], shared: bool) {
        let this = &self.algorithm;
        let tiles = pieces.len() * self.across;
        let mut v = scratch(this.problem.input.blocks() * N * N * tiles);
        each(shared, &mut v, N * N * tiles, |block, out| {
            this.lanes.vectorize(TransformInput::<T, M, N> {
                tile: PhantomData,
                maps: self.maps,
                positive: self.positive,
                padding: this.problem.padding,
                across: self.across,
                down: self.down,
                strips: first..first + tiles / self.across,
                block,
                out,
            });
        });
        let panels = this.panels();
        let per_pass = this.blocking.panels.min(panels);
        let mut m = scratch(per_pass * L::COLUMNS * N * N * tiles);
        for first in (0..panels).step_by(per_pass) {
            let pass = Pass { first, count: per_pass.min(panels - first), tiles };
            let m = &mut m[..N * N * pass.per_point::<L>()];
            self.multiply(pass, &v, m, shared);
            self.output(pass, m, pieces, shared);
        }
    }

    /// `[point][panel][tile][COLUMNS][16]` of this pass's panels.
    fn multiply(&self, pass: Pass, v: &[Values], m: &mut [Values], shared: bool) {
        let this = &self.algorithm;
        let per_panel = this.inner() * L::COLUMNS;
        let filters = &self.filters.values[pass.first * N * N * per_panel..];
        each(shared, m, pass.per_point::<L>(), |point, out| {
            this.lanes.vectorize(Multiply {
                rows: Rows {
                    values: &v[point * pass.tiles..],
                    stride: N * N * pass.tiles,
                    ahead: shared,
                },
                tiles: pass.tiles,
                inner: this.inner(),
                panels: &filters[point * pass.count * per_panel..],
                out,
            });
        });
    }

    fn output(&self, pass: Pass, m: &[Values], pieces: &mut [Vec<Piece<'_>>], shared: bool) {
        let first = pass.first * L::COLUMNS;
        let range = first..(first + pass.count * L::COLUMNS).min(self.bias.len());
        let one = |strip: usize, at: usize, out: &mut Piece<'_>| {
            let (panel, column) = (at / L::COLUMNS, at % L::COLUMNS);
            let start = (panel * pass.tiles + strip * self.across) * L::COLUMNS + column;
            self.algorithm.lanes.vectorize(TransformOutput::<T, M, N> {
                tile: PhantomData,
                sums: &m[start..],
                point: pass.per_point::<L>(),
                across: self.across,
                width: self.width,
                bias: &self.bias[first + at],
                finish: self.finish,
                out,
            });
        };
        let strip = |(strip, blocks): (usize, &mut Vec<Piece<'_>>)| {
            let own = &mut blocks[range.clone()];
            if shared {
                own.par_iter_mut().enumerate().for_each(|(at, out)| one(strip, at, out));
            } else {
                own.iter_mut().enumerate().for_each(|(at, out)| one(strip, at, out));
            }
        };
        if shared {
            pieces.par_iter_mut().enumerate().for_each(strip);
        } else {
            pieces.iter_mut().enumerate().for_each(strip);
        }
    }
}

/// Panels of output channels that are multiplied before they are transformed back.
#[derive(Clone, Copy)]
struct Pass {
    first: usize,
    count: usize,
    tiles: usize,
}

impl Pass {
    fn per_point<L: Lanes>(self) -> usize {
        self.count * self.tiles * L::COLUMNS
    }
}

/// Calls `f` with each chunk of `size`; on all threads where the work is shared.
fn each(
    shared: bool,
    values: &mut [Values],
    size: usize,
    f: impl Fn(usize, &mut [Values]) + Send + Sync,
) {
    if shared {
        values.par_chunks_exact_mut(size).enumerate().for_each(|(at, out)| f(at, out));
    } else {
        values.chunks_exact_mut(size).enumerate().for_each(|(at, out)| f(at, out));
    }
}

struct TransformFilter<'a, T, const M: usize, const N: usize> {
    tile: PhantomData<T>,
    kernel: &'a [f32],
    transposed: bool,
    channels: usize,
    outputs: usize,
    first: usize,
    points: Vec<&'a mut [Values]>,
}

impl<T: Minimal<M, N>, const M: usize, const N: usize> Work for TransformFilter<'_, T, M, N>
where
    Filter<T>: Matrix<3, N>,
{
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(mut self, lanes: L) {
        let rounded = self.points[0].len() / L::COLUMNS;
        for first in (0..rounded).step_by(WIDTH) {
            for column in 0..L::COLUMNS {
                let taps = self.taps(lanes, first, self.first + column * WIDTH);
                for (channel, taps) in taps.chunks_exact(9).enumerate() {
                    let grid = Grid { values: taps, down: 3, right: 1 };
                    let points = square::<Filter<T>, L, 3, N>(lanes, grid);
                    let at = (first + channel) * L::COLUMNS + column;
                    for y in 0..N {
                        for x in 0..N {
                            lanes.store(points[y][x], &mut self.points[y * N + x][at]);
                        }
                    }
                }
            }
        }
    }
}

impl<T, const M: usize, const N: usize> TransformFilter<'_, T, M, N> {
    /// `[channel][tap][out]` of sixteen channels and sixteen outputs.
    #[inline(always)]
    fn taps<L: Lanes>(&self, lanes: L, channel: usize, out: usize) -> [Values; 9 * WIDTH] {
        let mut taps = [Values::ZERO; 9 * WIDTH];
        let channels = WIDTH.min(self.channels.saturating_sub(channel));
        let outputs = WIDTH.min(self.outputs.saturating_sub(out));
        let whole = channels == WIDTH && outputs == WIDTH;
        if whole && !self.transposed {
            // The taps of sixteen channels of one output lie together.
            for (part, taps) in taps.as_chunks_mut::<WIDTH>().0.iter_mut().enumerate() {
                let columns =
                    self.square(lanes, |lane| self.at(channel, out + lane) + part * WIDTH);
                for (into, column) in taps.iter_mut().zip(columns) {
                    lanes.store(column, into);
                }
            }
            return taps;
        }
        for (at, taps) in taps.chunks_exact_mut(9).enumerate().take(channels) {
            let channel = channel + at;
            if whole && self.kernel.len() >= self.at(channel, out + WIDTH - 1) + WIDTH {
                let columns = self.square(lanes, |lane| self.at(channel, out + lane));
                for (into, column) in taps.iter_mut().rev().zip(columns) {
                    lanes.store(column, into);
                }
                continue;
            }
            for lane in 0..outputs {
                let start = self.at(channel, out + lane);
                for (tap, value) in self.kernel[start..start + 9].iter().enumerate() {
                    taps[if self.transposed { 8 - tap } else { tap }].0[lane] = *value;
                }
            }
        }
        taps
    }

    /// Where the nine taps of this channel and output begin.
    #[inline(always)]
    fn at(&self, channel: usize, out: usize) -> usize {
        let filter = if self.transposed {
            channel * self.outputs + out
        } else {
            out * self.channels + channel
        };
        filter * 9
    }

    /// Sixteen values of the kernel from each of sixteen places, transposed.
    #[inline(always)]
    fn square<L: Lanes>(&self, lanes: L, at: impl Fn(usize) -> usize) -> [L::V; WIDTH] {
        let mut rows = [lanes.splat(0.0); WIDTH];
        for (lane, row) in rows.iter_mut().enumerate() {
            if let Some(values) = self.kernel[at(lane)..].first_chunk() {
                *row = lanes.read(values);
            }
        }
        lanes.transpose(rows)
    }
}
