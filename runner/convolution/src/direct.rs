//! A convolution of very few channels (an image's three), where minimal filtering has nothing to
//! save: the sum over taps and channels as it stands, sixteen outputs at a time.

use rayon::prelude::*;

use crate::buffer::scratch;
use crate::gradient::Terms;
use crate::lanes::{Lanes, Values, WIDTH, Work, in_blocks};
use crate::map::{Extent, Maps, Order, Piece, Window, cut};
use crate::product::{add, load, store};
use crate::winograd::{Finish, Problem, Target};

/// Channels up to which this is used.
pub const CHANNELS: usize = 4;
/// Output rows that are computed together.
const ROWS: usize = 8;

/// Filters as `[panel][channel × 9 + tap][COLUMNS][16]`.
fn filters<L: Lanes>(problem: Problem, kernel: &[f32]) -> Vec<Values> {
    let taps = problem.input.channels * 9;
    let mut filters =
        vec![Values::ZERO; problem.outputs.div_ceil(WIDTH * L::COLUMNS) * taps * L::COLUMNS];
    for (out, kernel) in kernel.chunks_exact(taps).enumerate() {
        let (block, lane) = (out / WIDTH, out % WIDTH);
        let (panel, column) = (block / L::COLUMNS, block % L::COLUMNS);
        for (tap, value) in kernel.iter().enumerate() {
            filters[(panel * taps + tap) * L::COLUMNS + column].0[lane] = *value;
        }
    }
    filters
}

/// Computes all images; the input is planar, and nothing is pooled.
pub fn forward<L: Lanes>(
    lanes: L,
    problem: Problem,
    input: &[f32],
    kernel: &[f32],
    finish: Finish<'_>,
    target: Target<'_>,
) {
    let extent = problem.output();
    let filters = filters::<L>(problem, kernel);
    let blocks = extent.blocks().next_multiple_of(L::COLUMNS);
    let bias = in_blocks(finish.bias.unwrap_or(&[]), blocks);
    let mut pieces = cut(target.values, target.order, extent, ROWS);
    let strips = extent.height.div_ceil(ROWS);
    pieces.par_iter_mut().enumerate().for_each(|(strip, out)| {
        lanes.vectorize(Strip {
            maps: Maps { values: input, order: Order::Planar, extent: problem.input },
            padding: problem.padding,
            image: strip / strips,
            top: strip % strips * ROWS,
            rows: ROWS.min(extent.height - strip % strips * ROWS),
            width: extent.width,
            filters: &filters,
            bias: &bias,
            relu: finish.relu,
            out,
        });
    });
}

struct Strip<'a, 'b> {
    maps: Maps<'a>,
    padding: usize,
    image: usize,
    top: usize,
    rows: usize,
    width: usize,
    filters: &'a [Values],
    bias: &'a [Values],
    relu: bool,
    out: &'a mut [Piece<'b>],
}

/// The rows of every channel that a strip of outputs sees, with zeros around the map.
fn padded(maps: &Maps<'_>, padding: usize, image: usize, top: usize, rows: usize) -> Vec<f32> {
    let Extent { channels, height, width } = maps.extent;
    let across = width + 2 * padding;
    let mut values = vec![0.0; channels * rows * across];
    for channel in 0..channels {
        for row in 0..rows {
            let y = (top + row).wrapping_sub(padding);
            if y < height {
                let from = ((image * channels + channel) * height + y) * width;
                let into = (channel * rows + row) * across + padding;
                values[into..into + width].copy_from_slice(&maps.values[from..from + width]);
            }
        }
    }
    values
}

impl Work for Strip<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        if L::COLUMNS == 2 { self.columns::<L, 2>(lanes) } else { self.columns::<L, 1>(lanes) }
    }
}

impl Strip<'_, '_> {
    #[inline(always)]
    fn columns<L: Lanes, const N: usize>(self, lanes: L) {
        let input = padded(&self.maps, self.padding, self.image, self.top, self.rows + 2);
        let channels = self.maps.extent.channels;
        let across = self.maps.extent.width + 2 * self.padding;
        let floor = lanes.splat(if self.relu { 0.0 } else { f32::NEG_INFINITY });
        let (filters, _) = self.filters.as_chunks::<N>();
        let pixels = self.rows * self.width;
        let mut strip = scratch(N * pixels);
        for (panel, filters) in filters.chunks_exact(channels * 9).enumerate() {
            let mut bias = [lanes.splat(0.0); N];
            for n in 0..N {
                bias[n] = lanes.load(&self.bias[panel * N + n]);
            }
            for y in 0..self.rows {
                let from = Pixels {
                    values: &input,
                    row: y * across,
                    across,
                    plane: (self.rows + 2) * across,
                };
                let to = Place { strip: &mut strip, first: y * self.width, plane: pixels };
                row(lanes, self.width, from, &Filters { values: filters, bias, floor }, to);
            }
            for n in 0..N {
                if let Some(piece) = self.out.get_mut(panel * N + n) {
                    let rows = &strip[n * pixels..][..pixels];
                    piece.write(lanes, self.width, self.width, rows);
                }
            }
        }
    }
}

