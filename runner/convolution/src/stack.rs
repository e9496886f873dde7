//! Layers with fixed filters, run one after the other. The filters are transformed only once,
//! maps stay in blocks of sixteen channels between layers, and pooling happens while a tile is
//! transformed back.

pub mod prepared;

use std::ops::Range;

use rayon::prelude::*;

use crate::buffer::{Scratch, scratch};
use crate::convolution::Convolution;
use crate::isa::Isa;
use crate::pool::Pool;
use crate::shape::{ConvShape, DIRECT_CHANNELS, Extent, Layout};
use crate::tile::Tile;
use crate::values::WIDTH;
use prepared::{Batch, Prepared};

/// One layer of a [`Stack`].
#[derive(Debug, Clone, Copy)]
pub enum Layer<'a> {
    /// A 3×3 convolution with stride 1, bias and ReLU.
    Convolution {
        /// `[out, in, 3, 3]`
        kernel: &'a [f32],
        /// `[out]`
        bias: &'a [f32],
        /// Rows and columns of zeros on each side of the map: 0 or 1.
        padding: usize,
    },
    /// A 2×2 maximum with stride 2.
    MaxPool,
}

/// Layers whose filters are already transformed.
pub struct Stack {
    steps: Vec<Step>,
    /// Number of steps at the beginning that run one image at a time, while its maps are in
    /// the cache.
    early: usize,
    input: Extent,
    output: Extent,
}

/// A layer, or a convolution together with the pooling after it.
enum Step {
    Convolution(Prepared),
    MaxPool(Pool),
}

impl Step {
    /// The size and layout of the maps that go in.
    fn input(&self) -> (Extent, Layout) {
        match self {
            Self::Convolution(prepared) => (prepared.shape.input, prepared.from),
            Self::MaxPool(pool) => (pool.extent, pool.layout),
        }
    }

    /// The size and layout of the maps that come out.
    fn output(&self) -> (Extent, Layout) {
        match self {
            Self::Convolution(prepared) => (prepared.output(), prepared.to),
            Self::MaxPool(pool) => (pool.extent.pooled(), pool.layout),
        }
    }

    /// Whether a whole batch should pass together, so that the filters are read only once.
    fn is_late(&self) -> bool {
        match self {
            Self::Convolution(prepared) => prepared.wants_batch(),
            Self::MaxPool(_) => false,
        }
    }
}

impl Stack {
    /// Prepares `layers` for maps of this size; `isa` says what each is computed with. `None`
    /// where a map becomes too small for a layer.
    #[must_use]
    pub fn new(
        isa: impl Fn(ConvShape) -> Isa,
        input: Extent,
        layers: &[Layer<'_>],
    ) -> Option<Self> {
        let mut steps: Vec<Step> = Vec::new();
        let mut extent = input;
        let mut rest = layers;
        while let Some((layer, after)) = rest.split_first() {
            rest = after;
            let step = match *layer {
                Layer::MaxPool => Step::MaxPool(Pool { extent, layout: Layout::Nchw }),
                Layer::Convolution { kernel, bias, padding } => {
                    let shape =
                        ConvShape { images: 1, input: extent, outputs: bias.len(), padding };
                    if !Convolution::takes(shape) {
                        return None;
                    }
                    let isa = isa(shape);
                    let pool = matches!(rest.first(), Some(Layer::MaxPool))
                        && extent.channels > DIRECT_CHANNELS
                        && Tile::of(shape.output(), isa).is_even();
                    rest = &rest[usize::from(pool)..];
                    Step::Convolution(Prepared::new(isa, shape, kernel, bias, pool))
                }
            };
            extent = step.output().0;
            if extent.height * extent.width == 0 {
                return None;
            }
            steps.push(step);
        }
        join(&mut steps);
        let early = steps.iter().position(Step::is_late).unwrap_or(steps.len());
        Some(Self { steps, early, input, output: extent })
    }

    /// The size of each map that comes out.
    #[must_use]
    pub fn output(&self) -> Extent {
        self.output
    }

    /// Runs all layers on NCHW maps, and writes NCHW maps.
    ///
    /// # Panics
    ///
    /// Where a slice is shorter than `images` maps.
    pub fn forward(&self, images: usize, input: &[f32], out: &mut [f32]) {
        let (early, late) = (0..self.early, self.early..self.steps.len());
        if late.is_empty() {
            self.piecewise(early, images, input, out);
        } else if early.is_empty() {
            self.run(late, Batch { images, total: images }, input, out);
        } else {
            let (extent, layout) = self.steps[late.start].input();
            let mut between = scratch((images * extent.values(layout)).div_ceil(WIDTH));
            let between = bytemuck::cast_slice_mut(&mut between);
            self.piecewise(early, images, input, between);
            self.run(late, Batch { images, total: images }, between, out);
        }
    }

    /// Runs some steps one image at a time. Each thread has an image of its own, whose maps
    /// stay in its cache.
    fn piecewise(&self, steps: Range<usize>, images: usize, input: &[f32], out: &mut [f32]) {
        let from = self.input.len();
        let to = match steps.end.checked_sub(1) {
            Some(last) => self.steps[last].output(),
            None => (self.input, Layout::Nchw),
        };
        let to = to.0.values(to.1);
        let inputs = input[..images * from].par_chunks_exact(from);
        out[..images * to].par_chunks_exact_mut(to).zip(inputs).for_each(|(out, input)| {
            self.run(steps.clone(), Batch { images: 1, total: images }, input, out);
        });
    }

    fn run(&self, steps: Range<usize>, batch: Batch, input: &[f32], out: &mut [f32]) {
        let images = batch.images;
        let Some(last) = steps.end.checked_sub(1).filter(|last| *last >= steps.start) else {
            out.copy_from_slice(&input[..out.len()]);
            return;
        };
        let mut before: Option<Scratch> = None;
        for step in &self.steps[steps.start..last] {
            let (extent, layout) = step.output();
            let mut after = scratch((images * extent.values(layout)).div_ceil(WIDTH));
            let from = before.as_deref().map_or(input, bytemuck::cast_slice);
            self.step(step, batch, from, bytemuck::cast_slice_mut(&mut after));
            before = Some(after);
        }
        let from = before.as_deref().map_or(input, bytemuck::cast_slice);
        self.step(&self.steps[last], batch, from, out);
    }

    fn step(&self, step: &Step, batch: Batch, input: &[f32], out: &mut [f32]) {
        match step {
            Step::MaxPool(pool) => {
                pool.forward(&input[..batch.images * pool.extent.values(pool.layout)], out);
            }
            Step::Convolution(prepared) => {
                prepared.forward(batch, input, out);
            }
        }
    }
}

/// Chooses layouts: blocks of sixteen channels between convolutions, NCHW before the first and
/// after the last.
fn join(steps: &mut [Step]) {
    let is_convolution = |step: &Step| matches!(step, Step::Convolution(_));
    let last = steps.iter().rposition(is_convolution).unwrap_or(0);
    let mut layout = Layout::Nchw;
    for (index, step) in steps.iter_mut().enumerate() {
        match step {
            Step::MaxPool(pool) => pool.layout = layout,
            Step::Convolution(prepared) => {
                prepared.from = layout;
                if index < last {
                    prepared.to = Layout::between(prepared.shape.outputs);
                }
                layout = prepared.to;
            }
        }
    }
}
