//! The tile size for each map, how the work is divided, and how to run code that is compiled
//! for each tile size.

use crate::isa::{Isa, Precision, RunLanes, with_lanes, with_rounded_lanes};
use crate::lanes::Lanes;
use crate::matrix::Tiling;
use crate::minimal::{Balanced, F3, F4, F6};
use crate::product::panel_len;
use crate::shape::{ConvShape, DIRECT_CHANNELS, Extent};
use crate::values::WIDTH;

/// The side of the square of outputs that are computed together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tile {
    Three,
    Four,
    /// Four, for products of rounded numbers.
    Balanced,
    Six,
}

impl Tile {
    /// Four, unless another size saves enough multiplications to make up for its costlier
    /// transforms, as measured on VGG16's layers.
    pub fn of(output: Extent, isa: Isa) -> Self {
        if isa.precision() == Precision::Bf16 {
            return Self::Balanced;
        }
        let products =
            |m: usize| (m + 2) * (m + 2) * output.height.div_ceil(m) * output.width.div_ceil(m);
        if isa == Isa::Amx {
            // Products are cheap there; transforming the filters, which every
            // training step does, is not.
            let cost = |tile: &Self| products(tile.side()) + 30 * tile.points();
            let all = [Self::Four, Self::Six, Self::Three];
            return all.into_iter().min_by_key(cost).unwrap_or(Self::Four);
        }
        if 10 * products(6) < 7 * products(4) {
            Self::Six
        } else if 10 * products(3) < 9 * products(4) {
            Self::Three
        } else {
            Self::Four
        }
    }

    fn side(self) -> usize {
        match self {
            Self::Three => 3,
            Self::Four | Self::Balanced => 4,
            Self::Six => 6,
        }
    }

    pub fn points(self) -> usize {
        (self.side() + 2) * (self.side() + 2)
    }

    /// Whether the side is even, so that no 2×2 square reaches from one tile into the next.
    pub fn is_even(self) -> bool {
        self != Self::Three
    }
}

/// How the work is divided.
#[derive(Debug, Clone, Copy)]
pub struct Blocking {
    /// Tiles that are transformed before they are multiplied.
    pub tiles: usize,
    /// Blocks of sixteen output channels that are multiplied before they are transformed
    /// back.
    pub blocks: usize,
    /// Whether all threads share each group of tiles, instead of each working on its own.
    pub shared: bool,
}

/// Transformed filters larger than this don't fit in a core's cache: the threads then share
/// each group of tiles.
const SHARED_BYTES: usize = 16 << 20;

/// What one point of a group of tiles may take, in and out, so that it stays in a core's cache
/// while a matrix unit works on it.
const POINT_BYTES: usize = 1 << 20;

impl Blocking {
    /// As measured on VGG16's layers. `images` is how many are being worked on at the same
    /// time.
    pub fn of<L: Lanes>(shape: ConvShape, tile: Tile, images: usize) -> Self {
        let all = usize::MAX;
        if L::MATRIX_UNIT && L::PIECES > 1 {
            let per_tile = 2 * L::PIECES * shape.input.channels + 4 * shape.outputs;
            let tiles = (POINT_BYTES / per_tile).clamp(96, 384) / 32 * 32;
            return Self { tiles, blocks: all, shared: true };
        }
        // Rounded, twice as many tiles take the same memory.
        let (tiles, blocks) = if L::PIECES == 1 { (192, 4) } else { (96, 2) };
        if is_large(shape, tile) {
            Self { tiles: 2 * tiles, blocks: all, shared: true }
        } else if images < rayon::current_num_threads() {
            Self { tiles: 192, blocks, shared: true }
        } else {
            Self { tiles, blocks, shared: false }
        }
    }

    /// Number of panels, each of `columns` blocks, per pass.
    pub fn panels(&self, columns: usize) -> usize {
        (self.blocks / columns).max(1)
    }
}

/// Whether the filters don't fit in a core's cache, so that each group of tiles reads them from
/// memory.
fn is_large(shape: ConvShape, tile: Tile) -> bool {
    let channels = shape.input.channels;
    channels > DIRECT_CHANNELS && tile.points() * channels * shape.outputs * 4 > SHARED_BYTES
}

/// Whether a whole batch should pass together, so that the filters are read only once.
pub fn wants_batch(shape: ConvShape, tile: Tile, isa: Isa) -> bool {
    matches!(isa, Isa::Amx | Isa::AmxBf16) && shape.input.channels > DIRECT_CHANNELS
        || is_large(shape, tile)
}

/// Number of [`Values`](crate::values::Values) in a transformed kernel.
pub fn filters_len<L: Lanes>(shape: ConvShape, points: usize) -> usize {
    let panels = shape.outputs.div_ceil(L::COLUMNS * WIDTH);
    points * panels * panel_len::<L>(shape.input.blocks())
}

/// Code that is compiled once per instruction set and tile size.
pub trait Run {
    /// Runs it on `lanes` with tiles `T`.
    fn run<L: Lanes, T: Tiling<M, N>, const M: usize, const N: usize>(self, lanes: L);
}

/// Runs `run` on `isa` with tiles of this size.
pub fn dispatch(isa: Isa, tile: Tile, run: impl Run) {
    match tile {
        Tile::Balanced => with_rounded_lanes(isa, Balancing(run)),
        Tile::Three | Tile::Four | Tile::Six => with_lanes(isa, Tiled(tile, run)),
    }
}

/// Code that will run with [`Balanced`] tiles.
struct Balancing<R>(R);

impl<R: Run> RunLanes for Balancing<R> {
    fn run<L: Lanes>(self, lanes: L) {
        self.0.run::<L, Balanced, 4, 6>(lanes);
    }
}

/// Code with the tile size that it will run with.
struct Tiled<R>(Tile, R);

impl<R: Run> RunLanes for Tiled<R> {
    fn run<L: Lanes>(self, lanes: L) {
        match self.0 {
            Tile::Three => self.1.run::<L, F3, 3, 5>(lanes),
            Tile::Four | Tile::Balanced => self.1.run::<L, F4, 4, 6>(lanes),
            Tile::Six => self.1.run::<L, F6, 6, 8>(lanes),
        }
    }
}