/// What a pixel of one panel is computed with.
struct Filters<'a, V, const N: usize> {
    /// `[channel × 9 + tap]`
    values: &'a [[Values; N]],
    bias: [V; N],
    /// Zero with ReLU.
    floor: V,
}

/// One row, as many pixels at a time as there are registers for.
#[inline(always)]
fn row<L: Lanes, const N: usize>(
    lanes: L,
    width: usize,
    from: Pixels<'_>,
    filters: &Filters<'_, L::V, N>,
    to: Place<'_>,
) {
    let mut x = 0;
    while x < width {
        let left = width - x;
        let from = Pixels { row: from.row + x, ..from };
        let to = Place { strip: &mut *to.strip, first: to.first + x, plane: to.plane };
        x += if L::ROWS >= 14 && left >= 14 {
            pixels::<L, 14, N>(lanes, from, filters, to)
        } else if L::ROWS >= 6 && left >= 6 {
            pixels::<L, 6, N>(lanes, from, filters, to)
        } else if left >= 3 {
            pixels::<L, 3, N>(lanes, from, filters, to)
        } else {
            pixels::<L, 1, N>(lanes, from, filters, to)
        };
    }
}

#[derive(Clone, Copy)]
struct Pixels<'a> {
    values: &'a [f32],
    row: usize,
    across: usize,
    plane: usize,
}

struct Place<'a> {
    strip: &'a mut [Values],
    first: usize,
    plane: usize,
}

/// `R` neighbouring pixels, all sums in registers.
#[inline(always)]
fn pixels<L: Lanes, const R: usize, const N: usize>(
    lanes: L,
    from: Pixels<'_>,
    filters: &Filters<'_, L::V, N>,
    to: Place<'_>,
) -> usize {
    let mut sums = [filters.bias; R];
    for (channel, taps) in filters.values.chunks_exact(9).enumerate() {
        for (tap, filter) in taps.iter().enumerate() {
            let start = channel * from.plane + from.row + tap / 3 * from.across + tap % 3;
            let Some(values) = from.values[start..].first_chunk::<R>() else {
                return R;
            };
            add(lanes, |r| values[r], filter, &mut sums);
        }
    }
    for n in 0..N {
        let strip = &mut to.strip[n * to.plane + to.first..];
        for r in 0..R {
            lanes.store(lanes.max(filters.floor, sums[r][n]), &mut strip[r]);
        }
    }
    R
}

/// The gradient of the kernel and of the bias: partial sums per image, added in the images' order.
pub fn kernel_gradient<L: Lanes>(
    lanes: L,
    problem: Problem,
    terms: Terms<'_>,
    kernel: &mut [f32],
    bias: &mut [f32],
) {
    let extent = problem.output();
    let taps = problem.input.channels * 9;
    let panels = extent.blocks().div_ceil(L::COLUMNS);
    let per_panel = (taps + 1) * L::COLUMNS;
    let mut partial = vec![Values::ZERO; problem.images * panels * per_panel];
    partial.par_chunks_exact_mut(per_panel).enumerate().for_each(|(at, out)| {
        let (image, panel) = (at / panels, at % panels);
        lanes.vectorize(ImageGradient { problem, terms, image, panel, out });
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
    problem: Problem,
    terms: Terms<'a>,
    image: usize,
    panel: usize,
    /// `[channel × 9 + tap][COLUMNS][16]`, then the bias's.
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
        let extent = self.problem.output();
        let Extent { channels, width, .. } = self.problem.input;
        let across = width + 2 * self.problem.padding;
        let mut strip = scratch(ROWS * extent.width);
        let mut gradient = scratch(ROWS * extent.width * N);
        for top in (0..extent.height).step_by(ROWS) {
            let rows = ROWS.min(extent.height - top);
            let input = padded(&self.terms.input, self.problem.padding, self.image, top, rows + 2);
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

    /// Rows of the gradient of one block of outputs; zeros where there is no such block.
    #[inline(always)]
    fn gradient<L: Lanes>(&self, lanes: L, block: usize, top: usize, strip: &mut [Values]) {
        let extent = self.problem.output();
        if block >= extent.blocks() {
            strip.fill(Values::ZERO);
            return;
        }
        let (image, top, width) = (self.image, top as isize, extent.width);
        let window = Window { image, block, top, left: 0, width };
        self.terms.output.read(lanes, window, self.terms.positive, strip);
    }
}

/// Adds what some rows say about the nine taps of one channel.
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
