//! The gradient of the kernel: the product of the windows and the output's gradient, summed image
//! by image.

use std::ops::Range;

use rayon::prelude::*;

use super::sizes::{Weights, Windowed};
use crate::buffer::scratch;
use crate::gradient::accumulate::Accumulate;
use crate::graph::gather::{Source, gather};
use crate::isa::RunLanes;
use crate::lanes::{Lanes, Work};
use crate::values::{Values, WIDTH};

/// Panels that are multiplied by a block of terms while it is in the first-level cache.
const GROUP: usize = 4;

/// The most places that are summed before the next block: their gradients stay in that cache for a
/// group of panels.
const PLACES: usize = 56;

/// All filters, with their factors and biases.
pub struct KernelGradient<'a> {
    /// The convolution.
    pub of: &'a Windowed,
    /// The input, `[image][block][pixel]`, and the gradient of the sums, `[image][block][place]`.
    pub terms: (&'a [Values], &'a [Values]),
    /// The weights of the forward pass.
    pub weights: Weights<'a>,
    /// The gradients of kernel, scale and bias.
    pub out: [&'a mut [f32]; 3],
}

impl RunLanes for KernelGradient<'_> {
    fn run<L: Lanes>(self, lanes: L) {
        let Self { of, terms: (input, gradient), weights, out: [kernel, scale, bias] } = self;
        let Windowed { windows, outputs, .. } = *of;
        let places = windows.places[0] * windows.places[1];
        let terms = windows.taps() * of.input.blocks();
        let is_pointwise = windows.is_pointwise(of.input);
        let mut copied = scratch(if is_pointwise { 0 } else { of.images * terms * places });
        if !is_pointwise {
            let images = copied.par_chunks_exact_mut(terms * places);
            let sources = input.par_chunks_exact(input.len() / of.images);
            images.zip(sources).for_each(|(out, input)| lanes.vectorize(Copy { of, input, out }));
        }
        let seen = if is_pointwise { input } else { &copied };
        let row = kernel.len() / outputs;
        let panels = outputs.div_ceil(L::COLUMNS * WIDTH);
        let group = panels.div_ceil(rayon::current_num_threads()).clamp(1, GROUP);
        let columns = group * L::COLUMNS * WIDTH;
        let rows = kernel.par_chunks_mut(columns * row);
        let rest = scale.par_chunks_mut(columns).zip(bias.par_chunks_mut(columns));
        rows.zip(rest).enumerate().for_each(|(index, (kernel, (scale, bias)))| {
            let (first, out) = (index * group, [kernel, scale, bias]);
            lanes.vectorize(Panels { of, seen, gradient, first, terms, places, weights, out });
        });
    }
}

/// The windows of one image.
struct Copy<'a> {
    of: &'a Windowed,
    input: &'a [Values],
    /// `[tap][block][place]`
    out: &'a mut [Values],
}

impl Work for Copy<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Windowed { input, windows, .. } = self.of;
        let all = (0, windows.places[0] * windows.places[1]);
        gather(lanes, (Source::Blocks(self.input), *input), windows, all, self.out);
    }
}

/// The filters of some panels.
struct Panels<'a> {
    of: &'a Windowed,
    /// `[image][tap][block][place]`
    seen: &'a [Values],
    gradient: &'a [Values],
    /// The first panel.
    first: usize,
    /// Blocks of terms.
    terms: usize,
    places: usize,
    weights: Weights<'a>,
    /// The gradients of kernel, scale and bias.
    out: [&'a mut [f32]; 3],
}

impl Work for Panels<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(mut self, lanes: L) {
        let Self { terms, places, .. } = self;
        let count = self.out[1].len().div_ceil(L::COLUMNS * WIDTH);
        let (of_block, of_panel) = (WIDTH * L::COLUMNS, terms * WIDTH * L::COLUMNS);
        let mut sums = scratch(count * of_panel);
        let mut biases = vec![[Values::ZERO; 2]; count];
        let part = places.div_ceil(places.div_ceil(PLACES));
        let mut outputs = scratch(count * part * L::COLUMNS);
        for (image, start) in (0..self.of.images)
            .flat_map(|image| (0..places).step_by(part).map(move |start| (image, start)))
        {
            let some = start..places.min(start + part);
            let size = some.len() * L::COLUMNS;
            let lines = outputs.chunks_exact_mut(size).zip(&mut biases);
            for (panel, (into, sums)) in lines.enumerate().take(count) {
                self.read(lanes, (image, self.first + panel), some.clone(), (into, sums));
            }
            for block in 0..terms {
                let v = &self.seen[(image * terms + block) * places + start..];
                for panel in 0..count {
                    let product = Accumulate {
                        v,
                        s: &outputs[panel * size..],
                        points: 1,
                        tiles: some.len(),
                        blocks: 1,
                        panels: 1,
                        accumulate: image + start > 0,
                        out: &mut sums[panel * of_panel + block * of_block..][..of_block],
                    };
                    product.run(lanes);
                }
            }
        }
        for panel in 0..count {
            self.write(lanes, panel, &sums[panel * of_panel..][..of_panel], &biases[panel]);
        }
    }
}

