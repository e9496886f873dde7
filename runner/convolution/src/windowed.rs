//! Convolutions with windows of any size, forward and both gradients, for training: matrix products
//! on windows that are copied behind each other.

mod kernel;
mod sizes;
mod spread;

#[cfg(test)]
mod tests;

use crate::activation::Activation;
use crate::buffer::{Scratch, scratch};
use crate::graph::Windows;
use crate::graph::gather::Source;
use crate::graph::general::{General, Inputs};
use crate::isa::{Isa, with_lanes};
use crate::reorder::reorder;
use crate::shape::{Extent, Layout};
use crate::values::{Values, WIDTH};

pub use sizes::Windowed;

impl Windowed {
    /// Convolves with a `kernel`, `[out, in, rows, columns]`, and adds a `bias`, `[out]`.
    ///
    /// # Panics
    ///
    /// Where a slice is shorter than the sizes say.
    pub fn forward(&self, input: &[f32], (kernel, bias): (&[f32], &[f32]), out: &mut [f32]) {
        let source = blocks(self.input, self.images, input);
        let activation = Activation::Linear;
        let general =
            General::new(self.isa(), (self.input, false), self.windows, (kernel, bias), activation);
        let sums = run(&general, self.images, &source);
        planar(self.output(), &sums, out);
    }

    /// The gradient of the input, from the output's `gradient`: what each window is given back,
    /// added where they overlap.
    ///
    /// # Panics
    ///
    /// Where a slice is shorter than the sizes say.
    pub fn input_gradient(&self, gradient: &[f32], kernel: &[f32], out: &mut [f32]) {
        let output = self.output();
        let gradient = blocks(output, self.images, gradient);
        let (taps, padded) = (self.windows.taps(), self.input.blocks() * WIDTH);
        let turned = self.turned(kernel);
        let bias = vec![0.0; taps * padded];
        let places = [output.height, output.width];
        let pixels = Windows { size: [1, 1], stride: 1, before: [0, 0], places };
        let weights = (&turned[..], &bias[..]);
        let general =
            General::new(self.isa(), (output, false), pixels, weights, Activation::Linear);
        let windows = run(&general, self.images, &gradient);
        if self.windows.is_pointwise(self.input) {
            planar(self.input, &windows, out);
            return;
        }
        let lines = self.input.blocks() * self.input.height * self.input.width;
        let mut sums = scratch(self.images * lines);
        with_lanes(self.isa(), spread::Spread { of: self, windows: &windows, out: &mut sums });
        planar(self.input, &sums, out);
    }

    /// The gradients of the kernel, `[out, in, rows, columns]`, and of the bias, `[out]`, from the
    /// output's `gradient`.
    ///
    /// # Panics
    ///
    /// Where a slice is shorter than the sizes say.
    pub fn kernel_gradient(
        &self,
        input: &[f32],
        gradient: &[f32],
        (kernel, bias): (&mut [f32], &mut [f32]),
    ) {
        let input = blocks(self.input, self.images, input);
        let gradient = blocks(self.output(), self.images, gradient);
        let (input, gradient) = (&input[..], &gradient[..]);
        with_lanes(self.isa(), kernel::KernelGradient { of: self, input, gradient, kernel, bias });
    }

    fn isa(&self) -> Isa {
        self.isa.without_unit()
    }

    /// The kernel as `[tap and input channel, out]`, channels padded to whole blocks.
    fn turned(&self, kernel: &[f32]) -> Vec<f32> {
        let (taps, channels) = (self.windows.taps(), self.input.channels);
        let padded = self.input.blocks() * WIDTH;
        let mut turned = vec![0.0; taps * padded * self.outputs];
        for (index, value) in kernel.iter().enumerate() {
            let (tap, filter) = (index % taps, index / taps);
            let (channel, output) = (filter % channels, filter / channels);
            turned[(tap * padded + channel) * self.outputs + output] = *value;
        }
        turned
    }
}

/// NCHW maps in blocks of channels.
fn blocks(extent: Extent, images: usize, values: &[f32]) -> Scratch {
    let mut out = scratch(images * extent.values(Layout::Nchw16c) / WIDTH);
    let into = bytemuck::cast_slice_mut(&mut out);
    reorder(extent, values, Layout::Nchw, into, Layout::Nchw16c);
    out
}

/// Maps in blocks of channels as NCHW ones.
fn planar(extent: Extent, values: &[Values], out: &mut [f32]) {
    reorder(extent, bytemuck::cast_slice(values), Layout::Nchw16c, out, Layout::Nchw);
}

fn run(general: &General, images: usize, input: &[Values]) -> Scratch {
    let mut out = scratch(images * general.output().values(Layout::Nchw16c) / WIDTH);
    let inputs = Inputs { source: Source::Blocks(input), residual: None };
    general.forward(inputs, true, bytemuck::cast_slice_mut(&mut out));
    out
}
