//! The gradient of the filters: for each factor, the product of all values of inputs that it was
//! multiplied by and those of the outputs' gradient.
//!
//! Values are always summed in the same order, whatever the number of threads.

use std::marker::PhantomData;

use rayon::prelude::*;

use super::axis::{FACTORS, Gather, OUTPUTS};
use super::places::Places;
use super::spread::Spread;
use super::transform::{Reading, ToValues};
use crate::buffer::{Scratch, apart, scratch};
use crate::gradient::accumulate::{Accumulate, Back};
use crate::isa::RunLanes;
use crate::lanes::{Lanes, Work};
use crate::map::Maps;
use crate::values::{Values, WIDTH};

/// What the values of a group of strips may take, so that they stay in a cache.
const BYTES: usize = 8 << 20;

/// The same for a convolution of this many channels and outputs. Each group reads and writes all sums,
/// so that it should be larger than these.
pub fn bytes(channels: usize, outputs: usize) -> usize {
    BYTES.max(2 * POINTS * channels * outputs * 4)
}

/// The most values that are summed before the next sixteen inputs: those of the outputs' gradient stay
/// in the first-level cache.
const ROWS: usize = 128;

/// Number of products of an input and an output.
const POINTS: usize = FACTORS * FACTORS;

/// The gradients of a kernel and a bias.
pub struct KernelGradient<'a> {
    /// Maps in the batch.
    pub images: usize,
    /// What the values of a group of strips may take.
    pub bytes: usize,
    /// The inputs, and which of their pixels are read.
    pub input: (Maps<'a>, Reading),
    /// The gradients of the outputs.
    pub gradient: Maps<'a>,
    /// `[out, in, 3, 3]`
    pub kernel: &'a mut [f32],
    /// `[out]`
    pub bias: &'a mut [f32],
}

impl RunLanes for KernelGradient<'_> {
    fn run<L: Lanes>(self, lanes: L) {
        let Self { images, bytes, input, gradient, kernel, bias } = self;
        let (extent, blocks) = (gradient.extent, input.0.extent.blocks());
        let panels = extent.blocks().div_ceil(L::COLUMNS);
        let all = images * extent.height.div_ceil(OUTPUTS);
        let per_strip = Places::new(extent, 0..1).len() * (blocks + panels * L::COLUMNS) * 64;
        let groups = all.div_ceil((bytes / per_strip).clamp(1, all));
        // As even as possible.
        let strips = all.div_ceil(groups);
        let per_panel = POINTS * apart(blocks * WIDTH * L::COLUMNS);
        // The sums of a single group go straight to the kernel.
        let mut sums = scratch(if strips < all { panels * per_panel } else { 0 });
        let mut biases = vec![Values::ZERO; panels * L::COLUMNS];
        for first in (0..all).step_by(strips) {
            let places = Places::new(extent, first..all.min(first + strips));
            let block = apart(places.len());
            let values = inputs(lanes, input, &places, block);
            let range = (first > 0, first + strips >= all);
            let group = Group { gradient, places, values, block, blocks, range };
            let rows = kernel.par_chunks_mut(L::COLUMNS * WIDTH * input.0.extent.channels * 9);
            let rows = rows.zip(biases.par_chunks_exact_mut(L::COLUMNS)).enumerate();
            let run = |((panel, (kernel, biases)), sums): ((usize, _), &mut [Values])| {
                let channels = input.0.extent.channels;
                lanes.vectorize(Panel { group: &group, panel, channels, sums, kernel, biases });
            };
            if strips < all {
                rows.zip(sums.par_chunks_exact_mut(per_panel)).for_each(run);
            } else {
                rows.for_each(|panel| run((panel, &mut scratch(per_panel))));
            }
        }
        bias.copy_from_slice(&bytemuck::cast_slice(&biases)[..bias.len()]);
    }
}

/// The values of the inputs, `[block][place]`, with this distance from one block to the next.
fn inputs<L: Lanes>(
    lanes: L,
    (maps, reading): (Maps<'_>, Reading),
    places: &Places,
    block: usize,
) -> Scratch {
    let mut values = scratch(maps.extent.blocks() * block);
    values.par_chunks_exact_mut(block).enumerate().for_each(|(block, out)| {
        lanes.vectorize(ToValues { maps, reading, scale: None, places, block, out });
    });
    values
}

/// Strips that are transformed and multiplied together.
struct Group<'a> {
    gradient: Maps<'a>,
    places: Places,
    /// The values of the inputs, `[block][place]`.
    values: Scratch,
    /// Distance from one block to the next.
    block: usize,
    /// Number of blocks.
    blocks: usize,
    /// Whether there are strips before these, and whether there are none behind them.
    range: (bool, bool),
}

