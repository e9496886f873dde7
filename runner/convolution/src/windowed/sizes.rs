//! The sizes of a convolution with windows of any size, and what it reads and writes.

use crate::activation::Activation;
use crate::graph::Windows;
use crate::isa::Isa;
use crate::shape::{DIRECT_CHANNELS, Extent, Layout};

/// A convolution of a batch of maps, whose products are of `f32`, and what follows it.
#[derive(Debug, Clone, Copy)]
pub struct Windowed {
    /// Maps in the batch.
    pub images: usize,
    /// The size of each map that goes in.
    pub input: Extent,
    /// Number of output channels.
    pub outputs: usize,
    /// The windows.
    pub windows: Windows,
    /// Whether there is one filter per channel, not one for each output over all channels.
    pub depthwise: bool,
    /// What follows the sum: one of those that [`Windowed::has_gradient`] says yes to.
    pub activation: Activation,
    /// The layout of the input and of its gradient.
    pub from: Layout,
    /// The layout of the output and of its gradient.
    pub to: Layout,
    /// The layout of what is added before the activation, where something is.
    pub residual: Option<Layout>,
    /// Whether long sums are made of short parts: closer to the exact ones, for a few percent of the time.
    pub short_parts: bool,
    /// The instruction set to compute with.
    pub isa: Isa,
}

/// What maps are multiplied by and what is added.
#[derive(Debug, Clone, Copy)]
pub struct Weights<'a> {
    /// `[out, in, rows, columns]`, or `[channel, 1, rows, columns]`.
    pub kernel: &'a [f32],
    /// A factor for the sums of each output, `[out]`.
    pub scale: &'a [f32],
    /// Added to each output, `[out]`.
    pub bias: &'a [f32],
}

/// What the gradients are computed from.
#[derive(Debug, Clone, Copy)]
pub struct Received<'a> {
    /// The input of the forward pass.
    pub input: &'a [f32],
    /// Its output; read only where an activation follows.
    pub output: &'a [f32],
    /// The gradient of the output.
    pub gradient: &'a [f32],
}

/// The gradients that are wanted; each has the size of what it is the gradient of.
#[derive(Debug, Default)]
pub struct Wanted<'a> {
    /// Of the input.
    pub input: Option<&'a mut [f32]>,
    /// Of kernel, scale and bias.
    pub weights: Option<[&'a mut [f32]; 3]>,
    /// Of what was added.
    pub residual: Option<&'a mut [f32]>,
}

impl Windowed {
    /// Whether a convolution of this size can be computed: more than four channels go in, and no
    /// size is zero.
    #[must_use]
    pub fn takes(images: usize, input: Extent, outputs: usize, windows: &Windows) -> bool {
        let [height, width] = windows.places;
        input.channels > DIRECT_CHANNELS
            && images * input.len() * outputs * windows.taps() * height * width > 0
    }

    /// Whether the derivative of an activation is known from what comes out of it.
    #[must_use]
    pub fn has_gradient(activation: Activation) -> bool {
        matches!(activation, Activation::Linear | Activation::Relu | Activation::Relu6)
    }

    /// The size of each map that comes out.
    #[must_use]
    pub fn output(&self) -> Extent {
        let [height, width] = self.windows.places;
        Extent { channels: self.outputs, height, width }
    }
}
