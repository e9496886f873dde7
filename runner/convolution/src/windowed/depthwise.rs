//! Both gradients of a convolution with one filter per channel.

use rayon::prelude::*;

use super::sizes::{Weights, Windowed};
use crate::activation::Activation;
use crate::graph::Windows;
use crate::graph::depthwise::Depthwise;
use crate::isa::{RunLanes, with_lanes};
use crate::lanes::{Lanes, Work};
use crate::values::{Values, WIDTH};

/// The convolution itself.
pub fn forward(of: &Windowed, weights: Weights<'_>) -> Depthwise {
    let kernel = scaled(of, weights);
    let weights = (&kernel[..], weights.bias);
    Depthwise::new(of.isa(), of.input, of.windows, weights, of.activation)
}

/// The kernel with the factor of each channel.
fn scaled(of: &Windowed, Weights { kernel, scale, .. }: Weights<'_>) -> Vec<f32> {
    let filters = kernel.chunks_exact(of.windows.taps()).zip(scale);
    filters.flat_map(|(taps, scale)| taps.iter().map(move |tap| tap * scale)).collect()
}

/// The gradient of the input. One pixel apart, windows are those of the filters turned around; further
/// apart, each pixel adds up what the windows that cover it are given.
pub fn input_gradient(
    of: &Windowed,
    weights: Weights<'_>,
    gradient: &[Values],
    out: &mut [Values],
) {
    let mut kernel = scaled(of, weights);
    let bias = vec![0.0; of.outputs];
    let Windows { size, stride, before, .. } = of.windows;
    if stride == 1 && before[0] < size[0] && before[1] < size[1] {
        kernel.chunks_exact_mut(of.windows.taps()).for_each(<[f32]>::reverse);
        let windows = Windows {
            before: [0, 1].map(|axis| size[axis] - 1 - before[axis]),
            places: [of.input.height, of.input.width],
            ..of.windows
        };
        let weights = (&kernel[..], &bias[..]);
        let turned = Depthwise::new(of.isa(), of.output(), windows, weights, Activation::Linear);
        turned.forward(gradient, true, out);
        return;
    }
    let weights = (&kernel[..], &bias[..]);
    let filters = Depthwise::new(of.isa(), of.input, of.windows, weights, Activation::Linear);
    with_lanes(of.isa(), Spread { of, taps: filters.taps(), gradient, out });
}

struct Spread<'a> {
    of: &'a Windowed,
    /// `[block][tap]`
    taps: &'a [Values],
    gradient: &'a [Values],
    out: &'a mut [Values],
}

impl RunLanes for Spread<'_> {
    fn run<L: Lanes>(self, lanes: L) {
        let Self { of, taps, gradient, out } = self;
        let [down, across] = of.windows.places;
        let planes = out.par_chunks_exact_mut(of.input.height * of.input.width);
        planes.zip(gradient.par_chunks_exact(down * across)).enumerate().for_each(
            |(index, (out, gradient))| {
                let block = index % of.input.blocks();
                let taps = &taps[block * of.windows.taps()..][..of.windows.taps()];
                lanes.vectorize(Plane { of, taps, gradient, out });
            },
        );
    }
}

/// One block of channels of one image.
struct Plane<'a> {
    of: &'a Windowed,
    taps: &'a [Values],
    gradient: &'a [Values],
    out: &'a mut [Values],
}

impl Work for Plane<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Windows { size, stride, before, places } = self.of.windows;
        let width = self.of.input.width;
        for (y, row) in self.out.chunks_exact_mut(width).enumerate() {
            for (x, out) in row.iter_mut().enumerate() {
                let mut sum = lanes.splat(0.0);
                for (line, top) in covering(y + before[0], stride, size[0], places[0]) {
                    let gradient = &self.gradient[line * places[1]..][..places[1]];
                    let taps = &self.taps[top * size[1]..][..size[1]];
                    for (place, left) in covering(x + before[1], stride, size[1], places[1]) {
                        let value = lanes.load(&gradient[place]);
                        sum = lanes.mul_add(value, lanes.load(&taps[left]), sum);
                    }
                }
                lanes.store(sum, out);
            }
        }
    }
}

/// The windows that cover a row or column, counted from where the first begins, and which of their
/// rows or columns it is.
#[inline(always)]
fn covering(
    index: usize,
    stride: usize,
    size: usize,
    places: usize,
) -> impl Iterator<Item = (usize, usize)> {
    let first = (index + stride).saturating_sub(size) / stride;
    (first..places.min(index / stride + 1)).map(move |place| (place, index - place * stride))
}

/// The sums of input and gradient for each tap, `[block][tap]`, and those of the gradient, `[block]`.
pub fn kernel_gradient(
    of: &Windowed,
    (input, gradient): (&[Values], &[Values]),
    sums: &mut [Values],
    biases: &mut [Values],
) {
    with_lanes(of.isa(), Sums { of, input, gradient, sums, biases });
}

struct Sums<'a> {
    of: &'a Windowed,
    input: &'a [Values],
    gradient: &'a [Values],
    sums: &'a mut [Values],
    biases: &'a mut [Values],
}

