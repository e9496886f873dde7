//! Whole networks with fixed weights: convolutions with what follows them, pools, sums and products,
//! on maps in blocks of sixteen channels from the image to the end.
//!
//! Images pass one at a time, each on a thread of its own, whose maps stay in its cache. From the
//! first convolution on whose filters are too large for that, they pass together.

pub mod depthwise;
mod each;
pub mod gather;
pub mod general;
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

/// A step, and the number of its input.
struct Placed {
    step: Step,
    input: usize,
    /// Other values that it needs.
    others: [Option<usize>; 2],
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
            let others = match *node {
                Node::Convolution { residual, .. } => [residual, None],
                Node::Each { factors, other, .. } => [factors, other],
                Node::Pool(..) | Node::GlobalAverage => [None; 2],
            };
            let extent = *extents.get(*from)?;
            if !others.iter().flatten().all(|other| *other > 0 && *other < extents.len()) {
                return None;
            }
            let step = Step::new(&isa, vectors, (extent, planar), node)?;
            let output = step.output();
            let fits = |other: Option<usize>, extent: Extent| {
                other.is_none_or(|other| extents[other] == extent)
            };
            let factor = Extent { height: 1, width: 1, ..output };
            let is_fitting = match node {
                Node::Each { .. } => fits(others[0], factor) && fits(others[1], output),
                _ => fits(others[0], output),
            };
            if !is_fitting || output.len() == 0 {
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
        std::iter::once(self.input).chain(self.others.into_iter().flatten())
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
