//! The gradient of the kernel: the product of the windows and the output's gradient, summed image
//! by image.

use rayon::prelude::*;

use super::sizes::Windowed;
use crate::buffer::scratch;
use crate::gradient::accumulate::Accumulate;
use crate::graph::gather::{Source, gather};
use crate::isa::RunLanes;
use crate::lanes::{Lanes, Work};
use crate::values::{Values, WIDTH};

/// All filters.
pub struct KernelGradient<'a> {
    /// The convolution.
    pub of: &'a Windowed,
    /// `[image][block][pixel]`
    pub input: &'a [Values],
    /// Of the output, `[image][block][place]`.
    pub gradient: &'a [Values],
    /// `[out, in, rows, columns]`
    pub kernel: &'a mut [f32],
    /// `[out]`
    pub bias: &'a mut [f32],
}

impl RunLanes for KernelGradient<'_> {
    fn run<L: Lanes>(self, lanes: L) {
        let Self { of, input, gradient, kernel, bias } = self;
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
        let biases = bias.par_chunks_mut(L::COLUMNS * WIDTH);
        rows.zip(biases).enumerate().for_each(|(panel, (kernel, bias))| {
            lanes.vectorize(Panel { of, seen, gradient, panel, terms, places, kernel, bias });
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
    kernel: &'a mut [f32],
    bias: &'a mut [f32],
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
        self.write::<L>(&sums, &biases);
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

    /// Writes sums `[tap][block][in][COLUMNS][16]` to the filters.
    #[inline(always)]
    fn write<L: Lanes>(&mut self, sums: &[Values], biases: &[Values; 2]) {
        let Windowed { input, windows, .. } = *self.of;
        let (taps, blocks) = (windows.taps(), input.blocks());
        let filters = self.kernel.chunks_exact_mut(input.channels * taps).zip(self.bias.iter_mut());
        for (output, (filter, bias)) in filters.enumerate() {
            let (column, lane) = (output / WIDTH, output % WIDTH);
            for (index, into) in filter.iter_mut().enumerate() {
                let (channel, tap) = (index / taps, index % taps);
                let line = (tap * blocks * WIDTH + channel) * L::COLUMNS + column;
                *into = sums[line].0[lane];
            }
            *bias = biases[column].0[lane];
        }
    }
}
