//! Both operands of the gradient's products: sums run over tiles.

use std::marker::PhantomData;

use crate::buffer::scratch;
use crate::lanes::matrix_unit::{PIECES, UNIT};
use crate::lanes::{Lanes, Values, WIDTH, Work};
use crate::matrix::Matrix;
use crate::transform::{Strips, ToPoints};

/// Tiles whose pairs fill a line of a matrix unit's operand.
const CHUNK: usize = 2 * WIDTH;

/// Sixteens per point of the left operand, one block deep or two for a matrix unit.
pub const fn left_len<L: Lanes>(tiles: usize) -> usize {
    if L::MATRIX_UNIT { tiles.div_ceil(CHUNK) * UNIT } else { tiles }
}

/// Sixteens per point of one panel of the right operand.
pub const fn right_len<L: Lanes>(tiles: usize) -> usize {
    if L::MATRIX_UNIT { tiles.div_ceil(CHUNK) * UNIT } else { tiles * L::COLUMNS }
}

/// Which operand.
#[derive(Debug, Clone, Copy)]
pub enum Side {
    /// `[point][tile]`; for a matrix unit `[point][32 tiles][half][piece][channel]`.
    Left {
        /// Which of two blocks.
        half: usize,
    },
    /// `[point][tile][COLUMNS]`; for a matrix unit
    /// `[point][32 tiles][piece][COLUMNS][pair of tiles]`.
    Right {
        /// Which of so many blocks.
        column: usize,
    },
}

/// One block of sixteen channels.
pub struct Operand<'a> {
    /// Of which tiles.
    pub strips: &'a Strips<'a>,
    /// Which block; zeros where there is none.
    pub block: usize,
    /// Where it goes.
    pub side: Side,
    /// Gets the sum of all values where that is wanted.
    pub sum: Option<&'a mut Values>,
    /// All points.
    pub out: &'a mut [Values],
}

impl Operand<'_> {
    /// Transforms it.
    pub fn fill<L: Lanes, A: Matrix<I, O>, const I: usize, const O: usize>(self, lanes: L) {
        let Self { strips, block, side, sum, out } = self;
        let tiles = strips.tiles();
        let points = |columns: usize, out| ToPoints::<A, I, O> {
            matrix: PhantomData,
            strips: strips.clone(),
            block,
            sum,
            pair: false,
            columns,
            point: tiles * columns,
            out,
        };
        if L::MATRIX_UNIT {
            let mut plain = scratch(O * O * tiles);
            lanes.vectorize(points(1, &mut plain));
            lanes.vectorize(Pack { plain: &plain, tiles, side, out });
            return;
        }
        match side {
            Side::Left { .. } => lanes.vectorize(points(1, out)),
            Side::Right { column } => lanes.vectorize(points(L::COLUMNS, &mut out[column..])),
        }
    }
}

/// Cuts values into pieces for a matrix unit.
struct Pack<'a> {
    /// `[point][tile]`
    plain: &'a [Values],
    tiles: usize,
    side: Side,
    out: &'a mut [Values],
}

impl Work for Pack<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let (first, piece) = match self.side {
            Side::Left { half } => (half * PIECES * WIDTH, WIDTH),
            Side::Right { column } => (column * WIDTH, L::COLUMNS * WIDTH),
        };
        let chunks = self.plain.chunks_exact(self.tiles).flat_map(|point| point.chunks(CHUNK));
        for (tiles, out) in chunks.zip(self.out.chunks_exact_mut(UNIT)) {
            let mut pieces = [[lanes.splat(0.0); WIDTH]; PIECES];
            for pair in 0..WIDTH {
                let tile = |at: usize| tiles.get(at).map_or(lanes.splat(0.0), |v| lanes.load(v));
                let split = lanes.split(tile(pair), tile(pair + WIDTH));
                for (piece, value) in pieces.iter_mut().zip(split) {
                    piece[pair] = value;
                }
            }
            for (at, rows) in pieces.into_iter().enumerate() {
                let rows = match self.side {
                    Side::Left { .. } => lanes.transpose(rows),
                    Side::Right { .. } => rows,
                };
                for (row, into) in rows.into_iter().zip(&mut out[first + at * piece..]) {
                    lanes.store(row, into);
                }
            }
        }
    }
}
