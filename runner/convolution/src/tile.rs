//! Which tiles a map is cut into, how the work is cut, and the code for each choice.

use crate::lanes::{Lanes, Portable, WIDTH};
use crate::map::Extent;
use crate::matrix::Tiling;
use crate::minimal::{F3, F4, F6};
use crate::winograd::Problem;
use crate::{Level, direct};

/// The outputs that are computed together, on each side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tile {
    Three,
    Four,
    Six,
}

impl Tile {
    /// Four, unless another saves enough multiplications to pay for what it costs beside them:
    /// measured on VGG16's layers.
    pub fn of(output: Extent) -> Self {
        let products =
            |m: usize| (m + 2) * (m + 2) * output.height.div_ceil(m) * output.width.div_ceil(m);
        if 10 * products(6) < 7 * products(4) {
            Self::Six
        } else if 10 * products(3) < 9 * products(4) {
            Self::Three
        } else {
            Self::Four
        }
    }

    pub fn points(self) -> usize {
        match self {
            Self::Three => 25,
            Self::Four => 36,
            Self::Six => 64,
        }
    }

    /// Whether 2×2 squares never reach from one tile into the next.
    pub fn is_even(self) -> bool {
        self != Self::Three
    }
}

/// How the work is cut.
#[derive(Debug, Clone, Copy)]
pub struct Blocking {
    /// Tiles that are transformed before they are multiplied.
    pub tiles: usize,
    /// Sixteens of output channels that are multiplied before they are transformed back.
    pub blocks: usize,
    /// All threads share each block of tiles instead of having one each.
    pub shared: bool,
}

/// Transformed filters that no longer fit a core's cache are shared between threads.
const SHARED_BYTES: usize = 16 << 20;

impl Blocking {
    /// Measured on VGG16's layers. `images` are those that are under way at the same time.
    pub fn of(problem: Problem, tile: Tile, images: usize) -> Self {
        if Self::is_large(problem, tile) {
            Self { tiles: 192, blocks: usize::MAX, shared: true }
        } else if images < rayon::current_num_threads() {
            Self { tiles: 192, blocks: 2, shared: true }
        } else {
            Self { tiles: 96, blocks: 2, shared: false }
        }
    }

    /// Whether the filters are read anew for each block of tiles, from far away.
    pub fn is_large(problem: Problem, tile: Tile) -> bool {
        let channels = problem.input.channels;
        channels > direct::CHANNELS && tile.points() * channels * problem.outputs * 4 > SHARED_BYTES
    }

    /// Panels of `columns` sixteens per pass.
    pub fn panels(&self, columns: usize) -> usize {
        (self.blocks / columns).max(1)
    }
}

/// Values that a transformed kernel takes, at most: channels are rounded up.
pub fn filters_len(problem: Problem, tile: Tile) -> usize {
    let panels = problem.outputs.next_multiple_of(2 * WIDTH) / WIDTH;
    tile.points() * panels * problem.input.blocks() * WIDTH
}

/// Something that is compiled for each instruction set and tile.
pub trait Run {
    fn run<L: Lanes, T: Tiling<M, N>, const M: usize, const N: usize>(self, lanes: L);
}

/// Something that is compiled for each instruction set.
pub trait RunLanes {
    fn run<L: Lanes>(self, lanes: L);
}

pub fn with_lanes(level: Level, run: impl RunLanes) {
    #[cfg(target_arch = "x86_64")]
    {
        if let (Level::Avx512, Some(lanes)) = (level, pulp::x86::V4::try_new()) {
            return run.run(lanes);
        }
        if let (Level::Avx2, Some(lanes)) = (level, pulp::x86::V3::try_new()) {
            return run.run(lanes);
        }
    }
    run.run(Portable);
}

pub fn dispatch(level: Level, tile: Tile, run: impl Run) {
    with_lanes(level, Tiled(tile, run));
}

struct Tiled<R>(Tile, R);

impl<R: Run> RunLanes for Tiled<R> {
    fn run<L: Lanes>(self, lanes: L) {
        match self.0 {
            Tile::Three => self.1.run::<L, F3, 3, 5>(lanes),
            Tile::Four => self.1.run::<L, F4, 4, 6>(lanes),
            Tile::Six => self.1.run::<L, F6, 6, 8>(lanes),
        }
    }
}
