//! A 3×3 convolution, forward and both gradients, by whichever algorithm suits its shape.

use std::marker::PhantomData;

use crate::direct;
use crate::filter::Kernel;
use crate::gradient::{KernelGradient, Terms};
use crate::isa::{Isa, Precision};
use crate::lanes::Lanes;
use crate::map::{Maps, Target};
use crate::matrix::Tiling;
use crate::shape::{ConvShape, DIRECT_CHANNELS, Epilogue, Extent, Layout};
use crate::tile::{Blocking, Run, Tile, dispatch};
use crate::winograd::{Filters, Winograd};

/// A 3×3 convolution of a batch of maps, with stride 1.
#[derive(Debug, Clone, Copy)]
pub struct Convolution {
    /// The sizes of input and output.
    pub shape: ConvShape,
    /// The instruction set to compute with.
    pub isa: Isa,
    /// The layout of the input and of its gradient. Must be NCHW where the input has at
    /// most four channels.
    pub from: Layout,
    /// The layout of the output and of its gradient.
    pub to: Layout,
}

impl Convolution {
    /// With this processor's best instruction set for the shape, on NCHW maps.
    #[must_use]
    pub fn new(shape: ConvShape) -> Self {
        Self::in_precision(shape, Precision::F32)
    }

    /// The same with products in this precision.
    #[must_use]
    pub fn in_precision(shape: ConvShape, precision: Precision) -> Self {
        Self { shape, isa: Isa::suited(shape, precision), from: Layout::Nchw, to: Layout::Nchw }
    }

    /// Whether a convolution of this shape can be computed: the padding is 0 or 1, the
    /// output has at least one pixel, and no size is zero.
    #[must_use]
    pub fn takes(shape: ConvShape) -> bool {
        let Extent { channels, height, width } = shape.input;
        let sides = height.min(width) + 2 * shape.padding >= 3;
        sides && shape.padding <= 1 && channels * shape.outputs * shape.images > 0
    }

    /// Convolves, then adds a bias and applies ReLU as `epilogue` says.
    ///
    /// `kernel` is `[out, in, 3, 3]`. The output is higher and wider than the input by 2 ×
    /// padding - 2 pixels.
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

    /// The gradient of the input, from the output's `gradient`. Where the forward pass
    /// applied ReLU, `output` is what it returned.
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

    /// The gradients of the kernel, `[out, in, 3, 3]`, and of the bias, `[out]`, from the
    /// output's `gradient`. Where the forward pass applied ReLU, `output` is what it
    /// returned.
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
        if shape.input.channels <= DIRECT_CHANNELS && !kernel.transposed {
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
        if shape.input.channels <= DIRECT_CHANNELS {
            direct::gradient::kernel_gradient(lanes, shape, terms, kernel, bias);
            return;
        }
        KernelGradient::<L, T, M, N> { lanes, tile: PhantomData, shape }.run(terms, kernel, bias);
    }
}
