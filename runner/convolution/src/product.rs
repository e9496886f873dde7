//! The matrix product in the middle of the algorithm, for one transform point.
//!
//! `[rows, inner] × [inner, columns]`. The operands are read as the transforms leave them; only a
//! matrix unit needs them packed. Sums over `inner` are always computed in the same order, whatever
//! the number of rows or threads.

use crate::lanes::Lanes;
use crate::values::{Values, WIDTH};

/// Number of [`Values`] in one panel of the right operand, for this many blocks of channels.
pub const fn panel_len<L: Lanes>(blocks: usize) -> usize {
    blocks * WIDTH * L::COLUMNS
}

/// The left operand's rows: `values[block × stride + row][channel in block]`.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a> {
    /// From the first row of this product on.
    pub values: &'a [Values],
    /// Distance from one block of sixteen channels to the next.
    pub stride: usize,
    /// Distance to the rows that are needed next, to prefetch them; 0 for no prefetch.
    pub next: usize,
}

/// Blocks of channels that are summed before moving on to the next rows: as much of the panel
/// as stays in the first-level cache.
pub const INNER: usize = 8;

/// Multiplies by one panel of the right operand, of this many blocks of channels. It lies at
/// the beginning of `panels`; what follows there is needed next. Computes as many rows
/// `[row][COLUMNS][16]` as `out` has room for, and adds them to its contents if `accumulate`.
#[inline(always)]
pub fn product<L: Lanes>(
    lanes: L,
    blocks: usize,
    rows: Rows<'_>,
    panels: &[Values],
    accumulate: bool,
    out: &mut [Values],
) {
    let kept = if accumulate { Kept::First } else { Kept::No };
    in_parts(lanes, (blocks, INNER), rows, panels, [kept, Kept::First], out);
}

/// The same for sums that begin at zero for each `length` blocks of channels and are then added: closer
/// to the exact sum than one term after the other.
#[inline(always)]
pub fn product_of_parts<L: Lanes>(
    lanes: L,
    (blocks, length): (usize, usize),
    rows: Rows<'_>,
    panels: &[Values],
    out: &mut [Values],
) {
    in_parts(lanes, (blocks, length), rows, panels, [Kept::No, Kept::Last], out);
}

/// What becomes of the sums that are there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kept {
    /// Nothing: others take their place.
    No,
    /// The first term is added to them.
    First,
    /// The sum of all terms is added to them.
    Last,
}

/// Multiplies `length` blocks of channels at a time, for which `kept` says what becomes of the sums that
/// are there: of the first ones, and of all others.
#[inline(always)]
fn in_parts<L: Lanes>(
    lanes: L,
    (blocks, length): (usize, usize),
    rows: Rows<'_>,
    panels: &[Values],
    kept: [Kept; 2],
    out: &mut [Values],
) {
    let count = out.len() / L::COLUMNS;
    let parts = count.div_ceil(L::ROWS);
    for block in (0..blocks).step_by(length) {
        let some = length.min(blocks - block);
        let kept = kept[usize::from(block > 0)];
        let panels = &panels[block * WIDTH * L::COLUMNS..];
        let mut done = 0;
        for part in 0..parts {
            // As even as possible: eleven rows cost hardly less than fourteen.
            let size = (count - done).div_ceil(parts - part);
            let rows = Rows { values: &rows.values[block * rows.stride + done..], ..rows };
            let out = &mut out[done * L::COLUMNS..(done + size) * L::COLUMNS];
            let task = Task { rows, panels, blocks: some, kept, first: part == 0 };
            some_rows(lanes, size, task, out);
            done += size;
        }
    }
}

#[derive(Clone, Copy)]
struct Task<'a> {
    rows: Rows<'a>,
    panels: &'a [Values],
    blocks: usize,
    /// What becomes of what is in `out`.
    kept: Kept,
    /// This part of the panel is read for the first time, and must be prefetched from far
    /// away.
    first: bool,
}

