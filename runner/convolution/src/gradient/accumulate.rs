//! The matrix products of the filters' gradient, and the transform from their sums to the taps.

use std::marker::PhantomData;
use std::ops::Range;

use crate::buffer::scratch;
use crate::lanes::matrix_unit::{Next, ROWS, Task, unit};
use crate::lanes::{Lanes, Work};
use crate::matrix::{Grid, Matrix, square};
use crate::packed;
use crate::product::{add, load, store};
use crate::values::{Values, WIDTH};

/// The product `[in, tiles] × [tiles, out]` of one point.
pub struct Accumulate<'a> {
    /// The inputs, `[block][point][tile]`, from this point on.
    pub v: &'a [Values],
    /// The gradient of the outputs, `[panel][point][tile][COLUMNS]`, from this point on.
    pub s: &'a [Values],
    /// Number of points.
    pub points: usize,
    /// Number of tiles.
    pub tiles: usize,
    /// Number of blocks of inputs.
    pub blocks: usize,
    /// Number of panels of outputs.
    pub panels: usize,
    /// Adds to the contents of `out`.
    pub accumulate: bool,
    /// The result, `[panel][block][in][COLUMNS][16]`.
    pub out: &'a mut [Values],
}

impl Work for Accumulate<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        if L::MATRIX_UNIT {
            self.on_unit(lanes);
            return;
        }
        let Self { v, s, points, tiles, blocks, panels, accumulate, out } = self;
        let sums = WIDTH * L::COLUMNS;
        for (index, out) in out.chunks_exact_mut(sums).enumerate().take(panels * blocks) {
            let (panel, block) = (index / blocks, index % blocks);
            let v = &v[block * points * tiles..][..tiles];
            let s = &s[panel * points * tiles * L::COLUMNS..][..tiles * L::COLUMNS];
            Product { v, next: points * tiles, s, accumulate }.run(lanes, out);
        }
    }
}

impl Accumulate<'_> {
    /// The same on a matrix unit, two blocks at a time.
    #[inline(always)]
    fn on_unit<L: Lanes>(self, lanes: L) {
        let Self { v, s, points, tiles, blocks, panels, accumulate, out } = self;
        let (units, pairs) = (packed::units(tiles), blocks.div_ceil(2));
        let mut left = scratch(pairs * units * unit::<L>());
        let mut right = scratch(units * unit::<L>());
        for (pair, into) in left.chunks_exact_mut(units * unit::<L>()).enumerate() {
            for half in 0..2 {
                let block = 2 * pair + half;
                let values =
                    if block < blocks { &v[block * points * tiles..][..tiles] } else { &[] };
                packed::pack_channels(lanes, values, half, into);
            }
        }
        let (sums, per_panel) = (2 * WIDTH * L::COLUMNS, tiles * L::COLUMNS);
        for (panel, out) in out.chunks_exact_mut(pairs * sums).enumerate().take(panels) {
            let s = &s[panel * points * per_panel..];
            packed::pack_outputs(lanes, &s[..per_panel], &mut right);
            for (pair, out) in out.chunks_exact_mut(sums).enumerate() {
                let task = panel * pairs + pair;
                let ahead = blocks * tiles * task / (panels * pairs);
                let next = Next {
                    left: v
                        .as_ptr()
                        .wrapping_add(ahead / tiles * points * tiles + ahead % tiles + tiles),
                    right: s.as_ptr().wrapping_add(points * per_panel + per_panel * pair / pairs),
                    out: out.as_ptr().wrapping_add(pairs * sums),
                };
                let task = Task {
                    left: &left[pair * units * unit::<L>()..],
                    stride: unit::<L>(),
                    rows: ROWS,
                    right: &right,
                    units,
                    accumulate,
                    next: Some(next),
                };
                lanes.product(task, out);
            }
        }
    }
}

/// One block of inputs and one panel of outputs of one point.
#[derive(Clone, Copy)]
struct Product<'a> {
    /// `[tile]`
    v: &'a [Values],
    /// Distance from these inputs to those that are needed next.
    next: usize,
    /// `[tile][COLUMNS]`
    s: &'a [Values],
    /// Adds to the contents of `out`.
    accumulate: bool,
}

