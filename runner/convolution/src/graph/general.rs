//! Convolutions with windows of any size: matrix products on pixels as they lie where the window is
//! one pixel, and on windows that are copied behind each other where it is larger.

use std::ops::DerefMut;

use rayon::prelude::*;

use super::gather::{Source, gather};
use super::panels::Filters;
use super::windows::Windows;
use crate::activation::Activation;
use crate::buffer::{Scratch, scratch};
use crate::isa::{Isa, RunLanes, with_lanes};
use crate::lanes::{Lanes, Work};
use crate::map::{Piece, cut};
use crate::product::{INNER, Rows, panel_len, product_of_parts};
use crate::shape::{Extent, Layout};
use crate::values::{Values, WIDTH, in_blocks};

/// Sixteens of terms that are summed one after the other before they are added to the rest, where sums are
/// to be closer to the exact ones.
const SHORT: usize = 2;

/// Pixels that are computed together: a multiple of the rows of a product that fit the registers,
/// and a divisor of the usual sizes of maps.
const PIXELS: usize = 98;

/// A convolution with its kernel in the order that products read it.
pub struct General<P = Vec<Values>> {
    /// The size of each map that goes in.
    pub input: Extent,
    /// The windows.
    pub windows: Windows,
    /// Number of output channels.
    pub outputs: usize,
    /// What follows the sum.
    pub activation: Activation,
    isa: Isa,
    /// Sixteens of terms of the sum.
    terms: usize,
    /// How many of them are summed one after the other.
    part: usize,
    /// `[panel][16 terms of the sum][COLUMNS][16]`
    panels: P,
    /// What the sums are multiplied by before the bias is added.
    scale: Vec<Values>,
    bias: Vec<Values>,
}

/// The maps that go in, and what is added to those that come out.
#[derive(Clone, Copy)]
pub struct Inputs<'a> {
    /// The maps.
    pub source: Source<'a>,
    /// Added to the sums before the activation.
    pub residual: Option<&'a [Values]>,
}

impl General {
    /// From a kernel `[out, in, rows, columns]` and a bias `[out]`.
    pub fn new(
        isa: Isa,
        input: (Extent, bool),
        windows: Windows,
        (kernel, bias): (&[f32], &[f32]),
        activation: Activation,
    ) -> Self {
        let filters = Filters::new(input, &windows, kernel);
        let room = |len| vec![Values::ZERO; len];
        Self::of_filters(isa, filters, room, (windows, bias), activation)
    }
}

impl General<Scratch> {
    /// From filters and a bias for each of their outputs, for one use.
    pub fn once(
        isa: Isa,
        filters: Filters<'_>,
        weights: (Windows, &[f32]),
        activation: Activation,
    ) -> Self {
        Self::of_filters(isa, filters, scratch, weights, activation)
    }
}

impl<P: DerefMut<Target = [Values]> + Sync> General<P> {
    fn of_filters(
        isa: Isa,
        filters: Filters<'_>,
        room: impl Fn(usize) -> P,
        (windows, bias): (Windows, &[f32]),
        activation: Activation,
    ) -> Self {
        let (input, outputs) = (filters.reads(windows.places), filters.channels());
        let blocks = Extent { channels: outputs, ..input }.blocks();
        let bias = in_blocks(bias, blocks.next_multiple_of(2));
        let scale = vec![Values([1.0; WIDTH]); bias.len()];
        let (terms, panels) = (filters.terms(), filters.pack(isa, room));
        Self { input, windows, outputs, activation, isa, terms, part: INNER, panels, scale, bias }
    }

    /// The same with sums in short parts: in a deep network that is a third off the distance from the
    /// exact values, for a few percent of the time.
    pub fn in_short_parts(self) -> Self {
        Self { part: SHORT, ..self }
    }

    /// The same with sums that are multiplied by a factor for each output. Filters that are multiplied
    /// would be rounded once more, each of them.
    pub fn scaled(mut self, scale: &[f32]) -> Self {
        self.scale = in_blocks(scale, self.bias.len());
        self
    }

    /// The size of each map that comes out.
    pub fn output(&self) -> Extent {
        let [height, width] = self.windows.places;
        Extent { channels: self.outputs, height, width }
    }

