//! Convolutions with windows of any size and what follows them, forward and all gradients, for
//! training: matrix products on windows that are copied behind each other, and depthwise ones directly.

mod depthwise;
mod kernel;
mod lines;
mod mask;
mod sizes;
mod spread;

#[cfg(test)]
mod tests;

use crate::activation::Activation;
use crate::buffer::scratch;
use crate::graph::Windows;
use crate::graph::gather::Source;
use crate::graph::general::{General, Inputs};
use crate::graph::panels::Filters;
use crate::graph::strided;
use crate::isa::{Isa, with_lanes};
use crate::scaled::scale_back_on;
use crate::shape::{Extent, Layout};
use crate::values::{Values, WIDTH};
use lines::{Lines, count, fill, lines, write};

pub use sizes::{Received, Wanted, Weights, Windowed};

impl Windowed {
    /// Convolves, multiplies each output's sums by its scale, adds its bias and the residual, and
    /// applies the activation.
    ///
    /// # Panics
    ///
    /// Where a slice is shorter than the sizes say.
    pub fn forward(
        &self,
        input: &[f32],
        weights: Weights<'_>,
        residual: Option<&[f32]>,
        out: &mut [f32],
    ) {
        let source = lines(self.input, self.images, input, self.from);
        if self.depthwise {
            let filters = depthwise::forward(self, weights);
            fill(self.output(), self.images, (out, self.to), |out| {
                filters.forward(&source, true, out);
            });
            return;
        }
        let added = self.residual.zip(residual);
        let added = added.map(|(layout, it)| lines(self.output(), self.images, it, layout));
        let inputs = Inputs { source: Source::Blocks(&source), residual: added.as_deref() };
        let target = (self.output(), out, self.to);
        if strided::is_suited(self.input, self.outputs, &self.windows) {
            let of = (self.input, &self.windows);
            let all = [weights.kernel, weights.scale, weights.bias];
            self.sums(target, |out| {
                strided::forward_once(self.isa(), of, all, self.activation, inputs, out);
            });
            return;
        }
        let filters = Filters::new((self.input, false), &self.windows, weights.kernel);
        let general =
            General::once(self.isa(), filters, (self.windows, weights.bias), self.activation)
                .scaled(weights.scale);
        let general = if self.short_parts { general.in_short_parts() } else { general };
        self.sums(target, |out| general.forward(inputs, true, out));
    }

    /// The gradients that are `wanted`.
    ///
    /// # Panics
    ///
    /// Where a slice is shorter than the sizes say.
    pub fn gradients(&self, received: Received<'_>, weights: Weights<'_>, wanted: Wanted<'_>) {
        let Wanted { input, weights: of_weights, residual } = wanted;
        let gradient = self.received(received);
        if let Some((layout, out)) = self.residual.zip(residual) {
            write(self.output(), &gradient, (out, layout));
        }
        if let Some(out) = of_weights {
            let seen = lines(self.input, self.images, received.input, self.from);
            self.weight_gradients((&seen, &gradient), weights, out);
        }
        if let Some(out) = input {
            self.input_gradient(&gradient, weights, out);
        }
    }

    /// The gradient of what comes before the activation.
    fn received<'a>(&self, received: Received<'a>) -> Lines<'a> {
        let of = |values: &'a [f32]| lines(self.output(), self.images, values, self.to);
        let gradient = of(received.gradient);
        if self.activation == Activation::Linear {
            return gradient;
        }
        let mut out = scratch(count(self.output(), self.images));
        let terms = (&gradient[..], &of(received.output)[..]);
        mask::mask(self.isa(), self.activation, terms, &mut out);
        Lines::Copied(out)
    }

    fn weight_gradients(
        &self,
        (input, gradient): (&[Values], &[Values]),
        weights: Weights<'_>,
        out: [&mut [f32]; 3],
    ) {
        if self.depthwise {
            let blocks = self.input.blocks();
            let mut sums = scratch(blocks * self.windows.taps());
            let mut biases = scratch(blocks);
            depthwise::kernel_gradient(self, (input, gradient), &mut sums, &mut biases);
            depthwise::write(self, weights, (&sums, &biases), out);
            return;
        }
        let terms = (input, gradient);
        if strided::is_suited(self.input, self.outputs, &self.windows) {
            let [kernel, scale, bias] = out;
            let of = (self.images, self.input, &self.windows);
            strided::kernel_gradient(self.isa(), of, terms, (kernel, bias));
            scale_back_on(self.isa(), (weights.kernel, weights.scale), (kernel, scale));
            return;
        }
        with_lanes(self.isa(), kernel::KernelGradient { of: self, terms, weights, out });
    }

    /// The gradient of the input: what each window is given back, added where they overlap.
    fn input_gradient(&self, gradient: &[Values], weights: Weights<'_>, out: &mut [f32]) {
        if self.depthwise {
            fill(self.input, self.images, (out, self.from), |out| {
                depthwise::input_gradient(self, weights, gradient, out);
            });
            return;
        }
        if strided::is_suited(self.input, self.outputs, &self.windows) {
            let (of, weights) = ((self.input, &self.windows), (weights.kernel, weights.scale));
            self.sums((self.input, out, self.from), |out| {
                strided::input_gradient(self.isa(), of, weights, gradient, out);
            });
            return;
        }
        let output = self.output();
        let filters = Filters::new((self.input, false), &self.windows, weights.kernel)
            .times(weights.scale)
            .turned();
        let bias = vec![0.0; self.windows.taps() * self.input.blocks() * WIDTH];
        let places = [output.height, output.width];
        let pixels = Windows { size: [1, 1], stride: 1, before: [0, 0], places };
        let general = General::once(self.isa(), filters, (pixels, &bias), Activation::Linear);
        let inputs = Inputs { source: Source::Blocks(gradient), residual: None };
        if self.windows.is_pointwise(self.input) {
            self.sums((self.input, out, self.from), |out| general.forward(inputs, true, out));
            return;
        }
        let mut windows = scratch(count(general.output(), self.images));
        general.forward(inputs, true, bytemuck::cast_slice_mut(&mut windows));
        fill(self.input, self.images, (out, self.from), |out| {
            with_lanes(self.isa(), spread::Spread { of: self, windows: &windows, out });
        });
    }

    /// Writes maps of a layout, whose blocks `f` writes.
    fn sums(
        &self,
        (extent, out, layout): (Extent, &mut [f32], Layout),
        f: impl FnOnce(&mut [f32]),
    ) {
        let lines = count(extent, self.images);
        match layout {
            Layout::Nchw16c => f(&mut out[..lines * WIDTH]),
            Layout::Nchw => {
                let mut sums = scratch(lines);
                f(bytemuck::cast_slice_mut(&mut sums));
                write(extent, &sums, (out, layout));
            }
        }
    }

    fn isa(&self) -> Isa {
        self.isa.without_unit()
    }
}
