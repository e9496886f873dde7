//! The channels of each pixel less their mean, over their deviation, scaled and moved, in the memory of
//! the map.

use rayon::prelude::*;

use crate::isa::{Isa, RunLanes, with_lanes};
use crate::lanes::{Lanes, Work};
use crate::shape::Extent;
use crate::values::{Values, WIDTH, in_blocks};

/// Pixels that are computed together: their channels stay in a core's cache.
const PIXELS: usize = 8;

/// A layer normalization (Ba et al. 2016) of maps with a multiple of sixteen channels.
pub struct LayerNorm {
    /// The size of each map.
    pub input: Extent,
    epsilon: f32,
    /// `[block]`
    scale: Vec<Values>,
    /// `[block]`
    bias: Vec<Values>,
    isa: Isa,
}

impl LayerNorm {
    /// From a factor and a term for each channel; `None` where their number is not that of the channels,
    /// or no multiple of sixteen.
    pub fn new(
        isa: Isa,
        input: Extent,
        epsilon: f32,
        (scale, bias): (&[f32], &[f32]),
    ) -> Option<Self> {
        let channels = input.channels;
        let is_sound = channels.is_multiple_of(WIDTH)
            && [scale, bias].iter().all(|values| values.len() == channels);
        let [scale, bias] = [scale, bias].map(|values| in_blocks(values, input.blocks()));
        is_sound.then_some(Self { input, epsilon, scale, bias, isa })
    }

    /// Normalizes some images, on all threads where they share the work.
    pub fn run(&self, is_shared: bool, values: &mut [Values]) {
        with_lanes(self.isa, All { of: self, is_shared, values });
    }
}

struct All<'a> {
    of: &'a LayerNorm,
    is_shared: bool,
    values: &'a mut [Values],
}

impl RunLanes for All<'_> {
    fn run<L: Lanes>(self, lanes: L) {
        let Self { of, is_shared, values } = self;
        let image = of.input.blocks() * of.input.height * of.input.width;
        let run = |values: &mut [Values]| lanes.vectorize(Image { of, values });
        if is_shared {
            values.par_chunks_exact_mut(image).for_each(run);
        } else {
            values.chunks_exact_mut(image).for_each(run);
        }
    }
}

struct Image<'a> {
    of: &'a LayerNorm,
    /// `[block][pixel]`
    values: &'a mut [Values],
}

impl Work for Image<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let LayerNorm { input, epsilon, scale, bias, .. } = self.of;
        let plane = input.height * input.width;
        let channels = input.channels as f32;
        for first in (0..plane).step_by(PIXELS) {
            let pixels = first..plane.min(first + PIXELS);
            let mut means = [Values::ZERO; PIXELS];
            for values in self.values.chunks_exact(plane) {
                for (sum, value) in means.iter_mut().zip(&values[pixels.clone()]) {
                    lanes.store(lanes.add(lanes.load(sum), lanes.load(value)), sum);
                }
            }
            let mut deviations = [Values::ZERO; PIXELS];
            for mean in &mut means {
                *mean = Values([total(mean) / channels; WIDTH]);
            }
            for values in self.values.chunks_exact(plane) {
                let sums = deviations.iter_mut().zip(&means);
                for ((sum, mean), value) in sums.zip(&values[pixels.clone()]) {
                    let off = lanes.sub(lanes.load(value), lanes.load(mean));
                    lanes.store(lanes.mul_add(off, off, lanes.load(sum)), sum);
                }
            }
            for sum in &mut deviations {
                *sum = Values([1.0 / (total(sum) / channels + epsilon).sqrt(); WIDTH]);
            }
            let weights = scale.iter().zip(bias);
            for (values, (scale, bias)) in self.values.chunks_exact_mut(plane).zip(weights) {
                let moments = means.iter().zip(&deviations);
                for ((mean, deviation), value) in moments.zip(&mut values[pixels.clone()]) {
                    let off = lanes.sub(lanes.load(value), lanes.load(mean));
                    let factor = lanes.mul(lanes.load(deviation), lanes.load(scale));
                    lanes.store(lanes.mul_add(off, factor, lanes.load(bias)), value);
                }
            }
        }
    }
}

/// The sum of sixteen values.
#[inline(always)]
fn total(values: &Values) -> f32 {
    values.0.iter().sum()
}