impl Product<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L, out: &mut [Values]) {
        if L::COLUMNS == 2 {
            self.columns::<L, 8, 2>(lanes, out);
        } else {
            self.columns::<L, 4, 1>(lanes, out);
        }
    }

    /// `R` inputs and `C` sixteens of outputs at a time.
    #[inline(always)]
    fn columns<L: Lanes, const R: usize, const C: usize>(self, lanes: L, out: &mut [Values]) {
        let (s, _) = self.s.as_chunks::<C>();
        let (sums, _) = out.as_chunks_mut::<C>();
        for (group, sums) in sums.as_chunks_mut::<R>().0.iter_mut().enumerate() {
            let next = if group == 0 { self.next } else { 0 };
            let mut total = load(lanes, sums, self.accumulate);
            for (v, s) in self.v.iter().zip(s) {
                lanes.prefetch(v, next);
                let Some(v) = v.0[group * R..].first_chunk::<R>() else {
                    return;
                };
                add(lanes, |r| v[r], s, &mut total);
            }
            store(lanes, total, sums);
        }
    }
}

/// Adds the products of the last tiles and one panel of outputs, and transforms the sums back
/// while they are in a core's cache.
pub struct LastTiles<'a, A, const N: usize> {
    /// The transform.
    pub matrix: PhantomData<A>,
    /// The inputs, `[block][point][tile]`.
    pub v: &'a [Values],
    /// The gradient of the outputs of this panel, `[point][tile][COLUMNS]`.
    pub s: &'a [Values],
    /// Number of tiles.
    pub tiles: usize,
    /// The sums of earlier tiles, if there were any, from this panel of the first point on;
    /// and the distance to the next point.
    pub before: Option<(&'a [Values], usize)>,
    /// Number of input channels.
    pub channels: usize,
    /// The result, `[out][in][tap]`, of up to sixteen times `COLUMNS` outputs.
    pub kernel: &'a mut [f32],
}

impl<A: Matrix<N, 3>, const N: usize> Work for LastTiles<'_, A, N> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { matrix, v, s, tiles, before, channels, kernel } = self;
        let (points, sums) = (N * N, WIDTH * L::COLUMNS);
        // Odd, because values a power of two apart share few lines of the cache.
        let point = sums | 1;
        let mut products = scratch(points * point);
        for (block, v) in v.chunks_exact(points * tiles).enumerate() {
            let operands = v.chunks_exact(tiles).zip(s.chunks_exact(tiles * L::COLUMNS));
            for ((index, (v, s)), out) in operands.enumerate().zip(products.chunks_exact_mut(point))
            {
                let out = &mut out[..sums];
                if let Some((before, next)) = before {
                    out.copy_from_slice(&before[index * next + block * sums..][..sums]);
                }
                Product { v, next: tiles, s, accumulate: before.is_some() }.run(lanes, out);
            }
            let some = block * WIDTH..channels.min((block + 1) * WIDTH);
            let kernel = &mut *kernel;
            Back { matrix, sums: &products, point, channels, some, kernel }.run(lanes);
        }
    }
}

/// Transforms the sums of one panel of outputs back.
pub struct Back<'a, A, const N: usize> {
    /// The transform.
    pub matrix: PhantomData<A>,
    /// The sums of the first point, `[in][COLUMNS][16]`.
    pub sums: &'a [Values],
    /// Distance from one point to the next.
    pub point: usize,
    /// Number of input channels.
    pub channels: usize,
    /// The input channels that the sums belong to.
    pub some: Range<usize>,
    /// The result, `[out][in][tap]`, of up to sixteen times `COLUMNS` outputs.
    pub kernel: &'a mut [f32],
}

impl<A: Matrix<N, 3>, const N: usize> Work for Back<'_, A, N> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let row = self.channels * 9;
        for (column, kernel) in self.kernel.chunks_mut(WIDTH * row).enumerate() {
            for first in self.some.clone().step_by(WIDTH) {
                let sums = &self.sums[(first - self.some.start) * L::COLUMNS + column..];
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

/// How far ahead sums are prefetched.
const AHEAD: usize = 16;

/// Transforms sums back to the taps of sixteen inputs and sixteen outputs, `[in][tap][out]`.
#[inline(always)]
fn gather<L: Lanes, A: Matrix<N, 3>, const N: usize>(
    lanes: L,
    sums: &[Values],
    point: usize,
) -> [Values; 9 * WIDTH] {
    let mut taps = [Values::ZERO; 9 * WIDTH];
    for (channel, taps) in taps.chunks_exact_mut(9).enumerate() {
        // These are more streams than the processor prefetches by itself.
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

/// Writes sixteen taps, or as many as fit, to each of up to sixteen outputs.
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
