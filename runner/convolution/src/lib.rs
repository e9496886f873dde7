//! 3×3 convolutions with stride 1 for the CPU: Winograd's minimal filtering.
//!
//! # The algorithm
//!
//! A map is cut into overlapping tiles of (m + 2)² pixels. Each tile, and each 3×3 filter, is
//! transformed into (m + 2)² points; point by point, a matrix product sums over the channels; and
//! what comes out is transformed back into m² outputs. That takes (m + 2)² multiplications for m²
//! outputs of nine taps: 2.25 each for m = 4, 1.78 for m = 6, in place of 9. The price is rounding,
//! which grows with m: measured here against float64, largest over largest, below 2e-5 per layer
//! on random numbers.
//!
//! Winograd, "Arithmetic Complexity of Computations" (1980); Lavin & Gray, "Fast Algorithms for
//! Convolutional Neural Networks" (2015), from where the matrices are.
//!
//! # How it is laid out
//!
//! | module | what |
//! |---|---|
//! | `lanes` | sixteen channels at a time, on AVX-512, AVX2 or plain Rust |
//! | `minimal` | the matrices of F(3, 3), F(4, 3) and F(6, 3) |
//! | `map` | reading and writing strips of feature maps, with their borders |
//! | `product` | the matrix product of one point |
//! | `winograd` | the forward pass; with transposed filters also the gradient of the input |
//! | `gradient` | the gradient of the filters |
//! | `direct` | the plain sum, for an image's three channels |
//! | `pool` | 2×2 maximum |
//! | `buffer` | memory that is kept |
//!
//! Every sum runs in one order: results depend neither on the number of images in the batch nor
//! on the number of threads, only on the instruction set.

// The kernels index several arrays with one variable: iterators would hide what is done.
#![allow(clippy::needless_range_loop)]
// A kernel is one loop nest, and reads best in one piece.
#![allow(clippy::too_many_lines)]

pub mod buffer;
mod direct;
mod gradient;
mod lanes;
mod map;
mod minimal;
mod pool;
mod product;

mod winograd;

use std::marker::PhantomData;

use gradient::{KernelGradient, Terms};
use lanes::{Lanes, Portable, WIDTH};
pub use map::Extent;
use map::{Maps, Order};
use minimal::{F3, F4, F6, Filter, Gather, Input, Matrix, Minimal, Output, Spread};
pub use pool::{max_pool, max_pool_gradient, pooled};
use winograd::{Blocking, Winograd};
pub use winograd::{Finish, Problem};

/// An instruction set that this crate computes with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// The target's baseline: SSE2, NEON.
    Portable,
    /// AVX2 and FMA.
    Avx2,
    /// AVX-512.
    Avx512,
}

impl Level {
    /// The best that this processor has.
    #[must_use]
    pub fn best() -> Self {
        Self::available().last().copied().unwrap_or(Self::Portable)
    }

    /// All that this processor has, slowest first.
    #[must_use]
    pub fn available() -> Vec<Self> {
        let mut levels = vec![Self::Portable];
        #[cfg(target_arch = "x86_64")]
        {
            levels.extend(pulp::x86::V3::try_new().map(|_| Self::Avx2));
            levels.extend(pulp::x86::V4::try_new().map(|_| Self::Avx512));
        }
        levels
    }
}

/// Which tiles a map is cut into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tile {
    Three,
    Four,
    Six,
}

impl Tile {
    /// Four, unless another saves enough multiplications to pay for what it costs beside them:
    /// measured on VGG16's layers.
    fn of(output: Extent) -> Self {
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

    fn points(self) -> usize {
        match self {
            Self::Three => 25,
            Self::Four => 36,
            Self::Six => 64,
        }
    }
}

/// Transformed filters that no longer fit a core's cache are shared between threads.
const SHARED_BYTES: usize = 16 << 20;

fn blocking(problem: Problem, tile: Tile, columns: usize) -> Blocking {
    let filters = tile.points() * problem.input.channels * problem.outputs * 4;
    if filters > SHARED_BYTES || problem.images < rayon::current_num_threads() {
        Blocking { tiles: 192, panels: usize::MAX, shared: true }
    } else {
        Blocking { tiles: 96, panels: 64 / (WIDTH * columns), shared: false }
    }
}

/// Something that is compiled for each instruction set and tile.
trait Run {
    fn run<L: Lanes, T: Minimal<M, N>, const M: usize, const N: usize>(self, lanes: L)
    where
        Input<T>: Matrix<N, N>,
        Output<T>: Matrix<N, M>,
        Filter<T>: Matrix<3, N>,
        Spread<T>: Matrix<M, N>,
        Gather<T>: Matrix<N, 3>;
}

fn dispatch(level: Level, tile: Tile, run: impl Run) {
    #[cfg(target_arch = "x86_64")]
    {
        if let (Level::Avx512, Some(lanes)) = (level, pulp::x86::V4::try_new()) {
            return tiled(lanes, tile, run);
        }
        if let (Level::Avx2, Some(lanes)) = (level, pulp::x86::V3::try_new()) {
            return tiled(lanes, tile, run);
        }
    }
    tiled(Portable, tile, run);
}

fn tiled<L: Lanes>(lanes: L, tile: Tile, run: impl Run) {
    match tile {
        Tile::Three => run.run::<L, F3, 3, 5>(lanes),
        Tile::Four => run.run::<L, F4, 4, 6>(lanes),
        Tile::Six => run.run::<L, F6, 6, 8>(lanes),
    }
}

/// A 3×3 convolution with stride 1 of a batch of maps `[image, channel, height, width]`.
#[derive(Debug, Clone, Copy)]
pub struct Convolution {
    /// What is convolved.
    pub problem: Problem,
    /// With which instructions.
    pub level: Level,
}

impl Convolution {
    /// With the best instructions of this processor.
    #[must_use]
    pub fn new(problem: Problem) -> Self {
        Self { problem, level: Level::best() }
    }