impl Panels<'_> {
    /// Copies some places of the output's gradient of an image and a panel to `[place][COLUMNS]`, and
    /// adds its values up.
    #[inline(always)]
    fn read<L: Lanes>(
        &self,
        lanes: L,
        (image, panel): (usize, usize),
        some: Range<usize>,
        (into, sums): (&mut [Values], &mut [Values; 2]),
    ) {
        let blocks = self.of.output().blocks();
        for column in 0..L::COLUMNS {
            let block = panel * L::COLUMNS + column;
            let into = into.iter_mut().skip(column).step_by(L::COLUMNS);
            if block >= blocks {
                into.for_each(|into| *into = Values::ZERO);
                continue;
            }
            let start = (image * blocks + block) * self.places;
            let values = &self.gradient[start + some.start..start + some.end];
            let mut sum = lanes.load(&sums[column]);
            for (into, value) in into.zip(values) {
                let value = lanes.load(value);
                sum = lanes.add(sum, value);
                lanes.store(value, into);
            }
            lanes.store(sum, &mut sums[column]);
        }
    }

    /// Writes sums `[tap][block][in][COLUMNS][16]` to the filters, times their factors; the gradient of
    /// a factor is the sum of the products of sums and filter.
    #[inline(always)]
    fn write<L: Lanes>(&mut self, lanes: L, panel: usize, sums: &[Values], biases: &[Values; 2]) {
        let Windowed { input, windows, .. } = *self.of;
        let (taps, row) = (windows.taps(), input.channels * windows.taps());
        let channels = input.blocks() * WIDTH;
        let (before, columns) = (panel * L::COLUMNS, L::COLUMNS);
        let first = (self.first + panel) * columns * WIDTH;
        let [kernel, scale, bias] = &mut self.out;
        let filters = kernel.chunks_mut(WIDTH * row).skip(before).take(columns);
        for (column, kernel) in filters.enumerate() {
            let mut products = [lanes.splat(0.0); WIDTH];
            for place in (0..row).step_by(WIDTH) {
                let mut columns = [lanes.splat(0.0); WIDTH];
                for (index, into) in columns.iter_mut().enumerate().take(row - place) {
                    let (channel, tap) = ((place + index) / taps, (place + index) % taps);
                    let sums = &sums[(tap * channels + channel) * L::COLUMNS..];
                    *into = lanes.load(&sums[column]);
                }
                let rows = lanes.transpose(columns);
                for (lane, kernel) in kernel.chunks_exact_mut(row).enumerate() {
                    let output = first + column * WIDTH + lane;
                    let factor = lanes.splat(self.weights.scale[output]);
                    let filter = Filter {
                        values: &self.weights.kernel[output * row + place..(output + 1) * row],
                        into: &mut kernel[place..],
                    };
                    products[lane] = filter.write(lanes, rows[lane], factor, products[lane]);
                }
            }
            let place = (before + column) * WIDTH;
            let range = place..place + kernel.len() / row;
            for (lane, output) in range.enumerate() {
                let mut parts = [0.0; WIDTH];
                lanes.write(products[lane], &mut parts);
                scale[output] = parts.iter().sum();
                bias[output] = biases[column].0[lane];
            }
        }
    }
}

/// Up to sixteen neighbouring values of one filter.
struct Filter<'a> {
    values: &'a [f32],
    into: &'a mut [f32],
}

impl Filter<'_> {
    /// Writes `sums` times `factor`; returns `total` plus the products of sums and values.
    #[inline(always)]
    fn write<L: Lanes>(self, lanes: L, sums: L::V, factor: L::V, total: L::V) -> L::V {
        let Self { values, into } = self;
        let scaled = lanes.mul(sums, factor);
        if let (Some(values), Some(into)) = (values.first_chunk(), into.first_chunk_mut()) {
            lanes.write(scaled, into);
            return lanes.mul_add(sums, lanes.read(values), total);
        }
        let (mut found, mut written) = ([0.0; WIDTH], [0.0; WIDTH]);
        lanes.write(scaled, &mut written);
        found[..values.len()].copy_from_slice(values);
        into.copy_from_slice(&written[..into.len()]);
        lanes.mul_add(sums, lanes.read(&found), total)
    }
}
