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
//! | `lanes` | sixteen channels at a time, on AVX-512, AVX2 or plain Rust; AMX's matrix unit |
//! | `minimal` | the matrices of F(3, 3), F(4, 3) and F(6, 3) |
//! | `matrix` | how they are applied to a square |
//! | `tile` | which of them for which map, and how the work is cut |
//! | `map` | reading and writing strips of feature maps, with their borders |
//! | `transform` | from maps to points and back |
//! | `filter` | filters to points |
//! | `product` | the matrix product of one point |
//! | `packed` | the same on a matrix unit |
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
mod packed;
mod pool;
mod product;
mod stack;
mod tile;
mod transform;
mod winograd;

use std::marker::PhantomData;

pub use dense::Dense;
use filter::Kernel;
use gradient::{KernelGradient, Terms};
use lanes::Lanes;
use map::Maps;
pub use map::{Extent, Layout, reorder};
use matrix::Tiling;
pub use pool::Pool;
pub use stack::{Layer, Stack};
use tile::{Blocking, Run, Tile, dispatch};
pub use winograd::{ConvShape, Epilogue};
use winograd::{Filters, Target, Winograd};

/// An instruction set that this crate computes with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isa {
    /// The target's baseline: SSE2, NEON.
    Portable,
    /// AVX2 and FMA.
    Avx2,
    /// AVX-512.
    Avx512,
    /// AVX-512 with a matrix unit.
    Amx,
}

impl Isa {
    /// The best that this processor has.
    #[must_use]
    pub fn best() -> Self {
        Self::available().last().copied().unwrap_or(Self::Portable)
    }

    /// The best for this shape: a matrix unit waits for memory where sums are short.
    #[must_use]
    pub fn suited(shape: ConvShape) -> Self {
        /// Measured on VGG16's layers.
        const PRODUCTS: usize = 128 * 128;
        match Self::best() {
            Self::Amx if shape.input.channels * shape.outputs < PRODUCTS => Self::Avx512,
            best => best,
        }
    }

    /// All that this processor has, slowest first.
    #[must_use]
    pub fn available() -> Vec<Self> {
        let mut sets = vec![Self::Portable];
        #[cfg(target_arch = "x86_64")]
        {
            sets.extend(pulp::x86::V3::try_new().map(|_| Self::Avx2));
            if pulp::x86::V4::try_new().is_some() {
                sets.push(Self::Avx512);
                sets.extend(lanes::matrix_unit::MatrixUnit::try_new().map(|_| Self::Amx));
            }
        }
        sets
    }
}

/// A 3×3 convolution with stride 1 of a batch of maps.
#[derive(Debug, Clone, Copy)]
pub struct Convolution {
    /// What is convolved.
    pub shape: ConvShape,
    /// With which instructions.
    pub isa: Isa,
    /// How what goes in lies, and its gradient. NCHW where there are few channels, as in an image.
    pub from: Layout,
    /// How what comes out lies, and its gradient.
    pub to: Layout,
}

impl Convolution {
    /// With the best instructions of this processor, on NCHW maps.
    #[must_use]
    pub fn new(shape: ConvShape) -> Self {
        Self { shape, isa: Isa::suited(shape), from: Layout::Nchw, to: Layout::Nchw }
    }

    /// Whether the maps are large enough, and there is anything to compute.
    #[must_use]
    pub fn takes(shape: ConvShape) -> bool {
        let Extent { channels, height, width } = shape.input;
        let sides = height.min(width) + 2 * shape.padding >= 3;
        sides && shape.padding <= 1 && channels * shape.outputs * shape.images > 0
    }

