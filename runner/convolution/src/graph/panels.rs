//! Filters in the order that products read them.

use std::ops::DerefMut;

use rayon::prelude::*;

use super::windows::Windows;
use crate::isa::{Isa, RunLanes, with_lanes};
use crate::lanes::{Lanes, Work};
use crate::product::panel_len;
use crate::shape::Extent;
use crate::values::{Values, WIDTH};

/// The filters of a convolution over all channels.
#[derive(Clone, Copy)]
pub struct Filters<'a> {
    /// The size of each map that goes in.
    pub input: Extent,
    /// Whether these maps are planar.
    pub planar: bool,
    /// Number of pixels of a window.
    pub taps: usize,
    /// `[out, in, tap]`
    kernel: &'a [f32],
    /// A factor for each output.
    scale: Option<&'a [f32]>,
    /// Multiplies outputs to get inputs, all taps of one block after the other.
    turned: bool,
    outputs: usize,
}

impl<'a> Filters<'a> {
    /// From a kernel `[out, in, rows, columns]` for maps of this size, which are planar or in blocks.
    pub fn new((input, planar): (Extent, bool), windows: &Windows, kernel: &'a [f32]) -> Self {
        let taps = windows.taps();
        let outputs = kernel.len() / (input.channels * taps).max(1);
        Self { input, planar, taps, kernel, scale: None, turned: false, outputs }
    }

    /// The same with a factor for each output.
    pub fn times(self, scale: &'a [f32]) -> Self {
        Self { scale: Some(scale), ..self }
    }

    /// The filters that take the gradient of what came out back to each tap: the terms of their sums
    /// are outputs, and `[block of channels][tap]` comes out. For maps in blocks.
    pub fn turned(self) -> Self {
        Self { turned: true, ..self }
    }

    /// The size of a map that the products read: of what comes out of a map of this size.
    pub fn reads(&self, output: [usize; 2]) -> Extent {
        match self.turned {
            true => Extent { channels: self.outputs, height: output[0], width: output[1] },
            false => self.input,
        }
    }

    /// Channels that come out.
    pub fn channels(&self) -> usize {
        if self.turned { self.taps * self.input.blocks() * WIDTH } else { self.outputs }
    }

    /// Sixteens of terms of the sum.
    pub fn terms(&self) -> usize {
        if self.turned {
            self.outputs.div_ceil(WIDTH)
        } else if self.planar {
            (self.taps * self.input.channels).div_ceil(WIDTH)
        } else {
            self.taps * self.input.blocks()
        }
    }

    /// `[panel][term][COLUMNS][16]`, in memory of the length that `room` is asked for.
    pub fn pack<P>(&self, isa: Isa, room: impl Fn(usize) -> P) -> P
    where
        P: DerefMut<Target = [Values]>,
    {
        let mut panels = room(0);
        with_lanes(isa, Pack { of: self, room, panels: &mut panels });
        panels
    }

    /// Whether packing writes every value.
    fn is_whole(&self, columns: usize) -> bool {
        let whole = |channels: usize| channels.is_multiple_of(WIDTH);
        let blocks = self.channels().div_ceil(WIDTH);
        !self.planar
            && whole(self.input.channels)
            && whole(self.outputs)
            && blocks.is_multiple_of(columns)
    }

    /// Where the term at `index` of the sum stands in the kernel of one output.
    fn index(&self, index: usize) -> Option<usize> {
        let channels = self.input.channels;
        let per_tap = if self.planar { channels } else { self.input.blocks() * WIDTH };
        let (tap, channel) = (index / per_tap, index % per_tap);
        (tap < self.taps && channel < channels).then_some(channel * self.taps + tap)
    }

    fn factor(&self, output: usize) -> f32 {
        self.scale.map_or(1.0, |scale| scale[output])
    }
}

struct Pack<'a, R, P> {
    of: &'a Filters<'a>,
    room: R,
    panels: &'a mut P,
}

impl<R: Fn(usize) -> P, P: DerefMut<Target = [Values]>> RunLanes for Pack<'_, R, P> {
    fn run<L: Lanes>(self, lanes: L) {
        let Self { of, room, panels } = self;
        let per_panel = panel_len::<L>(of.terms());
        let blocks = of.channels().div_ceil(WIDTH);
        *panels = room(blocks.div_ceil(L::COLUMNS) * per_panel);
        if !of.is_whole(L::COLUMNS) {
            panels.fill(Values::ZERO);
        }
        if of.turned {
            // Each thread writes all taps of the channels that it reads.
            let groups = panels.par_chunks_mut(of.taps * per_panel).enumerate();
            groups.for_each(|(group, out)| lanes.vectorize(Turned { of, group, out }));
            return;
        }
        panels.par_chunks_exact_mut(per_panel).enumerate().for_each(|(panel, out)| {
            for column in 0..L::COLUMNS.min(blocks - panel * L::COLUMNS) {
                let block = panel * L::COLUMNS + column;
                lanes.vectorize(Column { of, block, out: &mut out[column..] });
            }
        });
    }
}

