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
//! | `matrix` | how they are applied to a square |
//! | `tile` | which of them for which map, and how the work is cut |
//! | `map` | reading and writing strips of feature maps, with their borders |
//! | `transform` | from maps to points and back |
//! | `filter` | filters to points |
//! | `product` | the matrix product of one point |
//! | `winograd` | the forward pass; with transposed filters also the gradient of the input |
//! | `gradient` | the gradient of the filters |
//! | `direct` | the plain sum, for an image's three channels |
//! | `stack` | several layers with filters that are transformed once |
//! | `pool` | 2×2 maximum |
//! | `dense` | fully connected layers |
//! | `buffer` | memory that is kept |
//!
//! Every sum runs in one order: results depend neither on the number of images in the batch nor
//! on the number of threads, only on the instruction set.

// The kernels index several arrays with one variable: iterators would hide what is done.
#![allow(clippy::needless_range_loop)]

pub mod buffer;
mod dense;
mod direct;
mod filter;
mod gradient;
mod lanes;
mod map;
mod matrix;
mod minimal;
mod pool;
mod product;
mod stack;
mod tile;
mod transform;
mod winograd;

use std::marker::PhantomData;

use buffer::scratch;
pub use dense::Dense;
use filter::Kernel;
use gradient::{KernelGradient, Terms};
use lanes::Lanes;
pub use map::Extent;
use map::{Maps, Order};
use matrix::Tiling;
pub use pool::{max_pool, max_pool_gradient};
pub use stack::{Layer, Stack};
use tile::{Blocking, Run, Tile, dispatch, filters_len};
pub use winograd::{Finish, Problem};
use winograd::{Target, Winograd};

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
        let maps = Maps { values: input, order: Order::Planar, extent: problem.input };
        let kernel = Kernel { values: kernel, transposed: false };
        let target = Target { values: out, order: Order::Planar, pool: false };
        dispatch(
            level,
            tile,
            Forward { problem, tile, maps, positive: None, kernel, finish, target },
        );
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
        let run = Forward {
            problem,
            tile,
            maps: Maps { values: gradient, order: Order::Planar, extent: problem.input },
            positive: output,
            kernel: Kernel { values: kernel, transposed: true },
            finish: Finish::default(),
            target: Target { values: out, order: Order::Planar, pool: false },
        };
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

struct Forward<'a> {
    problem: Problem,
    tile: Tile,
    maps: Maps<'a>,
    positive: Option<&'a [f32]>,
    kernel: Kernel<'a>,
    finish: Finish<'a>,
    target: Target<'a>,
}

impl Run for Forward<'_> {
    fn run<L: Lanes, T: Tiling<M, N>, const M: usize, const N: usize>(self, lanes: L) {
        let Self { problem, tile, maps, positive, kernel, finish, target } = self;
        if problem.input.channels <= direct::CHANNELS && !kernel.transposed {
            direct::forward(lanes, problem, maps.values, kernel.values, finish, target);
            return;
        }
        let blocking = Blocking::of(problem, tile, problem.images);
        let mut filters = scratch(filters_len(problem, tile));
        let per_pass = blocking.panels(L::COLUMNS);
        filter::transform::<L, T::Filter, N>(lanes, problem, kernel, per_pass, &mut filters);
        let algorithm = Winograd::<L, T, M, N> { lanes, tile: PhantomData, problem, blocking };
        algorithm.forward(maps, positive, &filters, finish, target);
    }
}

struct KernelAndBias<'a> {
    problem: Problem,
    terms: Terms<'a>,
    kernel: &'a mut [f32],
    bias: &'a mut [f32],
}

impl Run for KernelAndBias<'_> {
    fn run<L: Lanes, T: Tiling<M, N>, const M: usize, const N: usize>(self, lanes: L) {
        let Self { problem, terms, kernel, bias } = self;
        if problem.input.channels <= direct::CHANNELS {
            direct::kernel_gradient(lanes, problem, terms, kernel, bias);
            return;
        }
        KernelGradient::<L, T, M, N> { lanes, tile: PhantomData, problem }.run(terms, kernel, bias);
    }
}

#[cfg(test)]
mod tests;
