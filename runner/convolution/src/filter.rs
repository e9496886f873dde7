//! Transformed filters: `[pass][point][panel][channel][COLUMNS][16]`.

use std::marker::PhantomData;
use std::ops::Range;

use rayon::prelude::*;

use crate::lanes::{Lanes, Work};
use crate::matrix::{Grid, Matrix, square};
use crate::packed::RoundPanels;
use crate::product::panel_len;
use crate::shape::ConvShape;
use crate::values::{Values, WIDTH};

/// A kernel, and how to read it.
#[derive(Debug, Clone, Copy)]
pub struct Kernel<'a> {
    /// `[out, in, 3, 3]`
    pub values: &'a [f32],
    /// Reads it as `[in, out, 3, 3]`, each filter rotated by 180°: the filters for the
    /// input's gradient.
    pub transposed: bool,
}

/// Transforms all filters of `shape`, `per_pass` panels per pass.
pub fn transform<L: Lanes, A: Matrix<3, N>, const N: usize>(
    lanes: L,
    shape: ConvShape,
    kernel: Kernel<'_>,
    per_pass: usize,
    values: &mut [Values],
) {
    let panels = shape.outputs.div_ceil(WIDTH * L::COLUMNS);
    let per_panel = panel_len::<L>(shape.input.blocks());
    let per_pass = per_pass.min(panels);
    let mut of_panel: Vec<Vec<&mut [Values]>> = Vec::new();
    of_panel.resize_with(panels, Vec::new);
    let passes = values[..panels * N * N * per_panel].chunks_mut(per_pass * N * N * per_panel);
    for (pass, values) in passes.enumerate() {
        let count = per_pass.min(panels - pass * per_pass);
        for (index, part) in values.chunks_exact_mut(per_panel).enumerate() {
            of_panel[pass * per_pass + index % count].push(part);
        }
    }
    let channels = 0..shape.input.channels;
    of_panel.into_par_iter().enumerate().for_each(|(panel, points)| {
        transform_panel::<L, A, N>(lanes, shape, kernel, (panel, channels.clone()), points);
    });
}

/// Transforms the filters of one panel and some channels, the first of which begins a block.
/// Writes `[channel][COLUMNS][16]` for each point, or the same rounded as [`RoundPanels`] does.
pub fn transform_panel<L: Lanes, A: Matrix<3, N>, const N: usize>(
    lanes: L,
    shape: ConvShape,
    kernel: Kernel<'_>,
    (panel, some): (usize, Range<usize>),
    mut points: Vec<&mut [Values]>,
) {
    lanes.vectorize(TransformFilter::<A, N> {
        matrix: PhantomData,
        kernel: kernel.values,
        transposed: kernel.transposed,
        channels: shape.input.channels,
        some,
        outputs: shape.outputs,
        first: panel * L::COLUMNS * WIDTH,
        points: &mut points,
    });
    if L::PIECES == 1 {
        lanes.vectorize(RoundPanels { panels: points });
    }
}

/// One panel.
struct TransformFilter<'a, 'b, A, const N: usize> {
    matrix: PhantomData<A>,
    kernel: &'a [f32],
    transposed: bool,
    channels: usize,
    /// Which of the channels.
    some: Range<usize>,
    outputs: usize,
    /// The first output of this panel.
    first: usize,
    /// `[channel][COLUMNS]` of each point.
    points: &'a mut [&'b mut [Values]],
}

impl<A: Matrix<3, N>, const N: usize> Work for TransformFilter<'_, '_, A, N> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        for first in self.some.clone().step_by(WIDTH) {
            for column in 0..L::COLUMNS {
                let mut taps = [Values::ZERO; 9 * WIDTH];
                self.taps(lanes, first, self.first + column * WIDTH, &mut taps);
                for (channel, taps) in taps.chunks_exact(9).enumerate() {
                    let grid = Grid { values: taps, down: 3, right: 1 };
                    let points = square::<A, L, 3, N>(lanes, grid);
                    let index = (first - self.some.start + channel) * L::COLUMNS + column;
                    for y in 0..N {
                        for x in 0..N {
                            lanes.store(points[y][x], &mut self.points[y * N + x][index]);
                        }
                    }
                }
            }
        }
    }
}

impl<A, const N: usize> TransformFilter<'_, '_, A, N> {
    /// Writes `[channel][tap][out]` of sixteen channels and sixteen outputs to `taps`,
    /// which holds zeros.
    #[inline(always)]
    fn taps<L: Lanes>(&self, lanes: L, channel: usize, out: usize, taps: &mut [Values; 9 * WIDTH]) {
        let channels = WIDTH.min(self.channels.saturating_sub(channel));
        let outputs = WIDTH.min(self.outputs.saturating_sub(out));
        let whole = channels == WIDTH && outputs == WIDTH;
        if whole && !self.transposed {
            // The taps of sixteen channels of one output lie together.
            for (part, taps) in taps.as_chunks_mut::<WIDTH>().0.iter_mut().enumerate() {
                let columns =
                    self.square(lanes, |lane| self.start(channel, out + lane) + part * WIDTH);
                for (into, column) in taps.iter_mut().zip(columns) {
                    lanes.store(column, into);
                }
            }
            return;
        }
        for (index, taps) in taps.chunks_exact_mut(9).enumerate().take(channels) {
            let channel = channel + index;
            // Reads seven values too many, which exist except after the last filter.
            if whole && self.kernel.len() >= self.start(channel, out + WIDTH - 1) + WIDTH {
                let columns = self.square(lanes, |lane| self.start(channel, out + lane));
                for (into, column) in taps.iter_mut().rev().zip(columns) {
                    lanes.store(column, into);
                }
                continue;
            }
            for lane in 0..outputs {
                let start = self.start(channel, out + lane);
                for (tap, value) in self.kernel[start..start + 9].iter().enumerate() {
                    taps[if self.transposed { 8 - tap } else { tap }].0[lane] = *value;
                }
            }
        }
    }

    /// The index of the first of the nine taps of this channel and output.
    #[inline(always)]
    fn start(&self, channel: usize, out: usize) -> usize {
        let filter = if self.transposed {
            channel * self.outputs + out
        } else {
            out * self.channels + channel
        };
        filter * 9
    }

    /// Sixteen values of the kernel from each of sixteen places, transposed.
    #[inline(always)]
    fn square<L: Lanes>(&self, lanes: L, start: impl Fn(usize) -> usize) -> [L::V; WIDTH] {
        let mut rows = [lanes.splat(0.0); WIDTH];
        for (lane, row) in rows.iter_mut().enumerate() {
            if let Some(values) = self.kernel[start(lane)..].first_chunk() {
                *row = lanes.read(values);
            }
        }
        lanes.transpose(rows)
    }
}