impl RunLanes for Sums<'_> {
    fn run<L: Lanes>(self, lanes: L) {
        let Self { of, input, gradient, sums, biases } = self;
        let all = sums.par_chunks_exact_mut(of.windows.taps()).zip(biases).enumerate();
        all.for_each(|(block, (sums, bias))| {
            lanes.vectorize(Block { of, input, gradient, block, sums, bias });
        });
    }
}

/// One block of channels of all images.
struct Block<'a> {
    of: &'a Windowed,
    input: &'a [Values],
    gradient: &'a [Values],
    block: usize,
    sums: &'a mut [Values],
    bias: &'a mut Values,
}

impl Work for Block<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Windowed { input: extent, windows, images, .. } = *self.of;
        let Windows { size, places, .. } = windows;
        self.sums.fill(Values::ZERO);
        *self.bias = Values::ZERO;
        for image in 0..images {
            let plane = image * extent.blocks() + self.block;
            let input = &self.input[plane * extent.height * extent.width..];
            let gradient = &self.gradient[plane * places[0] * places[1]..];
            let lines = gradient.chunks_exact(places[1]).take(places[0]);
            for (y, gradient) in lines.enumerate() {
                let mut sum = lanes.load(self.bias);
                for value in gradient {
                    sum = lanes.add(sum, lanes.load(value));
                }
                lanes.store(sum, self.bias);
                let (top, rows) = windows.inside(0, y, extent.height);
                for row in rows {
                    let start = (top + row as isize) as usize * extent.width;
                    let line = Line { windows, input: &input[start..][..extent.width], gradient };
                    let sums = &mut self.sums[row * size[1]..][..size[1]];
                    line.run(lanes, sums);
                }
            }
        }
    }
}

/// One row of windows, and one of the rows that they cover.
struct Line<'a> {
    windows: Windows,
    input: &'a [Values],
    gradient: &'a [Values],
}

impl Line<'_> {
    /// Adds to the sums of one row of taps.
    #[inline(always)]
    fn run<L: Lanes>(&self, lanes: L, sums: &mut [Values]) {
        let whole = self.windows.whole_columns(self.input.len());
        for x in (0..whole.start).chain(whole.end..self.gradient.len()) {
            let (left, columns) = self.windows.inside(1, x, self.input.len());
            let value = lanes.load(&self.gradient[x]);
            for column in columns {
                let input = lanes.load(&self.input[(left + column as isize) as usize]);
                let sum = lanes.mul_add(value, input, lanes.load(&sums[column]));
                lanes.store(sum, &mut sums[column]);
            }
        }
        match self.windows.size[1] {
            3 => self.middle::<L, 3, 2>(lanes, whole, sums),
            5 => self.middle::<L, 5, 1>(lanes, whole, sums),
            7 => self.middle::<L, 7, 1>(lanes, whole, sums),
            size => {
                for column in 0..size {
                    let line = Self { input: &self.input[column..], ..*self };
                    line.middle::<L, 1, 4>(lanes, whole.clone(), &mut sums[column..]);
                }
            }
        }
    }

    /// `K` taps at windows that lie inside of the map, `U` of them at a time, all sums in registers.
    #[inline(always)]
    fn middle<L: Lanes, const K: usize, const U: usize>(
        &self,
        lanes: L,
        whole: std::ops::Range<usize>,
        sums: &mut [Values],
    ) {
        let stride = self.windows.stride;
        let Some(first) = (whole.start * stride).checked_sub(self.windows.before[1]) else {
            return;
        };
        let mut totals = [[lanes.splat(0.0); K]; U];
        let (groups, rest) = self.gradient[whole].as_chunks::<U>();
        let mut from = first;
        for group in groups {
            for (value, totals) in group.iter().zip(&mut totals) {
                let value = lanes.load(value);
                let Some(input) = self.input[from..].first_chunk::<K>() else { return };
                for k in 0..K {
                    totals[k] = lanes.mul_add(value, lanes.load(&input[k]), totals[k]);
                }
                from += stride;
            }
        }
        for value in rest {
            let value = lanes.load(value);
            let Some(input) = self.input[from..].first_chunk::<K>() else { return };
            for k in 0..K {
                totals[0][k] = lanes.mul_add(value, lanes.load(&input[k]), totals[0][k]);
            }
            from += stride;
        }
        for k in 0..K {
            let mut sum = lanes.load(&sums[k]);
            for totals in &totals {
                sum = lanes.add(sum, totals[k]);
            }
            lanes.store(sum, &mut sums[k]);
        }
    }
}

/// Writes sums `[block][tap]` to filters `[channel][tap]`, with the gradients of their factors.
pub fn write(
    of: &Windowed,
    weights: Weights<'_>,
    (sums, biases): (&[Values], &[Values]),
    [kernel, scale, bias]: [&mut [f32]; 3],
) {
    let taps = of.windows.taps();
    let filters = kernel.chunks_exact_mut(taps).zip(weights.kernel.chunks_exact(taps));
    for (channel, (into, filter)) in filters.enumerate() {
        let (block, lane) = (channel / WIDTH, channel % WIDTH);
        let sums = &sums[block * taps..][..taps];
        let products = sums.iter().zip(filter).map(|(sum, tap)| sum.0[lane] * tap);
        scale[channel] = products.sum();
        for (into, sum) in into.iter_mut().zip(sums) {
            *into = sum.0[lane] * weights.scale[channel];
        }
        bias[channel] = biases[block].0[lane];
    }
}
