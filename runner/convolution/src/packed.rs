//! The matrix product of one transform point on a matrix unit. The operands are split into
//! pieces and packed into working memory that stays in a core's second-level cache.

use crate::buffer::scratch;
use crate::lanes::matrix_unit::{Next, PIECES, ROWS, Task, unit};
use crate::lanes::{Lanes, Work};
use crate::product::{Rows, panel_len};
use crate::values::{Values, WIDTH};

/// `[tiles, channels] × [channels, out]`. `rows` is as for [`crate::product::product`];
/// `panels` holds one panel of the right operand after the other. `out` is
/// `[panel][tile][COLUMNS][16]`, the number of tiles rounded up to a multiple of [`ROWS`].
#[inline(always)]
pub fn product<L: Lanes>(
    lanes: L,
    tiles: usize,
    blocks: usize,
    rows: Rows<'_>,
    panels: &[Values],
    out: &mut [Values],
) {
    let (units, parts) = (blocks.div_ceil(2), tiles.div_ceil(ROWS));
    let per_panel = parts * ROWS * L::COLUMNS;
    let mut left = scratch(units * parts * unit::<L>());
    let mut right = scratch(units * unit::<L>());
    for (unit, into) in left.chunks_exact_mut(parts * unit::<L>()).enumerate() {
        let block = |half: usize| rows.values.get((2 * unit + half) * rows.stride..);
        let second = block(1).filter(|_| 2 * unit + 1 < blocks);
        pack_rows(lanes, block(0), second, tiles, into);
    }
    let tasks = out.len() / per_panel * parts;
    for (panel, out) in out.chunks_exact_mut(per_panel).enumerate() {
        let panels = &panels[panel * panel_len::<L>(blocks)..];
        pack_panel(lanes, &panels[..panel_len::<L>(blocks)], &mut right);
        for (part, out) in out.chunks_exact_mut(ROWS * L::COLUMNS).enumerate() {
            let share = |lines: usize, part: usize, of: usize| lines * part / of;
            let task = panel * parts + part;
            let ahead = share(blocks * tiles, task, tasks);
            let next = Next {
                left: rows.values[ahead / tiles * rows.stride + ahead % tiles..]
                    .as_ptr()
                    .wrapping_add(rows.next),
                right: panels.as_ptr().wrapping_add(
                    panel_len::<L>(blocks) + share(panel_len::<L>(blocks), part, parts),
                ),
                out: out.as_ptr().wrapping_add(per_panel),
            };
            let task = Task {
                left: &left[part * unit::<L>()..],
                stride: parts * unit::<L>(),
                rows: ROWS.min(tiles - part * ROWS),
                right: &right,
                units,
                accumulate: false,
                next: Some(next),
            };
            lanes.product(task, out);
        }
    }
}

/// The same where both operands are rounded: `rows` are of pairs of blocks, one line for both, and
/// `panels` come from [`RoundPanels`].
#[inline(always)]
pub fn rounded<L: Lanes>(
    lanes: L,
    (tiles, blocks): (usize, usize),
    rows: Rows<'_>,
    panels: &[Values],
    out: &mut [Values],
) {
    let units = blocks.div_ceil(2);
    let per_panel = tiles.next_multiple_of(ROWS) * L::COLUMNS;
    let panels = panels.chunks_exact(panel_len::<L>(blocks));
    for (panel, out) in panels.zip(out.chunks_exact_mut(per_panel)) {
        for (part, out) in out.chunks_exact_mut(ROWS * L::COLUMNS).enumerate() {
            let left = &rows.values[part * ROWS..];
            let ahead = left.as_ptr().wrapping_add(rows.next);
            let task = Task {
                left,
                stride: rows.stride,
                rows: ROWS.min(tiles - part * ROWS),
                right: panel,
                units,
                accumulate: false,
                next: Some(Next { left: ahead, right: panel.as_ptr(), out: out.as_ptr() }),
            };
            lanes.product(task, out);
        }
    }
}

/// Rounds panels `[channel][COLUMNS]` in their own memory, of which the first half is then in use:
/// `[32 channels][COLUMNS][pair of channels]`.
pub struct RoundPanels<'a> {
    /// The panels.
    pub panels: Vec<&'a mut [Values]>,
}

impl Work for RoundPanels<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        for panel in self.panels {
            let units = panel.len().div_ceil(2 * WIDTH * L::COLUMNS);
            let mut rounded = scratch(units * unit::<L>());
            pack_panel(lanes, panel, &mut rounded);
            panel[..rounded.len()].copy_from_slice(&rounded);
        }
    }
}

