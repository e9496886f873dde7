//! Depthwise convolutions: one filter per channel.

use rayon::prelude::*;

use super::windows::Windows;
use crate::activation::Activation;
use crate::isa::{Isa, RunLanes, with_lanes};
use crate::lanes::{Lanes, Work};
use crate::shape::Extent;
use crate::values::{Values, WIDTH, in_blocks};

/// A depthwise convolution with its filters side by side.
pub struct Depthwise {
    /// The size of each map that goes in.
    pub input: Extent,
    /// The windows.
    pub windows: Windows,
    /// What follows the sum.
    pub activation: Activation,
    isa: Isa,
    /// `[block][tap]`
    taps: Vec<Values>,
    bias: Vec<Values>,
}

impl Depthwise {
    /// From a kernel `[channel, 1, rows, columns]` and a bias `[channel]`.
    pub fn new(
        isa: Isa,
        input: Extent,
        windows: Windows,
        (kernel, bias): (&[f32], &[f32]),
        activation: Activation,
    ) -> Self {
        let count = windows.taps();
        let mut taps = vec![Values::ZERO; input.blocks() * count];
        for (channel, kernel) in kernel.chunks_exact(count).enumerate() {
            for (tap, value) in kernel.iter().enumerate() {
                taps[channel / WIDTH * count + tap].0[channel % WIDTH] = *value;
            }
        }
        let bias = in_blocks(bias, input.blocks());
        Self { input, windows, activation, isa, taps, bias }
    }

    /// The size of each map that comes out.
    pub fn output(&self) -> Extent {
        let [height, width] = self.windows.places;
        Extent { height, width, ..self.input }
    }

    /// The filters, `[block][tap]`.
    pub fn taps(&self) -> &[Values] {
        &self.taps
    }

    /// Convolves some images, on all threads where they share the work.
    pub fn forward(&self, input: &[Values], is_shared: bool, out: &mut [Values]) {
        with_lanes(self.isa, Forward { of: self, input, is_shared, out });
    }
}

struct Forward<'a> {
    of: &'a Depthwise,
    input: &'a [Values],
    is_shared: bool,
    out: &'a mut [Values],
}

impl RunLanes for Forward<'_> {
    fn run<L: Lanes>(self, lanes: L) {
        let Self { of, input, is_shared, out } = self;
        let (from, to) = (of.input.height * of.input.width, of.output().height * of.output().width);
        let run = |(index, out): (usize, &mut [Values])| {
            let input = &input[index * from..][..from];
            lanes.vectorize(Plane { of, input, block: index % of.input.blocks(), out });
        };
        if is_shared {
            out.par_chunks_exact_mut(to).enumerate().for_each(run);
        } else {
            out.chunks_exact_mut(to).enumerate().for_each(run);
        }
    }
}

/// One block of channels of one image.
struct Plane<'a> {
    of: &'a Depthwise,
    input: &'a [Values],
    block: usize,
    out: &'a mut [Values],
}

/// One row of windows.
struct Row<'a, V> {
    /// The rows of the map that its windows see.
    rows: &'a [Values],
    /// The taps of these rows.
    taps: &'a [Values],
    /// Columns of a window.
    columns: usize,
    /// Columns of the map.
    width: usize,
    bias: V,
    activation: Activation,
}

impl Work for Plane<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Depthwise { input, windows, activation, taps, bias, .. } = self.of;
        let columns = windows.size[1];
        let taps = &taps[self.block * windows.taps()..][..windows.taps()];
        let whole = windows.whole_columns(input.width);
        for (y, out) in self.out.chunks_exact_mut(windows.places[1]).enumerate() {
            let (top, rows) = windows.inside(0, y, input.height);
            let first = (top + rows.start as isize) as usize * input.width;
            let row = Row {
                rows: &self.input[first..][..rows.len() * input.width],
                taps: &taps[rows.start * columns..rows.end * columns],
                columns,
                width: input.width,
                bias: lanes.load(&bias[self.block]),
                activation: *activation,
            };
            for x in (0..whole.start).chain(whole.end..windows.places[1]) {
                row.edge(lanes, windows, x, &mut out[x]);
            }
            let from =
                whole.start * windows.stride - windows.before[1].min(whole.start * windows.stride);
            let out = &mut out[whole.clone()];
            match windows.stride {
                1 => row.middle::<L, 1, 8, 4>(lanes, from, out),
                2 => row.middle::<L, 2, 15, 7>(lanes, from, out),
                stride => {
                    for (x, out) in out.iter_mut().enumerate() {
                        row.pixels::<L, 1, 1, 1>(
                            lanes,
                            from + x * stride,
                            std::array::from_mut(out),
                        );
                    }
                }
            }
        }
    }
}

impl<V: Copy> Row<'_, V> {
    /// The window at column `x`, part of which is outside of the map.
    #[inline(always)]
    fn edge<L: Lanes<V = V>>(&self, lanes: L, windows: &Windows, x: usize, out: &mut Values) {
        let (left, columns) = windows.inside(1, x, self.width);
        let mut sum = self.bias;
        for (row, taps) in
            self.rows.chunks_exact(self.width).zip(self.taps.chunks_exact(self.columns))
        {
            for column in columns.clone() {
                let value = lanes.load(&row[(left + column as isize) as usize]);
                sum = lanes.mul_add(value, lanes.load(&taps[column]), sum);
            }
        }
        lanes.store(self.activation.apply(lanes, sum), out);
    }

    /// Windows `S` pixels apart, the first of which begins at column `from`. Eight of them span
    /// `EIGHT` pixels, four of them `FOUR`.
    #[inline(always)]
    fn middle<L: Lanes<V = V>, const S: usize, const EIGHT: usize, const FOUR: usize>(
        &self,
        lanes: L,
        from: usize,
        out: &mut [Values],
    ) {
        let mut done = 0;
        while done < out.len() {
            let (from, out) = (from + done * S, &mut out[done..]);
            if L::COLUMNS == 2
                && let Some(out) = out.first_chunk_mut::<8>()
            {
                self.pixels::<L, 8, S, EIGHT>(lanes, from, out);
                done += 8;
            } else if let Some(out) = out.first_chunk_mut::<4>() {
                self.pixels::<L, 4, S, FOUR>(lanes, from, out);
                done += 4;
            } else if let Some(out) = out.first_chunk_mut::<1>() {
                self.pixels::<L, 1, S, 1>(lanes, from, out);
                done += 1;
            }
        }
    }

    /// `R` windows `S` apart, which begin within `SPAN` pixels, with all sums in registers.
    #[inline(always)]
    fn pixels<L: Lanes<V = V>, const R: usize, const S: usize, const SPAN: usize>(
        &self,
        lanes: L,
        from: usize,
        out: &mut [Values; R],
    ) {
        let mut sums = [self.bias; R];
        for (row, taps) in
            self.rows.chunks_exact(self.width).zip(self.taps.chunks_exact(self.columns))
        {
            for (column, tap) in taps.iter().enumerate() {
                let tap = lanes.load(tap);
                let Some(values) = row[from + column..].first_chunk::<SPAN>() else { return };
                for r in 0..R {
                    sums[r] = lanes.mul_add(lanes.load(&values[r * S]), tap, sums[r]);
                }
            }
        }
        for r in 0..R {
            lanes.store(self.activation.apply(lanes, sums[r]), &mut out[r]);
        }
    }
}