    /// Convolves, adds the bias, and applies ReLU where `epilogue` says so.
    ///
    /// `kernel` is `[out, in, 3, 3]`; what comes out is larger by 2 × padding - 2 on each side.
    ///
    /// # Panics
    ///
    /// Where a slice is shorter than the shape says.
    pub fn forward(&self, input: &[f32], kernel: &[f32], epilogue: Epilogue<'_>, out: &mut [f32]) {
        let Self { shape, isa, from, to } = *self;
        let tile = Tile::of(shape.output(), isa);
        let maps = Maps { values: input, layout: from, extent: shape.input };
        let kernel = Kernel { values: kernel, transposed: false };
        let target = Target { values: out, layout: to, pool: false };
        dispatch(
            isa,
            tile,
            Forward { shape, tile, maps, positive: None, kernel, epilogue, target },
        );
    }

    /// The gradient of the input. `output` is what came out, where ReLU was applied to it.
    ///
    /// # Panics
    ///
    /// Where a slice is shorter than the shape says.
    pub fn input_gradient(
        &self,
        gradient: &[f32],
        output: Option<&[f32]>,
        kernel: &[f32],
        out: &mut [f32],
    ) {
        let shape = ConvShape {
            images: self.shape.images,
            input: self.shape.output(),
            outputs: self.shape.input.channels,
            padding: 2 - self.shape.padding,
        };
        let tile = Tile::of(shape.output(), self.isa);
        let run = Forward {
            shape,
            tile,
            maps: Maps { values: gradient, layout: self.to, extent: shape.input },
            positive: output,
            kernel: Kernel { values: kernel, transposed: true },
            epilogue: Epilogue::default(),
            target: Target { values: out, layout: self.from, pool: false },
        };
        dispatch(self.isa, tile, run);
    }

    /// The gradients of the kernel, `[out, in, 3, 3]`, and of the bias. `output` as above.
    ///
    /// # Panics
    ///
    /// Where a slice is shorter than the shape says.
    pub fn kernel_gradient(
        &self,
        input: &[f32],
        gradient: &[f32],
        output: Option<&[f32]>,
        (kernel, bias): (&mut [f32], &mut [f32]),
    ) {
        let Self { shape, isa, from, to } = *self;
        let terms = Terms {
            input: Maps { values: input, layout: from, extent: shape.input },
            output: Maps { values: gradient, layout: to, extent: shape.output() },
            positive: output,
        };
        let tile = Tile::of(shape.output(), isa);
        dispatch(isa, tile, KernelAndBias { shape, terms, kernel, bias });
    }
}

struct Forward<'a> {
    shape: ConvShape,
    tile: Tile,
    maps: Maps<'a>,
    positive: Option<&'a [f32]>,
    kernel: Kernel<'a>,
    epilogue: Epilogue<'a>,
    target: Target<'a>,
}

impl Run for Forward<'_> {
    fn run<L: Lanes, T: Tiling<M, N>, const M: usize, const N: usize>(self, lanes: L) {
        let Self { shape, tile, maps, positive, kernel, epilogue, target } = self;
        if shape.input.channels <= direct::CHANNELS && !kernel.transposed {
            direct::forward(lanes, shape, maps.values, kernel.values, epilogue, target);
            return;
        }
        let blocking = Blocking::of::<L>(shape, tile, shape.images);
        let algorithm = Winograd::<L, T, M, N> { lanes, tile: PhantomData, shape, blocking };
        algorithm.forward(maps, positive, Filters::Kernel(kernel), epilogue, target);
    }
}

struct KernelAndBias<'a> {
    shape: ConvShape,
    terms: Terms<'a>,
    kernel: &'a mut [f32],
    bias: &'a mut [f32],
}

impl Run for KernelAndBias<'_> {
    fn run<L: Lanes, T: Tiling<M, N>, const M: usize, const N: usize>(self, lanes: L) {
        let Self { shape, terms, kernel, bias } = self;
        if shape.input.channels <= direct::CHANNELS {
            direct::kernel_gradient(lanes, shape, terms, kernel, bias);
            return;
        }
        KernelGradient::<L, T, M, N> { lanes, tile: PhantomData, shape }.run(terms, kernel, bias);
    }
}

#[cfg(test)]
mod tests;
