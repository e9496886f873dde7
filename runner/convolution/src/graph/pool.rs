//! The largest value or the mean of each window, and the mean of each map.

use rayon::prelude::*;

use super::windows::Windows;
use crate::isa::{Isa, RunLanes, with_lanes};
use crate::lanes::{Lanes, Work};
use crate::shape::Extent;
use crate::values::{Values, WIDTH};

/// What becomes of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pooled {
    /// Its largest value; NaN where one of them is NaN.
    Largest,
    /// The same where what lies outside of the map counts as zeros.
    LargestPadded,
    /// The mean of what lies inside of the map.
    Mean,
}

/// A pool.
#[derive(Clone, Copy)]
pub struct WindowPool {
    /// The size of each map that goes in.
    pub input: Extent,
    /// The windows.
    pub windows: Windows,
    /// What becomes of each.
    pub pooled: Pooled,
    /// The instruction set to compute with.
    pub isa: Isa,
}

impl WindowPool {
    /// The size of each map that comes out.
    pub fn output(&self) -> Extent {
        let [height, width] = self.windows.places;
        Extent { height, width, ..self.input }
    }

    /// Pools some images, on all threads where they share the work.
    pub fn forward(&self, input: &[Values], is_shared: bool, out: &mut [Values]) {
        with_lanes(self.isa, Forward { of: *self, input, is_shared, out });
    }
}

struct Forward<'a> {
    of: WindowPool,
    input: &'a [Values],
    is_shared: bool,
    out: &'a mut [Values],
}

impl RunLanes for Forward<'_> {
    fn run<L: Lanes>(self, lanes: L) {
        let Self { of, input, is_shared, out } = self;
        let (from, to) = (of.input.height * of.input.width, of.output().height * of.output().width);
        let run = |(input, out): (&[Values], &mut [Values])| {
            lanes.vectorize(Plane { of, input, out });
        };
        if is_shared {
            input.par_chunks_exact(from).zip(out.par_chunks_exact_mut(to)).for_each(run);
        } else {
            input.chunks_exact(from).zip(out.chunks_exact_mut(to)).for_each(run);
        }
    }
}

/// One block of channels of one image.
struct Plane<'a> {
    of: WindowPool,
    input: &'a [Values],
    out: &'a mut [Values],
}

impl Work for Plane<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let WindowPool { input, windows, pooled, .. } = self.of;
        let across = windows.places[1];
        for (index, out) in self.out.iter_mut().enumerate() {
            let (top, rows) = windows.inside(0, index / across, input.height);
            let (left, columns) = windows.inside(1, index % across, input.width);
            let count = rows.len() * columns.len();
            let mut values = rows.flat_map(|row| {
                let start = (top + row as isize) as usize * input.width;
                let start = start + (left + columns.start as isize) as usize;
                &self.input[start..][..columns.len()]
            });
            match pooled {
                Pooled::Mean => {
                    let zero = lanes.splat(0.0);
                    let sum = values.fold(zero, |sum, value| lanes.add(sum, lanes.load(value)));
                    lanes.store(lanes.mul(sum, lanes.splat(1.0 / count as f32)), out);
                }
                Pooled::Largest | Pooled::LargestPadded => {
                    let is_padded = pooled == Pooled::LargestPadded && count < windows.taps();
                    let first = if is_padded { Some(&Values::ZERO) } else { values.next() };
                    let Some(mut most) = first.copied() else { continue };
                    for value in values {
                        for lane in 0..WIDTH {
                            let (a, b) = (most.0[lane], value.0[lane]);
                            most.0[lane] = if a > b || a.is_nan() { a } else { b };
                        }
                    }
                    *out = most;
                }
            }
        }
    }
}