/// One panel of outputs.
struct Panel<'a> {
    group: &'a Group<'a>,
    panel: usize,
    /// Number of input channels.
    channels: usize,
    /// `[factor][in][COLUMNS][16]`
    sums: &'a mut [Values],
    /// The filters of these outputs.
    kernel: &'a mut [f32],
    biases: &'a mut [Values],
}

impl Work for Panel<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(mut self, lanes: L) {
        let (places, (_, is_last)) = (&self.group.places, self.group.range);
        let mut spread = scratch(places.len() * L::COLUMNS);
        for (column, sum) in self.biases.iter_mut().enumerate() {
            let block = self.panel * L::COLUMNS + column;
            let (maps, out) = (self.group.gradient, &mut spread[column..]);
            if block < maps.extent.blocks() {
                Spread { maps, places, block, sum, out }.run(lanes);
            } else {
                out.iter_mut().step_by(L::COLUMNS).for_each(|out| *out = Values::ZERO);
            }
        }
        for factor in 0..POINTS {
            self.factor(lanes, factor, &spread);
        }
        if is_last {
            let back = Back::<Gather, FACTORS> {
                matrix: PhantomData,
                sums: self.sums,
                point: self.sums.len() / POINTS,
                channels: self.channels,
                some: 0..self.channels,
                kernel: self.kernel,
            };
            back.run(lanes);
        }
    }
}

impl Panel<'_> {
    /// Adds the products of one factor.
    #[inline(always)]
    fn factor<L: Lanes>(&mut self, lanes: L, factor: usize, spread: &[Values]) {
        let Group { places, values, block, blocks, range: (accumulate, _), .. } = self.group;
        let size = self.sums.len() / POINTS;
        let sums = &mut self.sums[factor * size..][..blocks * WIDTH * L::COLUMNS];
        let (start, count) = (places.start(factor), places.count(factor));
        if count == 0 && !accumulate {
            sums.fill(Values::ZERO);
        }
        let part = count.div_ceil(count.div_ceil(ROWS).max(1)).max(1);
        for first in (0..count).step_by(part) {
            let place = start + first;
            for (index, out) in sums.chunks_exact_mut(WIDTH * L::COLUMNS).enumerate() {
                let product = Accumulate {
                    v: &values[index * block + place..],
                    s: &spread[place * L::COLUMNS..],
                    points: 1,
                    tiles: part.min(count - first),
                    blocks: 1,
                    panels: 1,
                    accumulate: *accumulate || first > 0,
                    out,
                };
                product.run(lanes);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::windows::Windows;
    use crate::isa::{Isa, with_lanes};
    use crate::shape::{Extent, Layout};
    use crate::tests::numbers;

    #[test]
    fn groups_of_strips_give_the_same_bits() {
        let layout = Layout::Nchw16c;
        let windows = Windows { size: [3, 3], stride: 2, before: [1, 1], places: [9, 6] };
        let seen = Extent { channels: 32, height: 17, width: 12 };
        let outputs = Extent { channels: 48, height: 9, width: 6 };
        let (images, input) = (2, numbers(2 * seen.len(), 1));
        let gradient = numbers(images * outputs.len(), 2);
        for isa in Isa::available() {
            // All strips at once, three at a time, one by one.
            let [expected, some, one] = [usize::MAX, 200 << 10, 1].map(|bytes| {
                let (mut kernel, mut bias) = (vec![0.0; 48 * 32 * 9], vec![0.0; 48]);
                let input = Maps { values: &input, layout, extent: seen };
                let gradient = Maps { values: &gradient, layout, extent: outputs };
                let input = (input, Reading::of_input(&windows));
                let out = (&mut kernel[..], &mut bias[..]);
                let of =
                    KernelGradient { images, bytes, input, gradient, kernel: out.0, bias: out.1 };
                with_lanes(isa, of);
                (kernel, bias)
            });
            assert!(some == expected && one == expected, "{isa:?}");
        }
    }
}
