//! 3×3 convolutions with stride 2 by minimal filtering, and their gradients.
//!
//! Along each axis, the outer taps are a two-tap filter with stride 1 on every other pixel, and the
//! middle tap meets the pixels between them. In two dimensions that makes 81 products for sixteen
//! outputs instead of 144.

mod axis;
mod group;
mod kernel;
mod maps;
mod places;
mod spread;
mod transform;

use std::ops::DerefMut;

use rayon::prelude::*;

use super::gather::Source;
use super::general::Inputs;
use super::windows::Windows;
use crate::activation::Activation;
use crate::buffer::{Scratch, scratch};
use crate::filter::{self, Kernel};
use crate::isa::{Isa, RunLanes, with_lanes};
use crate::lanes::Lanes;
use crate::map::{Maps, Piece, cut};
use crate::product::panel_len;
use crate::shape::{ConvShape, Extent, Layout};
use crate::values::{Values, WIDTH, in_blocks};
use axis::{FACTORS, OUTPUTS, Taps};
use group::{End, Group};
use kernel::KernelGradient;
use maps::Finish;
use places::Places;
use transform::Reading;

/// Filters larger than this don't fit in a core's cache: a whole batch passes together.
const BATCH_BYTES: usize = 16 << 20;

/// Tiles that are transformed before they are multiplied.
const TILES: usize = 49;

/// The same where the filters are read from memory each time.
const BATCH_TILES: usize = 96;

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
pub struct Strided<P = Vec<Values>> {
    /// The size of each map that goes in.
    input: Extent,
    windows: Windows,
    /// Number of output channels.
    outputs: usize,
    /// What follows the sum.
    activation: Activation,
    isa: Isa,
    /// `[panel][factor][channel][COLUMNS][16]`
    filters: P,
    /// What the sums are multiplied by before the bias is added.
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
        let room = |len| vec![Values::ZERO; len];
        Self::in_memory(isa, input, room, (windows, kernel, bias), activation)
    }
}

impl Strided<Scratch> {
    /// The same for one use.
    pub fn once(
        isa: Isa,
        input: Extent,
        windows: Windows,
        (kernel, bias): (&[f32], &[f32]),
        activation: Activation,
    ) -> Self {
        Self::in_memory(isa, input, scratch, (windows, kernel, bias), activation)
    }
}

impl<P: DerefMut<Target = [Values]> + Sync> Strided<P> {
    fn in_memory(
        isa: Isa,
        input: Extent,
        room: impl Fn(usize) -> P,
        (windows, kernel, bias): (Windows, &[f32], &[f32]),
        activation: Activation,
    ) -> Self {
        let outputs = bias.len();
        let blocks = outputs.div_ceil(WIDTH);
        let bias = in_blocks(bias, blocks);
        let scale = vec![Values([1.0; WIDTH]); blocks];
        let kernel = Kernel { values: kernel, transposed: false };
        let filters = transformed(isa, (input.channels, outputs), kernel, room);
        Self { input, windows, outputs, activation, isa, filters, scale, bias }
    }

    /// The same with sums that are multiplied by a factor for each output.
    pub fn scaled(mut self, scale: &[f32]) -> Self {
        self.scale = in_blocks(scale, self.bias.len());
        self
    }

    /// The size of each map that comes out.
    pub fn output(&self) -> Extent {
        let [height, width] = self.windows.places;
        Extent { channels: self.outputs, height, width }
    }

    /// Whether all images should pass together, so that the filters are read only once.
    pub fn wants_batch(&self) -> bool {
        is_large(self.input.channels, self.outputs)
    }