#[inline(always)]
fn some_rows<L: Lanes>(lanes: L, size: usize, task: Task<'_>, out: &mut [Values]) {
    macro_rules! sizes {
        ($($size:literal)*) => {
            match size {
                $($size if $size <= L::ROWS => kernel::<L, $size>(lanes, task, out),)*
                _ => {}
            }
        };
    }
    sizes!(1 2 3 4 5 6 7 8 9 10 11 12 13 14);
}

/// `R` rows at once, all sums in registers.
#[inline(always)]
fn kernel<L: Lanes, const R: usize>(lanes: L, task: Task<'_>, out: &mut [Values]) {
    if L::COLUMNS == 2 {
        columns::<L, R, 2>(lanes, task, out);
    } else {
        columns::<L, R, 1>(lanes, task, out);
    }
}

/// How far ahead of its use a panel is prefetched, in [`Values`]: the processor itself looks no
/// further than the end of a page.
const AHEAD: usize = 320;

/// Loads sums into registers: the contents of `from` if `accumulate`, else zeros.
#[inline(always)]
pub fn load<L: Lanes, const R: usize, const N: usize>(
    lanes: L,
    from: &[[Values; N]; R],
    accumulate: bool,
) -> [[L::V; N]; R] {
    let mut sums = [[lanes.splat(0.0); N]; R];
    if accumulate {
        for r in 0..R {
            for n in 0..N {
                sums[r][n] = lanes.load(&from[r][n]);
            }
        }
    }
    sums
}

/// Adds the product of a column and a row to the sums.
#[inline(always)]
pub fn add<L: Lanes, const R: usize, const N: usize>(
    lanes: L,
    left: impl Fn(usize) -> f32,
    right: &[Values; N],
    sums: &mut [[L::V; N]; R],
) {
    let mut columns = [lanes.splat(0.0); N];
    for n in 0..N {
        columns[n] = lanes.load(&right[n]);
    }
    for r in 0..R {
        let value = lanes.splat(left(r));
        for n in 0..N {
            sums[r][n] = lanes.mul_add(value, columns[n], sums[r][n]);
        }
    }
}

/// Writes the sums.
#[inline(always)]
pub fn store<L: Lanes, const R: usize, const N: usize>(
    lanes: L,
    sums: [[L::V; N]; R],
    into: &mut [[Values; N]; R],
) {
    for r in 0..R {
        for n in 0..N {
            lanes.store(sums[r][n], &mut into[r][n]);
        }
    }
}

#[inline(always)]
fn columns<L: Lanes, const R: usize, const N: usize>(lanes: L, task: Task<'_>, out: &mut [Values]) {
    let (out, _) = out.as_chunks_mut::<N>();
    let Some(out) = out.first_chunk_mut::<R>() else {
        return;
    };
    let mut sums = load(lanes, out, task.kept == Kept::First);
    let (panel, _) = task.panels.as_chunks::<N>();
    let (panel, _) = panel.as_chunks::<WIDTH>();
    // No branches in the inner loop: with them, sums can end up outside the registers.
    let ahead = if task.first { AHEAD } else { 0 };
    for block in 0..task.blocks {
        let start = block * task.rows.stride;
        let Some(left) = task.rows.values[start..].first_chunk::<R>() else {
            return;
        };
        let right = &panel[block];
        for k in 0..WIDTH {
            for line in &right[k] {
                lanes.prefetch(line, ahead);
            }
            lanes.prefetch(&left[k.min(R - 1)], task.rows.next);
            add(lanes, |r| left[r].0[k], &right[k], &mut sums);
        }
    }
    if task.kept == Kept::Last {
        for r in 0..R {
            for n in 0..N {
                sums[r][n] = lanes.add(lanes.load(&out[r][n]), sums[r][n]);
            }
        }
    }
    store(lanes, sums, out);
}