    /// Whether the maps are large enough, and there is anything to compute.
    #[must_use]
    pub fn takes(problem: Problem) -> bool {
        let Extent { channels, height, width } = problem.input;
        let sides = height.min(width) + 2 * problem.padding >= 3;
        sides && problem.padding <= 1 && channels * problem.outputs * problem.images > 0
    }

    /// Convolves, adds the bias, and applies ReLU where `finish` says so.
    ///
    /// `kernel` is `[out, in, 3, 3]`; `out` is `[image, out, height + 2 padding - 2, …]`.
    ///
    /// # Panics
    ///
    /// Where a slice is shorter than the problem says.
    pub fn forward(&self, input: &[f32], kernel: &[f32], finish: Finish<'_>, out: &mut [f32]) {
        let Self { problem, level } = *self;
        let tile = Tile::of(problem.output());
        dispatch(level, tile, Forward { problem, tile, input, kernel, finish, out });
    }

    /// The gradient of the input. `output` is what came out, where ReLU was applied to it.
    ///
    /// # Panics
    ///
    /// Where a slice is shorter than the problem says.
    pub fn input_gradient(
        &self,
        gradient: &[f32],
        output: Option<&[f32]>,
        kernel: &[f32],
        out: &mut [f32],
    ) {
        let problem = Problem {
            images: self.problem.images,
            input: self.problem.output(),
            outputs: self.problem.input.channels,
            padding: 2 - self.problem.padding,
        };
        let tile = Tile::of(problem.output());
        let run = InputGradient { problem, tile, gradient, output, kernel, out };
        dispatch(self.level, tile, run);
    }

    /// The gradients of the kernel, `[out, in, 3, 3]`, and of the bias. `output` as above.
    ///
    /// # Panics
    ///
    /// Where a slice is shorter than the problem says.
    pub fn kernel_gradient(
        &self,
        input: &[f32],
        gradient: &[f32],
        output: Option<&[f32]>,
        (kernel, bias): (&mut [f32], &mut [f32]),
    ) {
        let Self { problem, level } = *self;
        let maps = |values, extent| Maps { values, order: Order::Planar, extent };
        let terms = Terms {
            input: maps(input, problem.input),
            output: maps(gradient, problem.output()),
            positive: output,
        };
        let tile = Tile::of(problem.output());
        dispatch(level, tile, KernelAndBias { problem, terms, kernel, bias });
    }
}

/// Implements [`Run`] with the bounds that it asks for.
macro_rules! run {
    ($name:ident, |$self:ident, $lanes:ident, $tile:ident, $m:ident, $n:ident| $body:block) => {
        impl Run for $name<'_> {
            fn run<L: Lanes, $tile: Minimal<$m, $n>, const $m: usize, const $n: usize>(
                $self,
                $lanes: L,
            ) where
                Input<$tile>: Matrix<$n, $n>,
                Output<$tile>: Matrix<$n, $m>,
                Filter<$tile>: Matrix<3, $n>,
                Spread<$tile>: Matrix<$m, $n>,
                Gather<$tile>: Matrix<$n, 3>,
            $body
        }
    };
}

struct Forward<'a> {
    problem: Problem,
    tile: Tile,
    input: &'a [f32],
    kernel: &'a [f32],
    finish: Finish<'a>,
    out: &'a mut [f32],
}

run!(Forward, |self, lanes, T, M, N| {
    let Self { problem, tile, input, kernel, finish, out } = self;
    if problem.input.channels <= direct::CHANNELS {
        direct::forward(lanes, problem, input, kernel, finish, out);
        return;
    }
    let blocking = blocking(problem, tile, L::COLUMNS);
    let algorithm = Winograd::<L, T, M, N> { lanes, tile: PhantomData, problem, blocking };
    let maps = Maps { values: input, order: Order::Planar, extent: problem.input };
    let filters = algorithm.filters(kernel, false);
    algorithm.forward(maps, None, &filters, finish, out);
});

struct InputGradient<'a> {
    problem: Problem,
    tile: Tile,
    gradient: &'a [f32],
    output: Option<&'a [f32]>,
    kernel: &'a [f32],
    out: &'a mut [f32],
}

run!(InputGradient, |self, lanes, T, M, N| {
    let Self { problem, tile, gradient, output, kernel, out } = self;
    let blocking = blocking(problem, tile, L::COLUMNS);
    let algorithm = Winograd::<L, T, M, N> { lanes, tile: PhantomData, problem, blocking };
    let maps = Maps { values: gradient, order: Order::Planar, extent: problem.input };
    let filters = algorithm.filters(kernel, true);
    algorithm.forward(maps, output, &filters, Finish::default(), out);
});

struct KernelAndBias<'a> {
    problem: Problem,
    terms: Terms<'a>,
    kernel: &'a mut [f32],
    bias: &'a mut [f32],
}

run!(KernelAndBias, |self, lanes, T, M, N| {
    let Self { problem, terms, kernel, bias } = self;
    if problem.input.channels <= direct::CHANNELS {
        direct::kernel_gradient(lanes, problem, terms, kernel, bias);
        return;
    }
    KernelGradient::<L, T, M, N> { lanes, tile: PhantomData, problem }.run(terms, kernel, bias);
});

#[cfg(test)]
mod tests;