    /// Convolves some images, on all threads where they share the work.
    pub fn forward(&self, inputs: Inputs<'_>, is_shared: bool, out: &mut [f32]) {
        // Planar maps have too few channels to be convolved this way.
        let Source::Blocks(input) = inputs.source else { return };
        let end = End::Outputs(Finish {
            scale: &self.scale,
            bias: &self.bias,
            residual: inputs.residual,
            activation: self.activation,
        });
        let all = All {
            input: (input, self.input),
            reading: Reading::of_input(&self.windows),
            scale: None,
            filters: &self.filters,
            tiled: self.output(),
            step: OUTPUTS,
            output: (out, self.output()),
            end,
            is_shared,
        };
        with_lanes(self.isa, all);
    }
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
    let kernel = Kernel { values: kernel, transposed: true };
    let filters = transformed(isa, (given.channels, input.channels), kernel, scratch);
    let (height, width) = (input.height.div_ceil(2), input.width.div_ceil(2));
    let all = All {
        input: (gradient, given),
        reading: Reading::of_gradient(windows),
        scale: Some(&in_blocks(scale, given.blocks())),
        filters: &filters,
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

/// Whether filters don't fit in a core's cache.
fn is_large(channels: usize, outputs: usize) -> bool {
    FACTORS * FACTORS * channels * outputs * 4 > BATCH_BYTES
}

/// Transforms filters, in memory of the length that `room` is asked for.
fn transformed<P: DerefMut<Target = [Values]>>(
    isa: Isa,
    (channels, outputs): (usize, usize),
    kernel: Kernel<'_>,
    room: impl Fn(usize) -> P,
) -> P {
    let input = Extent { channels, height: 1, width: 1 };
    let shape = ConvShape { images: 1, input, outputs, padding: 0 };
    let mut filters = room(0);
    with_lanes(isa, Transform { shape, kernel, room, filters: &mut filters });
    filters
}

struct Transform<'a, R, P> {
    shape: ConvShape,
    kernel: Kernel<'a>,
    room: R,
    filters: &'a mut P,
}

impl<R: Fn(usize) -> P, P: DerefMut<Target = [Values]>> RunLanes for Transform<'_, R, P> {
    fn run<L: Lanes>(self, lanes: L) {
        let Self { shape, kernel, room, filters } = self;
        let panels = shape.outputs.div_ceil(L::COLUMNS * WIDTH);
        *filters = room(FACTORS * FACTORS * panels * panel_len::<L>(shape.input.blocks()));
        filter::transform::<L, Taps, FACTORS>(lanes, shape, kernel, 1, filters);
    }
}

/// All maps of a batch.
struct All<'a> {
    /// The maps that go in, in blocks, and their size.
    input: (&'a [Values], Extent),
    reading: Reading,
    scale: Option<&'a [Values]>,
    filters: &'a [Values],
    /// What is divided into tiles.
    tiled: Extent,
    /// Rows of a strip that come out.
    step: usize,
    /// The maps that come out, in blocks, and their size.
    output: (&'a mut [f32], Extent),
    end: End<'a>,
    is_shared: bool,
}

impl RunLanes for All<'_> {
    fn run<L: Lanes>(self, lanes: L) {
        let Self { input: (values, extent), reading, scale, filters, tiled, end, .. } = self;
        let (out, output) = self.output;
        let values = bytemuck::cast_slice(values);
        let maps = Maps { values, layout: Layout::Nchw16c, extent };
        let is_shared = self.is_shared;
        let group = Group { lanes, maps, reading, scale, filters, output, end, is_shared };
        let mut pieces = cut(out, Layout::Nchw16c, output, self.step);
        let tiles = if is_large(extent.channels, output.channels) { BATCH_TILES } else { TILES };

        let most = (tiles / tiled.width.div_ceil(OUTPUTS)).clamp(1, pieces.len());
        // As even as possible.
        let strips = pieces.len().div_ceil(pieces.len().div_ceil(most));
        let run = |(index, pieces): (usize, &mut [Vec<Piece<'_>>])| {
            let first = index * strips;
            group.run(&Places::new(tiled, first..first + pieces.len()), pieces);
        };
        if is_shared {
            pieces.par_chunks_mut(strips).enumerate().for_each(run);
        } else {
            pieces.chunks_mut(strips).enumerate().for_each(run);
        }
    }
}
