//! The gradient of the filters for inputs of at most four channels.

use rayon::prelude::*;

use super::{ROWS, padded};
use crate::buffer::scratch;
use crate::gradient::Terms;
use crate::lanes::{Lanes, Work};
use crate::map::Window;
use crate::product::{add, load, store};
use crate::shape::{ConvShape, Extent};
use crate::values::{Values, WIDTH};

/// Writes the gradients of the kernel and of the bias: sums per image, added in the order of
/// the images.
pub fn kernel_gradient<L: Lanes>(
    lanes: L,
    shape: ConvShape,
    terms: Terms<'_>,
    kernel: &mut [f32],
    bias: &mut [f32],
) {
    let extent = shape.output();
    let taps = shape.input.channels * 9;
    let panels = extent.blocks().div_ceil(L::COLUMNS);
    let per_panel = (taps + 1) * L::COLUMNS;
    let mut partial = vec![Values::ZERO; shape.images * panels * per_panel];
    partial.par_chunks_exact_mut(per_panel).enumerate().for_each(|(index, out)| {
        let (image, panel) = (index / panels, index % panels);
        lanes.vectorize(ImageGradient { shape, terms, image, panel, out });
    });
    let (first, others) = partial.split_at_mut(panels * per_panel);
    for other in others.chunks_exact(panels * per_panel) {
        for (sum, values) in first.iter_mut().zip(other) {
            for (sum, value) in sum.0.iter_mut().zip(values.0) {
                *sum += value;
            }
        }
    }
    for (out, (kernel, bias)) in kernel.chunks_exact_mut(taps).zip(bias).enumerate() {
        let (block, lane) = (out / WIDTH, out % WIDTH);
        let (panel, column) = (block / L::COLUMNS, block % L::COLUMNS);
        let sum = |tap: usize| first[panel * per_panel + tap * L::COLUMNS + column].0[lane];
        for (tap, into) in kernel.iter_mut().enumerate() {
            *into = sum(tap);
        }
        *bias = sum(taps);
    }
}

struct ImageGradient<'a> {
    shape: ConvShape,
    terms: Terms<'a>,
    image: usize,
    panel: usize,
    /// `[channel × 9 + tap][COLUMNS][16]`, then `[COLUMNS][16]` for the bias.
    out: &'a mut [Values],
}

impl Work for ImageGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        if L::COLUMNS == 2 { self.columns::<L, 2>(lanes) } else { self.columns::<L, 1>(lanes) }
    }
}

impl ImageGradient<'_> {
    #[inline(always)]
    fn columns<L: Lanes, const N: usize>(self, lanes: L) {
        let extent = self.shape.output();
        let Extent { channels, width, .. } = self.shape.input;
        let across = width + 2 * self.shape.padding;
        let mut strip = scratch(ROWS * extent.width);
        let mut gradient = scratch(ROWS * extent.width * N);
        for top in (0..extent.height).step_by(ROWS) {
            let rows = ROWS.min(extent.height - top);
            let input = padded(&self.terms.input, self.shape.padding, self.image, top, rows + 2);
            for n in 0..N {
                let strip = &mut strip[..rows * extent.width];
                self.gradient(lanes, self.panel * N + n, top, strip);
                for (into, values) in gradient.chunks_exact_mut(N).zip(strip.iter()) {
                    into[n] = *values;
                }
            }
            let (gradient, _) = gradient[..rows * extent.width * N].as_chunks::<N>();
            let (sums, _) = self.out.as_chunks_mut::<N>();
            let (taps, bias) = sums.split_at_mut(channels * 9);
            let planes = input.chunks_exact((rows + 2) * across);
            for (plane, sums) in planes.zip(taps.as_chunks_mut::<9>().0) {
                all_taps(lanes, plane, across, gradient, extent.width, sums);
            }
            if let Some(bias) = bias.first_chunk_mut::<1>() {
                let mut sums = load(lanes, bias, true);
                for values in gradient {
                    add(lanes, |_| 1.0, values, &mut sums);
                }
                store(lanes, sums, bias);
            }
        }
    }

    /// Reads rows of the output's gradient, one block of channels; zeros if there is no
    /// such block.
    #[inline(always)]
    fn gradient<L: Lanes>(&self, lanes: L, block: usize, top: usize, strip: &mut [Values]) {
        let extent = self.shape.output();
        if block >= extent.blocks() {
            strip.fill(Values::ZERO);
            return;
        }
        let (image, top, width) = (self.image, top as isize, extent.width);
        let window = Window { image, block, top, left: 0, width };
        self.terms.output.read(lanes, window, self.terms.positive, strip);
    }
}

/// Adds the products of some rows to the nine taps of one channel.
#[inline(always)]
fn all_taps<L: Lanes, const N: usize>(
    lanes: L,
    plane: &[f32],
    across: usize,
    gradient: &[[Values; N]],
    width: usize,
    sums: &mut [[Values; N]; 9],
) {
    let mut total = load(lanes, sums, true);
    for (y, gradient) in gradient.chunks_exact(width).enumerate() {
        let rows = [0, 1, 2].map(|dy| &plane[(y + dy) * across..][..width + 2]);
        for (x, values) in gradient.iter().enumerate() {
            let mut seen = [0.0; 9];
            for (row, seen) in rows.iter().zip(seen.as_chunks_mut::<3>().0) {
                if let Some(three) = row[x..].first_chunk() {
                    *seen = *three;
                }
            }
            add(lanes, |tap| seen[tap], values, &mut total);
        }
    }
    store(lanes, total, sums);
}
