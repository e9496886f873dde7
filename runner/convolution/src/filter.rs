//! Filters, transformed: `[pass][point][panel][channel][COLUMNS][16]`; for a matrix unit
//! `[pass][point][panel][32 channels][piece][COLUMNS][pair of channels]`.

use std::marker::PhantomData;

use rayon::prelude::*;

use crate::lanes::matrix_unit::UNIT;
use crate::lanes::{Lanes, Values, WIDTH, Work};
use crate::matrix::{Grid, Matrix, square};
use crate::product::panel_len;
use crate::winograd::Problem;

/// Where a kernel lies.
#[derive(Debug, Clone, Copy)]
pub struct Kernel<'a> {
    /// `[out, in, 3, 3]`
    pub values: &'a [f32],
    /// `[in, out, 3, 3]` and turned around instead: the filters of the input's gradient.
    pub transposed: bool,
}

/// Transforms the filters of `problem`, `per_pass` panels per pass, into the beginning of `values`.
pub fn transform<L: Lanes, A: Matrix<3, N>, const N: usize>(
    lanes: L,
    problem: Problem,
    kernel: Kernel<'_>,
    per_pass: usize,
    values: &mut [Values],
) {
    let points = N * N;
    let panels = problem.outputs.div_ceil(WIDTH * L::COLUMNS);
    let per_panel = panel_len::<L>(problem.input.blocks());
    let mut of_panel: Vec<Vec<&mut [Values]>> = Vec::new();
    let values = &mut values[..points * panels * per_panel];
    for pass in values.chunks_mut(points * per_pass.min(panels) * per_panel) {
        let first = of_panel.len();
        let count = pass.len() / (points * per_panel);
        of_panel.resize_with(first + count, Vec::new);
        for (at, part) in pass.chunks_exact_mut(per_panel).enumerate() {
            of_panel[first + at % count].push(part);
        }
    }
    of_panel.into_par_iter().enumerate().for_each(|(panel, points)| {
        lanes.vectorize(TransformFilter::<A, N> {
            matrix: PhantomData,
            kernel: kernel.values,
            transposed: kernel.transposed,
            channels: problem.input.channels,
            outputs: problem.outputs,
            first: panel * L::COLUMNS * WIDTH,
            points,
        });
    });
}

/// One panel.
struct TransformFilter<'a, A, const N: usize> {
    matrix: PhantomData<A>,
    kernel: &'a [f32],
    transposed: bool,
    channels: usize,
    outputs: usize,
    /// The first output of this panel.
    first: usize,
    /// `[channel][COLUMNS]` of each point.
    points: Vec<&'a mut [Values]>,
}

impl<A: Matrix<3, N>, const N: usize> Work for TransformFilter<'_, A, N> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(mut self, lanes: L) {
        let channels = self.channels.next_multiple_of(WIDTH);
        if L::MATRIX_UNIT {
            for first in (0..channels).step_by(2 * WIDTH) {
                self.pairs(lanes, first);
            }
            return;
        }
        for first in (0..channels).step_by(WIDTH) {
            for column in 0..L::COLUMNS {
                let taps = self.taps(lanes, first, self.first + column * WIDTH);
                for (channel, taps) in taps.chunks_exact(9).enumerate() {
                    let grid = Grid { values: taps, down: 3, right: 1 };
                    let points = square::<A, L, 3, N>(lanes, grid);
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

impl<A: Matrix<3, N>, const N: usize> TransformFilter<'_, A, N> {
    /// 32 channels from this one on, for a matrix unit.
    #[inline(always)]
    fn pairs<L: Lanes>(&mut self, lanes: L, first: usize) {
        for column in 0..L::COLUMNS {
            let out = self.first + column * WIDTH;
            let [upper, lower] = [0, WIDTH].map(|further| self.taps(lanes, first + further, out));
            let pairs = upper.chunks_exact(9).zip(lower.chunks_exact(9));
            for (pair, (upper, lower)) in pairs.enumerate() {
                let [upper, lower] = [upper, lower].map(|taps| {
                    square::<A, L, 3, N>(lanes, Grid { values: taps, down: 3, right: 1 })
                });
                let start = first / (2 * WIDTH) * UNIT + column * WIDTH + pair;
                for y in 0..N {
                    for x in 0..N {
                        let pieces = lanes.split(upper[y][x], lower[y][x]);
                        let out = &mut self.points[y * N + x][start..];
                        for (piece, value) in pieces.into_iter().enumerate() {
                            lanes.store(value, &mut out[piece * L::COLUMNS * WIDTH]);
                        }
                    }
                }
            }
        }
    }
}

impl<A, const N: usize> TransformFilter<'_, A, N> {
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
            // Reads seven values too many, which there are but for the last filter.
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
