//! 3×3 convolutions with stride 2 by minimal filtering, and their gradients.
//!
//! Along each axis, the outer taps are a two-tap filter with stride 1 on every other pixel, and the
//! middle tap meets the pixels between them. In two dimensions that makes 81 products for sixteen
//! outputs instead of 144.

mod all;
mod axis;
mod group;
mod kernel;
mod maps;
mod places;
mod spread;
mod transform;

use super::gather::Source;
use super::general::Inputs;
use super::windows::Windows;
use crate::activation::Activation;
use crate::filter::Kernel;
use crate::isa::{Isa, with_lanes};
use crate::map::Maps;
use crate::shape::{Extent, Layout};
use crate::values::{Values, WIDTH, in_blocks};
use all::{All, Filters, is_large, transformed};
use axis::OUTPUTS;
use group::End;
use kernel::KernelGradient;
use maps::Finish;
use transform::Reading;

/// Input and output channels from which it is faster than copied windows.
const FEWEST_CHANNELS: usize = 24;

/// Whether a convolution is computed this way: where enough products are saved to make up for the
/// transforms.
pub fn is_suited(input: Extent, outputs: usize, windows: &Windows) -> bool {
    let Windows { size, stride, before, places: [height, width] } = *windows;
    let along = |places: usize| 2 * places + places.div_ceil(OUTPUTS);
    (size, stride) == ([3, 3], 2)
        && before.iter().all(|before| *before <= 1)
        && input.channels.min(outputs) >= FEWEST_CHANNELS
        && 10 * along(height) * along(width) <= 7 * 9 * height * width
}

/// A convolution with its filters transformed.
pub struct Strided {
    /// The size of each map that goes in.
    input: Extent,
    windows: Windows,
    /// Number of output channels.
    outputs: usize,
    /// What follows the sum.
    activation: Activation,
    isa: Isa,
    filters: Vec<Values>,
    scale: Vec<Values>,
    bias: Vec<Values>,
}

impl Strided {
    /// From a kernel `[out, in, 3, 3]` and a bias `[out]`.
    pub fn new(
        isa: Isa,
        input: Extent,
        windows: Windows,
        (kernel, bias): (&[f32], &[f32]),
        activation: Activation,
    ) -> Self {
        let (sizes, blocks) = ((input.channels, bias.len()), bias.len().div_ceil(WIDTH));
        let kernel = Kernel { values: kernel, transposed: false };
        let filters = transformed(isa, sizes, kernel);
        let scale = vec![Values([1.0; WIDTH]); blocks];
        let (outputs, bias) = (bias.len(), in_blocks(bias, blocks));
        Self { input, windows, outputs, activation, isa, filters, scale, bias }
    }

    /// The size of each map that comes out.
    pub fn output(&self) -> Extent {
        let [height, width] = self.windows.places;
        Extent { channels: self.outputs, height, width }
    }

    /// Whether all images should pass together, so that the filters are read only once.
    pub fn wants_batch(&self) -> bool {
        is_large((self.input.channels, self.outputs))
    }

    /// Convolves some images, on all threads where they share the work.
    pub fn forward(&self, inputs: Inputs<'_>, is_shared: bool, out: &mut [f32]) {
        let filters = Filters::Transformed(&self.filters);
        let finish = Finish {
            scale: &self.scale,
            bias: &self.bias,
            residual: inputs.residual,
            activation: self.activation,
        };
        let of = (self.input, self.output(), &self.windows);
        forward(self.isa, of, filters, (inputs.source, finish), is_shared, out);
    }
}

/// Convolves once, with a factor for the sums of each output: `weights` are a kernel, factors and biases.
pub fn forward_once(
    isa: Isa,
    (input, windows): (Extent, &Windows),
    [kernel, scale, bias]: [&[f32]; 3],
    activation: Activation,
    inputs: Inputs<'_>,
    out: &mut [f32],
) {
    let [height, width] = windows.places;
    let output = Extent { channels: bias.len(), height, width };
    let [scale, bias] = [scale, bias].map(|values| in_blocks(values, output.blocks()));
    let finish = Finish { scale: &scale, bias: &bias, residual: inputs.residual, activation };
    let filters = Filters::Kernel(Kernel { values: kernel, transposed: false });
    forward(isa, (input, output, windows), filters, (inputs.source, finish), true, out);
}

fn forward(
    isa: Isa,
    (input, output, windows): (Extent, Extent, &Windows),
    filters: Filters<'_>,
    (source, finish): (Source<'_>, Finish<'_>),
    is_shared: bool,
    out: &mut [f32],
) {
    // Planar maps have too few channels to be convolved this way.
    let Source::Blocks(values) = source else { return };
    let all = All {
        input: (values, input),
        reading: Reading::of_input(windows),
        scale: None,
        filters,
        tiled: output,
        step: OUTPUTS,
        output: (out, output),
        end: End::Outputs(finish),
        is_shared,
    };
    with_lanes(isa, all);
}

/// The gradient of the input of a convolution, from the gradient of its sums times `scale`, in blocks.
pub fn input_gradient(
    isa: Isa,
    (input, windows): (Extent, &Windows),
    (kernel, scale): (&[f32], &[f32]),
    gradient: &[Values],
    out: &mut [f32],
) {
    let [height, width] = windows.places;
    let given = Extent { channels: scale.len(), height, width };
    let (height, width) = (input.height.div_ceil(2), input.width.div_ceil(2));
    let all = All {
        input: (gradient, given),
        reading: Reading::of_gradient(windows),
        scale: Some(&in_blocks(scale, given.blocks())),
        filters: Filters::Kernel(Kernel { values: kernel, transposed: true }),
        tiled: Extent { height, width, ..input },
        step: 2 * OUTPUTS,
        output: (out, input),
        end: End::Inputs(windows.before),
        is_shared: true,
    };
    with_lanes(isa, all);
}

/// The gradients of a convolution's kernel, for sums that are not multiplied by anything, and bias, from
/// its input and the gradient of its sums, in blocks.
pub fn kernel_gradient(
    isa: Isa,
    (images, input, windows): (usize, Extent, &Windows),
    (seen, gradient): (&[Values], &[Values]),
    (kernel, bias): (&mut [f32], &mut [f32]),
) {
    let [height, width] = windows.places;
    let of = |values, extent| {
        let values = bytemuck::cast_slice(values);
        Maps { values, layout: Layout::Nchw16c, extent }
    };
    let bytes = kernel::bytes(input.channels, bias.len());
    let input = (of(seen, input), Reading::of_input(windows));
    let gradient = of(gradient, Extent { channels: bias.len(), height, width });
    with_lanes(isa, KernelGradient { images, bytes, input, gradient, kernel, bias });
}
