//! Matrix products: one point of several panels, or all points of one panel.

use crate::lanes::matrix_unit::ROWS;
use crate::lanes::{Lanes, Work};
use crate::packed;
use crate::product::{Rows, panel_len, product};
use crate::values::Values;

/// Panels of output channels that are multiplied before they are transformed back.
#[derive(Clone, Copy)]
pub struct Pass {
    /// The first panel.
    pub first: usize,
    /// Number of panels.
    pub count: usize,
    /// Number of tiles.
    pub tiles: usize,
}

impl Pass {
    /// Length of one point. It is odd, because values a power of two apart share few lines
    /// of the cache.
    pub fn per_point<L: Lanes>(self) -> usize {
        (self.count * self.per_panel::<L>()) | 1
    }

    /// Length of one panel. A matrix unit computes a whole number of its rows.
    pub fn per_panel<L: Lanes>(self) -> usize {
        let rows = if L::MATRIX_UNIT { ROWS } else { 1 };
        self.tiles.next_multiple_of(rows) * L::COLUMNS
    }
}

/// One point of the panels of a pass.
pub struct Multiply<'a> {
    /// The left operand of this point.
    pub rows: Rows<'a>,
    /// The panels to multiply by.
    pub pass: Pass,
    /// Number of blocks of sixteen channels.
    pub blocks: usize,
    /// The right operand, `[panel][channel][COLUMNS][16]`.
    pub panels: &'a [Values],
    /// The result, `[panel][tile][COLUMNS][16]`.
    pub out: &'a mut [Values],
}

impl Work for Multiply<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { rows, pass, blocks, panels, out } = self;
        if L::MATRIX_UNIT {
            if L::PIECES == 1 {
                packed::rounded(lanes, (pass.tiles, blocks), rows, panels, out);
            } else {
                packed::product(lanes, pass.tiles, blocks, rows, panels, out);
            }
            return;
        }
        let outs = out.chunks_exact_mut(pass.per_panel::<L>());
        for (panel, out) in outs.enumerate().take(pass.count) {
            let panels = &panels[panel * panel_len::<L>(blocks)..];
            let next = if panel == 0 { rows.next } else { 0 };
            product(lanes, blocks, Rows { next, ..rows }, panels, false, out);
        }
    }
}

/// All points of one panel, and some of its channels.
pub struct MultiplyPanel<'a> {
    /// The left operand of the first point; `next` is the distance to the next point's.
    pub rows: Rows<'a>,
    /// The one panel.
    pub pass: Pass,
    /// Number of blocks of sixteen channels.
    pub blocks: usize,
    /// `[point][channel][COLUMNS][16]`, with room for as many channels as are summed
    /// together.
    pub filters: &'a [Values],
    /// Adds to the contents of `out`.
    pub accumulate: bool,
    /// The result, `[point][tile][COLUMNS][16]`.
    pub out: &'a mut [Values],
}

impl Work for MultiplyPanel<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { rows, pass, blocks, filters, accumulate, out } = self;
        let outs = out.chunks_exact_mut(pass.per_point::<L>());
        let part = filters.len() / outs.len();
        for (point, out) in outs.enumerate() {
            let rows = Rows { values: &rows.values[point * rows.next..], ..rows };
            let out = &mut out[..pass.tiles * L::COLUMNS];
            product(lanes, blocks, rows, &filters[point * part..], accumulate, out);
        }
    }
}
