//! The gradient of the kernel: the product of the windows and the output's gradient, summed image
//! by image.

use rayon::prelude::*;

use super::sizes::{Weights, Windowed};
use crate::buffer::scratch;
use crate::gradient::accumulate::Accumulate;
use crate::graph::gather::{Source, gather};
use crate::isa::RunLanes;
use crate::lanes::{Lanes, Work};
use crate::values::{Values, WIDTH};

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
        let rows = kernel.par_chunks_mut(L::COLUMNS * WIDTH * row);
        let scales = scale.par_chunks_mut(L::COLUMNS * WIDTH);
        let biases = bias.par_chunks_mut(L::COLUMNS * WIDTH);
        rows.zip(scales.zip(biases)).enumerate().for_each(|(panel, (kernel, (scale, bias)))| {
            let out = [kernel, scale, bias];
            lanes.vectorize(Panel { of, seen, gradient, panel, terms, places, weights, out });
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

/// The filters of one panel.
struct Panel<'a> {
    of: &'a Windowed,
    /// `[image][tap][block][place]`
    seen: &'a [Values],
    gradient: &'a [Values],
    panel: usize,
    /// Blocks of terms.
    terms: usize,
    places: usize,
    weights: Weights<'a>,
    /// The gradients of kernel, scale and bias.
    out: [&'a mut [f32]; 3],
}

impl Work for Panel<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(mut self, lanes: L) {
        let Self { terms, places, .. } = self;
        let mut sums = scratch(terms * WIDTH * L::COLUMNS);
        let mut outputs = scratch(places * L::COLUMNS);
        let mut biases = [Values::ZERO; 2];
        for image in 0..self.of.images {
            self.read(lanes, image, &mut outputs, &mut biases);
            let product = Accumulate {
                v: &self.seen[image * terms * places..],
                s: &outputs,
                points: 1,
                tiles: places,
                blocks: terms,
                panels: 1,
                accumulate: image > 0,
                out: &mut sums,
            };
            product.run(lanes);
        }
        self.write(lanes, &sums, &biases);
    }
}

impl Panel<'_> {
    /// Copies one image of the output's gradient to `[place][COLUMNS]`, and adds its values up.
    #[inline(always)]
    fn read<L: Lanes>(&self, lanes: L, image: usize, into: &mut [Values], sums: &mut [Values; 2]) {
        let blocks = self.of.output().blocks();
        for column in 0..L::COLUMNS {
            let block = self.panel * L::COLUMNS + column;
            let into = into.iter_mut().skip(column).step_by(L::COLUMNS);
            if block >= blocks {
                into.for_each(|into| *into = Values::ZERO);
                continue;
            }
            let values = &self.gradient[(image * blocks + block) * self.places..][..self.places];
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
    fn write<L: Lanes>(&mut self, lanes: L, sums: &[Values], biases: &[Values; 2]) {
        let Windowed { input, windows, .. } = *self.of;
        let (taps, row) = (windows.taps(), input.channels * windows.taps());
        let first = self.panel * L::COLUMNS * WIDTH;
        let [kernel, scale, bias] = &mut self.out;
        for (column, kernel) in kernel.chunks_mut(WIDTH * row).enumerate() {
            let mut products = [lanes.splat(0.0); WIDTH];
            for (index, sums) in sums.chunks_exact(WIDTH * L::COLUMNS).enumerate() {
                let (tap, block) = (index / input.blocks(), index % input.blocks());
                let mut columns = [lanes.splat(0.0); WIDTH];
                for (into, sum) in
                    columns.iter_mut().zip(sums.iter().skip(column).step_by(L::COLUMNS))
                {
                    *into = lanes.load(sum);
                }
                let rows = lanes.transpose(columns);
                let place = block * WIDTH * taps;
                for (lane, kernel) in kernel.chunks_exact_mut(row).enumerate() {
                    let output = first + column * WIDTH + lane;
                    let factor = lanes.splat(self.weights.scale[output]);
                    let filter = Filter {
                        values: &self.weights.kernel[output * row + place..(output + 1) * row],
                        into: &mut kernel[place..],
                        step: (tap, taps),
                    };
                    products[lane] = filter.write(lanes, rows[lane], factor, products[lane]);
                }
            }
            let range = column * WIDTH..(column * WIDTH + kernel.len() / row);
            for (lane, output) in range.enumerate() {
                let mut parts = [0.0; WIDTH];
                lanes.write(products[lane], &mut parts);
                scale[output] = parts.iter().sum();
                bias[output] = biases[column].0[lane];
            }
        }
    }
}

/// Sixteen channels of one filter, of which one tap is written.
struct Filter<'a> {
    values: &'a [f32],
    into: &'a mut [f32],
    /// The tap, and how many there are.
    step: (usize, usize),
}

impl Filter<'_> {
    /// Writes `sums` times `factor`; returns `total` plus the products of sums and values.
    #[inline(always)]
    fn write<L: Lanes>(self, lanes: L, sums: L::V, factor: L::V, total: L::V) -> L::V {
        let Self { values, into, step: (tap, taps) } = self;
        let scaled = lanes.mul(sums, factor);
        if let (1, Some(values), Some(into)) = (taps, values.first_chunk(), into.first_chunk_mut())
        {
            lanes.write(scaled, into);
            return lanes.mul_add(sums, lanes.read(values), total);
        }
        let (mut found, mut written) = ([0.0; WIDTH], [0.0; WIDTH]);
        lanes.write(scaled, &mut written);
        let all = into.iter_mut().zip(values).skip(tap).step_by(taps);
        for ((into, value), (written, found)) in all.zip(written.iter().zip(&mut found)) {
            *into = *written;
            *found = *value;
        }
        lanes.mul_add(sums, lanes.read(&found), total)
    }
}