    /// Convolves some images, on all threads where they share the work.
    pub fn forward(&self, inputs: Inputs<'_>, is_shared: bool, out: &mut [f32]) {
        with_lanes(self.isa, Forward { general: self, inputs, is_shared, out });
    }
}

struct Forward<'a, P> {
    general: &'a General<P>,
    inputs: Inputs<'a>,
    is_shared: bool,
    out: &'a mut [f32],
}

impl<P: DerefMut<Target = [Values]> + Sync> RunLanes for Forward<'_, P> {
    fn run<L: Lanes>(self, lanes: L) {
        let Self { general, inputs, is_shared, out } = self;
        let output = general.output();
        let places = output.height * output.width;
        // As even as possible, and few enough that copied windows stay in a core's cache.
        let most = if general.terms * PIXELS > 4096 * 3 { PIXELS / 2 } else { PIXELS };
        let chunks = places.div_ceil(most);
        let pixels = places.div_ceil(chunks);
        let chunks = places.div_ceil(pixels);
        let column = Extent { height: places, width: 1, ..output };
        let mut pieces = cut(out, Layout::Nchw16c, column, pixels);
        let run = |(index, pieces): (usize, &mut Vec<Piece<'_>>)| {
            let (image, first) = (index / chunks, index % chunks * pixels);
            let count = pixels.min(places - first);
            lanes.vectorize(Chunk { general, inputs, image, first, count, places, pieces });
        };
        if is_shared {
            pieces.par_iter_mut().enumerate().for_each(run);
        } else {
            pieces.iter_mut().enumerate().for_each(run);
        }
    }
}

/// Some neighbouring pixels of one image.
struct Chunk<'a, 'b, P> {
    general: &'a General<P>,
    inputs: Inputs<'a>,
    image: usize,
    first: usize,
    count: usize,
    /// Pixels of a map that comes out.
    places: usize,
    /// Where they are written, block by block.
    pieces: &'a mut [Piece<'b>],
}

impl<P: DerefMut<Target = [Values]> + Sync> Work for Chunk<'_, '_, P> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(mut self, lanes: L) {
        let General { input, windows, panels, part: length, .. } = self.general;
        let (terms, plane) = (self.general.terms, input.height * input.width);
        let source = match self.inputs.source {
            Source::Planar(values) => Source::Planar(&values[self.image * input.len()..]),
            Source::Blocks(values) => {
                Source::Blocks(&values[self.image * input.blocks() * plane..])
            }
        };
        let mut copied;
        let rows = match source {
            Source::Blocks(values) if windows.is_pointwise(*input) => {
                Rows { values: &values[self.first..], stride: plane, next: 0 }
            }
            _ => {
                copied = scratch(terms * self.count);
                gather(lanes, (source, *input), windows, (self.first, self.count), &mut copied);
                Rows { values: &copied, stride: self.count, next: 0 }
            }
        };
        let mut sums = scratch(self.count * L::COLUMNS);
        for (panel, weights) in panels.chunks_exact(panel_len::<L>(terms)).enumerate() {
            product_of_parts(lanes, (terms, *length), rows, weights, &mut sums);
            for column in 0..L::COLUMNS {
                self.finish(lanes, panel * L::COLUMNS + column, &sums[column..]);
            }
        }
    }
}

impl<P: DerefMut<Target = [Values]> + Sync> Chunk<'_, '_, P> {
    /// Writes one block of outputs, whose sums are `COLUMNS` apart.
    #[inline(always)]
    fn finish<L: Lanes>(&mut self, lanes: L, block: usize, sums: &[Values]) {
        let Some(Piece::Nchw16c(out)) = self.pieces.get_mut(block) else { return };
        let activation = self.general.activation;
        let [scale, bias] =
            [&self.general.scale, &self.general.bias].map(|values| lanes.load(&values[block]));
        let blocks = self.general.output().blocks();
        let start = (self.image * blocks + block) * self.places + self.first;
        let residual = self.inputs.residual.map(|values| &values[start..][..self.count]);
        let sums = sums.iter().step_by(L::COLUMNS);
        for (index, (out, sum)) in out.as_chunks_mut().0.iter_mut().zip(sums).enumerate() {
            let mut value = lanes.mul_add(lanes.load(sum), scale, bias);
            if let Some(residual) = residual {
                value = lanes.add(value, lanes.load(&residual[index]));
            }
            lanes.write(activation.apply(lanes, value), out);
        }
    }
}
