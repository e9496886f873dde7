//! Whole networks with fixed weights: convolutions with what follows them, pools, sums and products,
//! on maps in blocks of sixteen channels from the image to the end.
//!
//! Images pass one at a time, each on a thread of its own, whose maps stay in its cache. From the
//! first convolution on whose filters are too large for that, they pass together.

pub mod depthwise;
mod each;
pub mod gather;
pub mod general;
mod join;
mod layer_norm;
pub mod panels;
mod pool;
mod run;
mod step;
pub mod strided;
mod windows;

#[cfg(test)]
mod tests;

use crate::activation::Activation;
use crate::isa::Isa;
use crate::shape::{ConvShape, DIRECT_CHANNELS, Extent};
use step::Step;

pub use pool::Pooled;
pub use windows::Windows;

/// What a [`Graph`] is made of. Values have numbers: 0 is the image, 1 is what comes out of the first
/// node, and so on.
#[derive(Debug, Clone, Copy)]
pub enum Node<'a> {
    /// A convolution.
    Convolution {
        /// `[out, in, rows, columns]`, or `[channel, 1, rows, columns]`.
        kernel: &'a [f32],
        /// `[out]`
        bias: &'a [f32],
        /// The windows.
        windows: Windows,
        /// Whether there is one filter per channel.
        depthwise: bool,
        /// A value that is added before the activation.
        residual: Option<usize>,
        /// What follows the sum.
        activation: Activation,
    },
    /// The largest value or the mean of each window.
    Pool(Windows, Pooled),
    /// The mean of each map, as a map of one pixel.
    GlobalAverage,
    /// The largest value of each map, as a map of one pixel.
    GlobalMax,
    /// The channels of each pixel less their mean, over their deviation, scaled and moved (Ba et al.
    /// 2016). Their number must be a multiple of sixteen.
    LayerNorm {
        /// A factor for each channel.
        scale: &'a [f32],
        /// A term for each channel.
        bias: &'a [f32],
        /// Added to the variance under the root.
        epsilon: f32,
    },
    /// The input and these values behind it, channel after channel. All but the last must have a
    /// multiple of sixteen.
    Concatenate(&'a [usize]),
    /// The input times a factor for each channel of each image, plus another value, if they are
    /// given; then an activation.
    Each {
        /// A value of one pixel.
        factors: Option<usize>,
        /// A value of the input's size.
        other: Option<usize>,
        /// What follows.
        activation: Activation,
    },
}

impl Node<'_> {
    /// The values that it needs beside its input.
    fn others(&self) -> Vec<Option<usize>> {
        match *self {
            Node::Convolution { residual, .. } => vec![residual],
            Node::Each { factors, other, .. } => vec![factors, other],
            Node::Concatenate(values) => values.iter().copied().map(Some).collect(),
            Node::Pool(..) | Node::GlobalAverage | Node::GlobalMax | Node::LayerNorm { .. } => {
                Vec::new()
            }
        }
    }

    /// Whether values of these sizes can be added to its sum, or be multiplied with it.
    fn fits(&self, output: Extent, others: &[Option<Extent>]) -> bool {
        let factor = Extent { height: 1, width: 1, ..output };
        let wanted = match self {
            Node::Each { .. } => [factor, output],
            Node::Concatenate(_) => return true,
            _ => [output; 2],
        };
        others.iter().zip(wanted).all(|(other, wanted)| other.is_none_or(|other| other == wanted))
    }
}

/// A step, and the number of its input.
struct Placed {
    step: Step,
    input: usize,
    /// Other values that it needs.
    others: Vec<Option<usize>>,
    /// Values that nobody needs behind it.
    done: Vec<usize>,
}

/// A network that is ready to run.
pub struct Graph {
    steps: Vec<Placed>,
    /// The size of each value.
    extents: Vec<Extent>,
    /// Steps at the beginning that run one image at a time. Behind them, only the last value is
    /// needed.
    early: usize,
    isa: Isa,
}

impl Graph {
    /// Prepares nodes, each with the number of its input, for images of this size. `isa` says what
    /// each convolution is computed with. `None` where sizes do not fit, or there are no nodes.
    #[must_use]
    pub fn new(
        isa: impl Fn(ConvShape) -> Isa,
        input: Extent,
        nodes: &[(usize, Node<'_>)],
    ) -> Option<Self> {
        let vectors = isa(ConvShape { images: 1, input, outputs: 1, padding: 0 }).without_unit();
        let mut extents = vec![input];
        let mut steps = Vec::new();
        for (from, node) in nodes {
            let planar = *from == 0 && input.channels <= DIRECT_CHANNELS;
            let others = node.others();
            let extent = *extents.get(*from)?;
            let is_known = |other: &usize| *other > 0 && *other < extents.len();
            if !others.iter().flatten().all(is_known) {
                return None;
            }
            let sizes: Vec<Option<Extent>> =
                others.iter().map(|other| other.map(|other| extents[other])).collect();
            let step = Step::new(&isa, vectors, (extent, planar), &sizes, node)?;
            let output = step.output();
            if !node.fits(output, &sizes) || output.len() == 0 {
                return None;
            }
            extents.push(output);
            steps.push(Placed { step, input: *from, others, done: Vec::new() });
        }
        if steps.is_empty() {
            return None;
        }
        release(&mut steps);
        let early = early(&steps);
        Some(Self { steps, extents, early, isa: vectors })
    }

    /// The size of each map that comes out.
    #[must_use]
    pub fn output(&self) -> Extent {
        self.extents[self.steps.len()]
    }
}

impl Placed {
    fn needs(&self) -> impl Iterator<Item = usize> {
        std::iter::once(self.input).chain(self.others.iter().copied().flatten())
    }
}

/// Notes behind which step nobody needs a value any more.
fn release(steps: &mut [Placed]) {
    for value in 0..steps.len() {
        let last = steps.iter().rposition(|placed| placed.needs().any(|need| need == value));
        // What nobody ever needs goes behind the step that it comes from.
        let last = last.unwrap_or(value.max(1) - 1);
        steps[last].done.push(value);
    }
}

/// How many steps run one image at a time.
fn early(steps: &[Placed]) -> usize {
    let first = steps.iter().position(|placed| placed.step.wants_batch());
    let Some(first) = first else { return steps.len() };
    let is_cut =
        |at: &usize| steps[*at..].iter().all(|placed| placed.needs().all(|need| need >= *at));
    (0..=first).rev().find(is_cut).unwrap_or(0)
}
