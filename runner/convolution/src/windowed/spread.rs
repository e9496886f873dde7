//! Windows added back to the maps that they were copied from.

use rayon::prelude::*;

use super::sizes::Windowed;
use crate::isa::RunLanes;
use crate::lanes::{Lanes, Work};
use crate::values::Values;

/// All maps.
pub struct Spread<'a> {
    /// The convolution.
    pub of: &'a Windowed,
    /// `[image][block][tap][place]`
    pub windows: &'a [Values],
    /// `[image][block][pixel]`
    pub out: &'a mut [Values],
}

impl RunLanes for Spread<'_> {
    fn run<L: Lanes>(self, lanes: L) {
        let Self { of, windows, out } = self;
        let plane = of.input.height * of.input.width;
        out.par_chunks_exact_mut(plane).enumerate().for_each(|(index, out)| {
            lanes.vectorize(Plane { of, windows, index, out });
        });
    }
}

/// One block of channels of one image.
struct Plane<'a> {
    of: &'a Windowed,
    windows: &'a [Values],
    /// Of the image and its block.
    index: usize,
    out: &'a mut [Values],
}

impl Work for Plane<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Windowed { input, windows, .. } = self.of;
        let [down, across] = windows.places;
        self.out.fill(Values::ZERO);
        for tap in 0..windows.taps() {
            let values = &self.windows[(self.index * windows.taps() + tap) * down * across..]
                [..down * across];
            let (row, column) = (tap / windows.size[1], tap % windows.size[1]);
            let (inside, left) = windows.reached(column, input.width, 0..across);
            for (y, values) in values.chunks_exact(across).enumerate() {
                let (top, rows) = windows.inside(0, y, input.height);
                if !rows.contains(&row) {
                    continue;
                }
                let start = (top + row as isize) as usize * input.width + left;
                for (index, value) in values[inside.clone()].iter().enumerate() {
                    let into = &mut self.out[start + index * windows.stride];
                    lanes.store(lanes.add(lanes.load(into), lanes.load(value)), into);
                }
            }
        }
    }
}
