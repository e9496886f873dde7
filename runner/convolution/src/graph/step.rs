//! One step of a graph, prepared.

use super::Node;
use super::depthwise::Depthwise;
use super::each::Each;
use super::gather::Source;
use super::general::{General, Inputs};
use super::join::Join;
use super::layer_norm::LayerNorm;
use super::pool::{Pooled, WindowPool};
use super::strided::{self, Strided};
use super::windows::Windows;
use crate::activation::Activation;
use crate::convolution::Convolution;
use crate::isa::Isa;
use crate::shape::{ConvShape, Extent, Layout};
use crate::stack::prepared::{Batch, Prepared};
use crate::values::Values;

/// A node with its weights in the order that kernels read them.
pub enum Step {
    /// A 3×3 convolution by minimal filtering, then what it does not do itself.
    Minimal(Box<Prepared>, Option<Activation>),
    /// One with stride 2 by minimal filtering.
    Strided(Strided),
    /// Any other over all channels.
    General(General),
    /// One per channel.
    Depthwise(Depthwise),
    /// A pool.
    Pool(WindowPool),
    /// Sums and products.
    Each(Extent, Activation),
    /// A layer normalization.
    LayerNorm(LayerNorm),
    /// Maps behind each other.
    Join(Join),
}

/// How a step is computed.
#[derive(Clone, Copy)]
pub struct How {
    /// The images that pass together.
    pub batch: Batch,
    /// Whether all threads share the work.
    pub is_shared: bool,
    /// What sums and products of whole maps are computed with.
    pub isa: Isa,
}

/// Multiplications of one output and input channel that transforms must save: with fewer channels
/// they take longer than they save.
const FEWEST_CHANNELS: usize = 24;

impl Step {
    /// Prepares a node for input of this size, which is planar or in blocks, and other values of these.
    pub fn new(
        isa: impl Fn(ConvShape) -> Isa,
        vectors: Isa,
        (input, planar): (Extent, bool),
        others: &[Option<Extent>],
        node: &Node<'_>,
    ) -> Option<Self> {
        let whole = Windows {
            size: [input.height, input.width],
            stride: 1,
            before: [0, 0],
            places: [1, 1],
        };
        let pool =
            |windows, pooled| Self::Pool(WindowPool { input, windows, pooled, isa: vectors });
        Some(match *node {
            Node::Convolution { kernel, bias, windows, depthwise: true, activation, residual } => {
                let is_sound = kernel.len() == input.channels * windows.taps()
                    && bias.len() == input.channels
                    && residual.is_none();
                if planar || !is_sound {
                    return None;
                }
                let weights = (kernel, bias);
                Self::Depthwise(Depthwise::new(vectors, input, windows, weights, activation))
            }
            Node::Convolution { kernel, bias, windows, activation, residual, .. } => {
                let is_sound = kernel.len() == bias.len() * input.channels * windows.taps();
                if !is_sound || bias.is_empty() {
                    return None;
                }
                let weights = (windows, kernel, bias);
                Self::over_all(isa, vectors, (input, planar), weights, (residual, activation))
            }
            _ if planar => return None,
            Node::Pool(windows, pooled) => pool(windows, pooled),
            Node::GlobalAverage => pool(whole, Pooled::Mean),
            Node::GlobalMax => pool(whole, Pooled::Largest),
            Node::LayerNorm { scale, bias, epsilon } => {
                Self::LayerNorm(LayerNorm::new(vectors, input, epsilon, (scale, bias))?)
            }
            Node::Concatenate(_) => {
                let all = std::iter::once(input).chain(others.iter().flatten().copied());
                Self::Join(Join::new(&all.collect::<Vec<_>>())?)
            }
            Node::Each { activation, .. } => Self::Each(input, activation),
        })
    }

    /// A convolution over all channels.
    fn over_all(
        isa: impl Fn(ConvShape) -> Isa,
        vectors: Isa,
        (input, planar): (Extent, bool),
        (windows, kernel, bias): (Windows, &[f32], &[f32]),
        (residual, activation): (Option<usize>, Activation),
    ) -> Self {
        let (weights, outputs) = ((kernel, bias), bias.len());
        let shape = ConvShape { images: 1, input, outputs, padding: windows.before[0] };
        if !planar && is_minimal(&windows, shape) {
            Self::minimal(isa(shape), shape, weights, (activation, residual))
        } else if !planar && strided::is_suited(input, outputs, &windows) {
            Self::Strided(Strided::new(vectors, input, windows, weights, activation))
        } else {
            Self::General(General::new(vectors, (input, planar), windows, weights, activation))
        }
    }

