//! Sums and products of whole maps, in the memory of the first.

use rayon::prelude::*;

use crate::activation::Activation;
use crate::isa::{Isa, RunLanes, with_lanes};
use crate::lanes::{Lanes, Work};
use crate::values::Values;

/// What is done with each value of a map.
#[derive(Clone, Copy)]
pub struct Each<'a> {
    /// Each channel of each image times one factor, `[image][block]`.
    pub factors: Option<&'a [Values]>,
    /// Added, a map of the same size.
    pub other: Option<&'a [Values]>,
    /// What follows.
    pub activation: Activation,
    /// Pixels of a map.
    pub plane: usize,
}

impl Each<'_> {
    /// Changes `values`, on all threads where they share the work.
    pub fn run(self, isa: Isa, is_shared: bool, values: &mut [Values]) {
        with_lanes(isa, All { each: self, is_shared, values });
    }
}

struct All<'a> {
    each: Each<'a>,
    is_shared: bool,
    values: &'a mut [Values],
}

impl RunLanes for All<'_> {
    fn run<L: Lanes>(self, lanes: L) {
        let Self { each, is_shared, values } = self;
        let run = |(block, values): (usize, &mut [Values])| {
            lanes.vectorize(Plane { each, block, values });
        };
        if is_shared {
            values.par_chunks_exact_mut(each.plane).enumerate().for_each(run);
        } else {
            values.chunks_exact_mut(each.plane).enumerate().for_each(run);
        }
    }
}

struct Plane<'a> {
    each: Each<'a>,
    /// Which block of channels, over all images.
    block: usize,
    values: &'a mut [Values],
}

impl Work for Plane<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Each { factors, other, activation, plane } = self.each;
        let factor = factors.map_or(lanes.splat(1.0), |factors| lanes.load(&factors[self.block]));
        let other = other.map(|other| &other[self.block * plane..][..plane]);
        for (index, into) in self.values.iter_mut().enumerate() {
            let mut value = lanes.mul(lanes.load(into), factor);
            if let Some(other) = other {
                value = lanes.add(value, lanes.load(&other[index]));
            }
            lanes.store(activation.apply(lanes, value), into);
        }
    }
}