/// The panels of `COLUMNS` blocks of channels, of filters that are turned.
struct Turned<'a> {
    of: &'a Filters<'a>,
    group: usize,
    out: &'a mut [Values],
}

impl Work for Turned<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Filters { input, taps, kernel, outputs, .. } = *self.of;
        let per_panel = panel_len::<L>(self.of.terms());
        let first = self.group * L::COLUMNS;
        for block in first..input.blocks().min(first + L::COLUMNS) {
            let channels = WIDTH.min(input.channels - block * WIDTH);
            let column = (block - first) * taps;
            for output in 0..outputs {
                let factor = self.of.factor(output);
                let start = (output * input.channels + block * WIDTH) * taps;
                let filter = &kernel[start..start + channels * taps];
                let line = |tap: usize| {
                    let column = column + tap;
                    let place = output * L::COLUMNS + column % L::COLUMNS;
                    column / L::COLUMNS * per_panel + place
                };
                if let (1, Some(values)) = (taps, filter.first_chunk()) {
                    let value = lanes.mul(lanes.read(values), lanes.splat(factor));
                    lanes.store(value, &mut self.out[line(0)]);
                    continue;
                }
                for tap in 0..taps {
                    let into = &mut self.out[line(tap)].0[..channels];
                    for channel in 0..channels {
                        into[channel] = filter[channel * taps + tap] * factor;
                    }
                }
            }
        }
    }
}

/// One block of sixteen columns of a panel.
struct Column<'a> {
    of: &'a Filters<'a>,
    block: usize,
    /// A line for each term, `COLUMNS` apart.
    out: &'a mut [Values],
}

impl Work for Column<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(mut self, lanes: L) {
        if self.of.planar {
            let (terms, outputs) = (self.of.terms() * WIDTH, self.outputs());
            self.one_by_one::<L>(0..terms, outputs);
        } else {
            self.straight(lanes);
        }
    }
}

impl Column<'_> {
    /// The outputs of this block.
    #[inline(always)]
    fn outputs(&self) -> std::ops::Range<usize> {
        let first = self.block * WIDTH;
        first..self.of.outputs.min(first + WIDTH)
    }

    /// Terms one by one.
    #[inline(always)]
    fn one_by_one<L: Lanes>(
        &mut self,
        terms: impl Iterator<Item = usize>,
        outputs: std::ops::Range<usize>,
    ) {
        let row = self.of.input.channels * self.of.taps;
        for term in terms {
            let Some(from) = self.of.index(term) else { continue };
            let line = &mut self.out[term * L::COLUMNS];
            for (lane, output) in outputs.clone().enumerate() {
                line.0[lane] = self.of.kernel[output * row + from] * self.of.factor(output);
            }
        }
    }

    /// Sixteen channels of sixteen outputs at a time.
    #[inline(always)]
    fn straight<L: Lanes>(&mut self, lanes: L) {
        let Filters { input, taps, kernel, .. } = *self.of;
        let (outputs, row) = (self.outputs(), input.channels * taps);
        let whole = if outputs.len() == WIDTH { input.channels / WIDTH } else { 0 };
        let mut factors = Values::ZERO;
        for (factor, output) in factors.0.iter_mut().zip(outputs.clone()) {
            *factor = self.of.factor(output);
        }
        let factors = lanes.load(&factors);
        for block in 0..whole {
            // The taps of sixteen channels of one output lie together.
            for part in 0..taps {
                let start = (block * taps + part) * WIDTH;
                let mut rows = [lanes.splat(0.0); WIDTH];
                for (lane, into) in rows.iter_mut().enumerate() {
                    let from = (outputs.start + lane) * row + start;
                    let Some(values) = kernel[from..].first_chunk() else { return };
                    *into = lanes.read(values);
                }
                for (index, value) in lanes.transpose(rows).into_iter().enumerate() {
                    let place = part * WIDTH + index;
                    let (channel, tap) = (place / taps, place % taps);
                    let term = (tap * input.blocks() + block) * WIDTH + channel;
                    lanes.store(lanes.mul(value, factors), &mut self.out[term * L::COLUMNS]);
                }
            }
        }
        let blocks = input.blocks();
        let rest = move |tap: usize| (tap * blocks + whole) * WIDTH..(tap + 1) * blocks * WIDTH;
        self.one_by_one::<L>((0..taps).flat_map(rest), outputs);
    }
}