    /// A convolution by minimal filtering; what follows it is left to do where it does not do that
    /// itself.
    fn minimal(
        isa: Isa,
        shape: ConvShape,
        (kernel, bias): (&[f32], &[f32]),
        (activation, residual): (Activation, Option<usize>),
    ) -> Self {
        let relu = residual.is_none() && activation == Activation::Relu;
        let rest =
            residual.is_some() || !matches!(activation, Activation::Linear | Activation::Relu);
        let mut prepared = Prepared::new(isa, shape, kernel, bias, false);
        (prepared.from, prepared.to) = (Layout::Nchw16c, Layout::Nchw16c);
        prepared.relu = relu;
        Self::Minimal(Box::new(prepared), rest.then_some(activation))
    }

    /// The size of each map that comes out.
    pub fn output(&self) -> Extent {
        match self {
            Self::Minimal(prepared, _) => prepared.output(),
            Self::Strided(strided) => strided.output(),
            Self::General(general) => general.output(),
            Self::Depthwise(depthwise) => depthwise.output(),
            Self::Pool(pool) => pool.output(),
            Self::Each(extent, _) => *extent,
            Self::LayerNorm(norm) => norm.input,
            Self::Join(join) => join.output(),
        }
    }

    /// Whether all images should pass together, so that the filters are read only once.
    pub fn wants_batch(&self) -> bool {
        match self {
            Self::Minimal(prepared, _) => prepared.wants_batch(),
            Self::Strided(strided) => strided.wants_batch(),
            Self::General(_)
            | Self::Depthwise(_)
            | Self::Pool(_)
            | Self::Each(..)
            | Self::LayerNorm(_)
            | Self::Join(_) => false,
        }
    }

    /// Whether it changes its input instead of writing something new.
    pub fn is_in_place(&self) -> bool {
        matches!(self, Self::Each(..) | Self::LayerNorm(_))
    }

    /// Computes some images. `others` are what the node names, in its order.
    pub fn run(
        &self,
        How { batch, is_shared, isa }: How,
        source: Source<'_>,
        others: &[Option<&[Values]>],
        out: &mut [Values],
    ) {
        match (self, source) {
            (Self::General(general), source) => {
                let inputs = Inputs { source, residual: others.first().copied().flatten() };
                general.forward(inputs, is_shared, bytemuck::cast_slice_mut(out));
            }
            (Self::Strided(strided), source) => {
                let inputs = Inputs { source, residual: others.first().copied().flatten() };
                strided.forward(inputs, is_shared, bytemuck::cast_slice_mut(out));
            }
            (Self::Minimal(prepared, rest), Source::Blocks(input)) => {
                let input = bytemuck::cast_slice(input);
                prepared.forward(batch, input, bytemuck::cast_slice_mut(out));
                if let Some(activation) = *rest {
                    let Extent { height, width, .. } = prepared.output();
                    let other = others.first().copied().flatten();
                    let each = Each { factors: None, other, activation, plane: height * width };
                    each.run(isa, is_shared, out);
                }
            }
            (Self::Depthwise(depthwise), Source::Blocks(input)) => {
                depthwise.forward(input, is_shared, out);
            }
            (Self::Pool(pool), Source::Blocks(input)) => pool.forward(input, is_shared, out),
            (Self::Each(extent, activation), _) => {
                let [factors, other] = [0, 1].map(|at| others.get(at).copied().flatten());
                let plane = extent.height * extent.width;
                let each = Each { factors, other, activation: *activation, plane };
                each.run(isa, is_shared, out);
            }
            (Self::LayerNorm(norm), _) => norm.run(is_shared, out),
            (Self::Join(join), Source::Blocks(input)) => {
                let maps: Vec<&[Values]> =
                    std::iter::once(input).chain(others.iter().flatten().copied()).collect();
                join.forward(&maps, is_shared, out);
            }
            // Only a convolution over all channels takes a planar map.
            (_, Source::Planar(_)) => {}
        }
    }
}

/// Whether a convolution is computed by minimal filtering.
fn is_minimal(windows: &Windows, shape: ConvShape) -> bool {
    let [above, left] = windows.before;
    windows.size == [3, 3]
        && windows.stride == 1
        && above == left
        && above <= 1
        && Convolution::takes(shape)
        && windows.places == [shape.output().height, shape.output().width]
        && shape.input.channels.min(shape.outputs) >= FEWEST_CHANNELS
}
