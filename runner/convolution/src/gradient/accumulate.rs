//! The gradient's products, and from their sums to the taps of the filters.

use std::marker::PhantomData;

use crate::lanes::matrix_unit::{Next, ROWS, Task, UNIT};
use crate::lanes::{Lanes, Values, WIDTH, Work};
use crate::matrix::{Grid, Matrix, square};
use crate::product::{add, depth, load, store};

/// `[in, tiles] × [tiles, out]` of one point and one panel of outputs.
pub struct Accumulate<'a> {
    /// The inputs of this point.
    pub v: &'a [Values],
    /// From one chunk of them to the next.
    pub stride: usize,
    /// Sixteens per chunk.
    pub len: usize,
    /// The gradient of the outputs.
    pub s: &'a [Values],
    /// Which panel this is, of how many.
    pub share: (usize, usize),
    /// Adds to what is there.
    pub more: bool,
    /// `[chunk of inputs][in][COLUMNS][16]`
    pub out: &'a mut [Values],
}

impl Work for Accumulate<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let chunk = depth::<L>() * WIDTH * L::COLUMNS;
        let Self { v, stride, len, s, share: (panel, panels), more, out } = self;
        let (chunks, ahead) = (out.len() / chunk, out.len());
        for (at, out) in out.chunks_exact_mut(chunk).enumerate() {
            let v = &v[at * stride..];
            if L::MATRIX_UNIT {
                // Of the next point.
                let next = Next {
                    left: v.as_ptr().wrapping_add(len + panel * UNIT / panels),
                    right: s.as_ptr().wrapping_add(len + at * UNIT / chunks),
                    out: out.as_ptr().wrapping_add(ahead),
                };
                let task = Task {
                    left: v,
                    stride: UNIT,
                    rows: ROWS,
                    right: s,
                    units: len / UNIT,
                    more,
                    next: Some(next),
                };
                lanes.product(task, out);
            } else if L::COLUMNS == 2 {
                columns::<L, 8, 2>(lanes, &v[..len], s, more, out);
            } else {
                columns::<L, 4, 1>(lanes, &v[..len], s, more, out);
            }
        }
    }
}

/// `R` inputs and `C` sixteens of outputs at a time.
#[inline(always)]
fn columns<L: Lanes, const R: usize, const C: usize>(
    lanes: L,
    v: &[Values],
    s: &[Values],
    more: bool,
    out: &mut [Values],
) {
    let (s, _) = s.as_chunks::<C>();
    let (sums, _) = out.as_chunks_mut::<C>();
    for (at, sums) in sums.as_chunks_mut::<R>().0.iter_mut().enumerate() {
        let mut total = load(lanes, sums, more);
        for (v, s) in v.iter().zip(s) {
            let Some(v) = v.0[at * R..].first_chunk::<R>() else {
                return;
            };
            add(lanes, |r| v[r], s, &mut total);
        }
        store(lanes, total, sums);
    }
}

/// Transforms the sums of one panel of outputs back.
pub struct Back<'a, A, const N: usize> {
    /// Which transform.
    pub matrix: PhantomData<A>,
    /// `[in][COLUMNS][16]` of the first point.
    pub sums: &'a [Values],
    /// From one point to the next.
    pub point: usize,
    /// Of the input.
    pub channels: usize,
    /// `[out][in][tap]` of up to sixteen times `COLUMNS` outputs.
    pub kernel: &'a mut [f32],
}

impl<A: Matrix<N, 3>, const N: usize> Work for Back<'_, A, N> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let row = self.channels * 9;
        for (column, kernel) in self.kernel.chunks_mut(WIDTH * row).enumerate() {
            for first in (0..self.channels).step_by(WIDTH) {
                let sums = &self.sums[first * L::COLUMNS + column..];
                let taps = gather::<L, A, N>(lanes, sums, self.point);
                let start = first * 9;
                let end = row.min(start + 9 * WIDTH);
                for (part, taps) in taps.as_chunks::<WIDTH>().0.iter().enumerate() {
                    let start = (start + part * WIDTH).min(end);
                    let range = start..end.min(start + WIDTH);
                    let rows = kernel.chunks_exact_mut(row).map(|out| &mut out[range.clone()]);
                    write(lanes, taps, rows);
                }
            }
        }
    }
}

/// How far ahead sums are asked for.
const AHEAD: usize = 16;

/// The taps of sixteen inputs and sixteen outputs: `[in][tap][out]`.
#[inline(always)]
fn gather<L: Lanes, A: Matrix<N, 3>, const N: usize>(
    lanes: L,
    sums: &[Values],
    point: usize,
) -> [Values; 9 * WIDTH] {
    let mut taps = [Values::ZERO; 9 * WIDTH];
    for (channel, taps) in taps.chunks_exact_mut(9).enumerate() {
        // More streams than the processor follows by itself.
        for of in 0..N * N {
            lanes.prefetch(&sums[channel * L::COLUMNS + of * point], AHEAD);
        }
        let grid = Grid { values: &sums[channel * L::COLUMNS..], down: N * point, right: point };
        let gathered = square::<A, L, N, 3>(lanes, grid);
        for y in 0..3 {
            for x in 0..3 {
                lanes.store(gathered[y][x], &mut taps[y * 3 + x]);
            }
        }
    }
    taps
}

/// Writes sixteen taps, or as many as there are, to each of up to sixteen outputs.
#[inline(always)]
fn write<'a, L: Lanes>(
    lanes: L,
    taps: &[Values; WIDTH],
    rows: impl Iterator<Item = &'a mut [f32]>,
) {
    let mut values = [lanes.splat(0.0); WIDTH];
    for (value, taps) in values.iter_mut().zip(taps) {
        *value = lanes.load(taps);
    }
    for (out, row) in rows.zip(lanes.transpose(values)) {
        if let Some(into) = out.first_chunk_mut() {
            lanes.write(row, into);
        } else {
            let mut whole = [0.0; WIDTH];
            lanes.write(row, &mut whole);
            out.copy_from_slice(&whole[..out.len()]);
        }
    }
}
