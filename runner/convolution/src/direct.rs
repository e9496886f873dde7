//! Direct convolution for inputs of at most four channels, such as images, where minimal
//! filtering saves nothing: the plain sum over taps and channels, for sixteen output channels
//! at a time.

pub mod gradient;

use rayon::prelude::*;

use crate::buffer::scratch;
use crate::lanes::{Lanes, Work};
use crate::map::{Maps, Piece, Target, cut};
use crate::product::add;
use crate::shape::{ConvShape, Epilogue, Extent, Layout};
use crate::values::{Values, WIDTH, in_blocks};

/// Output rows that are computed together.
const ROWS: usize = 8;

/// Rearranges filters to `[panel][channel × 9 + tap][COLUMNS][16]`.
fn filters<L: Lanes>(shape: ConvShape, kernel: &[f32]) -> Vec<Values> {
    let taps = shape.input.channels * 9;
    let mut filters =
        vec![Values::ZERO; shape.outputs.div_ceil(WIDTH * L::COLUMNS) * taps * L::COLUMNS];
    for (out, kernel) in kernel.chunks_exact(taps).enumerate() {
        let (block, lane) = (out / WIDTH, out % WIDTH);
        let (panel, column) = (block / L::COLUMNS, block % L::COLUMNS);
        for (tap, value) in kernel.iter().enumerate() {
            filters[(panel * taps + tap) * L::COLUMNS + column].0[lane] = *value;
        }
    }
    filters
}

/// Convolves all images. The input is NCHW, and nothing is pooled.
pub fn forward<L: Lanes>(
    lanes: L,
    shape: ConvShape,
    input: &[f32],
    kernel: &[f32],
    epilogue: Epilogue<'_>,
    target: Target<'_>,
) {
    let extent = shape.output();
    let filters = filters::<L>(shape, kernel);
    let blocks = extent.blocks().next_multiple_of(L::COLUMNS);
    let bias = in_blocks(epilogue.bias.unwrap_or(&[]), blocks);
    let mut pieces = cut(target.values, target.layout, extent, ROWS);
    let strips = extent.height.div_ceil(ROWS);
    pieces.par_iter_mut().enumerate().for_each(|(strip, out)| {
        lanes.vectorize(Strip {
            maps: Maps { values: input, layout: Layout::Nchw, extent: shape.input },
            padding: shape.padding,
            image: strip / strips,
            top: strip % strips * ROWS,
            rows: ROWS.min(extent.height - strip % strips * ROWS),
            width: extent.width,
            filters: &filters,
            bias: &bias,
            relu: epilogue.relu,
            out,
        });
    });
}

/// Some rows of outputs of one image.
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

/// What the pixels of one panel are computed with.
struct Filters<'a, V, const N: usize> {
    /// `[channel × 9 + tap]`
    values: &'a [[Values; N]],
    bias: [V; N],
    /// Results are at least this: zero with ReLU, else minus infinity.
    floor: V,
}

/// Computes one row, as many pixels at a time as there are registers for.
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

/// Where the input pixels of a row of outputs begin.
#[derive(Clone, Copy)]
struct Pixels<'a> {
    values: &'a [f32],
    row: usize,
    across: usize,
    plane: usize,
}

/// Where a row of outputs is written.
struct Place<'a> {
    strip: &'a mut [Values],
    first: usize,
    plane: usize,
}

/// Computes `R` neighbouring pixels, with all sums in registers, and returns `R`.
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