/// Packs rows of two blocks of sixteen channels as `[32 rows][half][piece][row]`.
#[inline(always)]
fn pack_rows<L: Lanes>(
    lanes: L,
    first: Option<&[Values]>,
    second: Option<&[Values]>,
    rows: usize,
    into: &mut [Values],
) {
    let zero = lanes.splat(0.0);
    for row in 0..rows {
        let value = |block: Option<&[Values]>| block.map_or(zero, |block| lanes.load(&block[row]));
        let pieces = lanes.split(value(first), value(second));
        let into = &mut into[row / WIDTH * L::PIECES * WIDTH + row % WIDTH..];
        for (piece, value) in pieces.into_iter().enumerate().take(L::PIECES) {
            lanes.store(value, &mut into[piece * WIDTH]);
        }
    }
}

/// Packs a panel `[channel][COLUMNS]` as `[32 channels][piece][COLUMNS][pair of channels]`.
#[inline(always)]
fn pack_panel<L: Lanes>(lanes: L, panel: &[Values], into: &mut [Values]) {
    let half = WIDTH * L::COLUMNS;
    let zero = lanes.splat(0.0);
    for (panel, into) in panel.chunks(2 * half).zip(into.chunks_exact_mut(unit::<L>())) {
        let (first, second) = panel.split_at(half);
        for row in 0..half {
            let (pair, column) = (row / L::COLUMNS, row % L::COLUMNS);
            let second = second.get(row).map_or(zero, |value| lanes.load(value));
            let pieces = lanes.split(lanes.load(&first[row]), second);
            for (piece, value) in pieces.into_iter().enumerate().take(L::PIECES) {
                lanes.store(value, &mut into[piece * half + column * WIDTH + pair]);
            }
        }
    }
}

/// Tiles whose pairs fill a line.
const CHUNK: usize = 2 * WIDTH;

/// Number of units for sums over this many tiles.
pub const fn units(tiles: usize) -> usize {
    tiles.div_ceil(CHUNK)
}

/// Packs one block of sixteen channels of all tiles as `[32 tiles][half][piece][channel]`, with
/// pairs of tiles on each line. `half` says which of two neighbouring blocks it is.
#[inline(always)]
pub fn pack_channels<L: Lanes>(lanes: L, tiles: &[Values], half: usize, into: &mut [Values]) {
    for (tiles, into) in tiles.chunks(CHUNK).zip(into.chunks_exact_mut(unit::<L>())) {
        let pieces = pairs(lanes, |tile| tiles.get(tile));
        for (piece, rows) in pieces.iter().enumerate().take(L::PIECES) {
            let into = &mut into[(half * L::PIECES + piece) * WIDTH..];
            for (row, into) in lanes.transpose(*rows).into_iter().zip(into) {
                lanes.store(row, into);
            }
        }
    }
}

/// Packs all tiles of a panel, `[tile][COLUMNS]`, as `[32 tiles][piece][COLUMNS][pair of
/// tiles]`.
#[inline(always)]
pub fn pack_outputs<L: Lanes>(lanes: L, panel: &[Values], into: &mut [Values]) {
    let chunks = panel.chunks(CHUNK * L::COLUMNS);
    for (tiles, into) in chunks.zip(into.chunks_exact_mut(unit::<L>())) {
        for column in 0..L::COLUMNS {
            let pieces = pairs(lanes, |tile| tiles.get(tile * L::COLUMNS + column));
            for (piece, rows) in pieces.iter().enumerate().take(L::PIECES) {
                let into = &mut into[(piece * L::COLUMNS + column) * WIDTH..];
                for (row, into) in rows.iter().zip(into) {
                    lanes.store(*row, into);
                }
            }
        }
    }
}

/// Splits sixteen pairs of values into pieces; the two values of a pair are sixteen apart.
#[inline(always)]
fn pairs<'a, L: Lanes>(
    lanes: L,
    values: impl Fn(usize) -> Option<&'a Values>,
) -> [[L::V; WIDTH]; PIECES] {
    let zero = lanes.splat(0.0);
    let mut pieces = [[zero; WIDTH]; PIECES];
    for pair in 0..WIDTH {
        let value = |index: usize| values(index).map_or(zero, |value| lanes.load(value));
        let split = lanes.split(value(pair), value(pair + WIDTH));
        for piece in 0..PIECES {
            pieces[piece][pair] = split[piece];
        }
    }
    pieces
}
