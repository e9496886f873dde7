//! The 2×2 maximum with stride 2, and its gradient.

use rayon::prelude::*;

use crate::isa::{Isa, RunLanes, with_lanes};
use crate::lanes::{Lanes, Work};
use crate::shape::{Extent, Layout};
use crate::values::WIDTH;

/// A 2×2 maximum with stride 2 of a batch of maps.
#[derive(Debug, Clone, Copy)]
pub struct Pool {
    /// The size of each map that goes in. An odd last row or column is dropped.
    pub extent: Extent,
    /// The layout of the maps that go in and of those that come out.
    pub layout: Layout,
}

impl Pool {
    /// Writes the largest value of each square; NaN where one of them is NaN. `input` and `out` hold
    /// the same number of maps.
    ///
    /// # Panics
    ///
    /// Where `extent` is smaller than 2×2.
    pub fn forward(&self, input: &[f32], out: &mut [f32]) {
        with_lanes(Isa::best(), Forward { pool: *self, input, out });
    }

    /// The gradient of the input, from the output's `gradient`: each value goes to the
    /// first of the largest values of its square, and all others get zero.
    ///
    /// # Panics
    ///
    /// Where `extent` is smaller than 2×2.
    pub fn gradient(&self, input: &[f32], gradient: &[f32], out: &mut [f32]) {
        with_lanes(Isa::best(), Backward { pool: *self, input, gradient, out });
    }

    /// Number of values in one plane, before and after.
    fn planes(&self) -> (usize, usize) {
        let pooled = self.extent.pooled();
        let lanes = self.lanes();
        (self.extent.height * self.extent.width * lanes, pooled.height * pooled.width * lanes)
    }

    /// Number of channels that lie together.
    fn lanes(&self) -> usize {
        if self.layout == Layout::Nchw16c { WIDTH } else { 1 }
    }
}

struct Forward<'a> {
    pool: Pool,
    input: &'a [f32],
    out: &'a mut [f32],
}

impl RunLanes for Forward<'_> {
    fn run<L: Lanes>(self, lanes: L) {
        let (from, to) = self.pool.planes();
        let planes = self.input.par_chunks_exact(from).zip(self.out.par_chunks_exact_mut(to));
        planes.for_each(|(input, out)| {
            lanes.vectorize(Plane { pool: self.pool, work: Largest { input, out } });
        });
    }
}

struct Backward<'a> {
    pool: Pool,
    input: &'a [f32],
    gradient: &'a [f32],
    out: &'a mut [f32],
}

impl RunLanes for Backward<'_> {
    fn run<L: Lanes>(self, lanes: L) {
        let (from, to) = self.pool.planes();
        let planes = self.out.par_chunks_exact_mut(from).zip(self.input.par_chunks_exact(from));
        planes.zip(self.gradient.par_chunks_exact(to)).for_each(|((out, input), gradient)| {
            lanes.vectorize(Plane { pool: self.pool, work: Spread { input, gradient, out } });
        });
    }
}

/// What is done with one plane whose pixels have `W` channels.
trait OfPlane {
    fn run<const W: usize>(self, width: usize);
}

struct Plane<P> {
    pool: Pool,
    work: P,
}

impl<P: OfPlane> Work for Plane<P> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, _: L) {
        let width = self.pool.extent.width;
        match self.pool.layout {
            Layout::Nchw => self.work.run::<1>(width),
            Layout::Nchw16c => self.work.run::<WIDTH>(width),
        }
    }
}

/// The larger of the two; NaN, as in Burn, where one of them is NaN.
#[inline(always)]
fn larger(a: f32, b: f32) -> f32 {
    if a > b || a.is_nan() { a } else { b }
}

struct Largest<'a> {
    input: &'a [f32],
    out: &'a mut [f32],
}

impl OfPlane for Largest<'_> {
    #[inline(always)]
    fn run<const W: usize>(self, width: usize) {
        let (input, out) = (self.input.as_chunks::<W>().0, self.out.as_chunks_mut::<W>().0);
        for (pair, out) in input.chunks_exact(2 * width).zip(out.chunks_exact_mut(width / 2)) {
            let (upper, lower) = pair.split_at(width);
            let pairs = upper.as_chunks::<2>().0.iter().zip(lower.as_chunks::<2>().0);
            for (out, (a, b)) in out.iter_mut().zip(pairs) {
                for lane in 0..W {
                    let upper = larger(a[0][lane], a[1][lane]);
                    out[lane] = larger(upper, larger(b[0][lane], b[1][lane]));
                }
            }
        }
    }
}

struct Spread<'a> {
    input: &'a [f32],
    gradient: &'a [f32],
    out: &'a mut [f32],
}

impl OfPlane for Spread<'_> {
    #[inline(always)]
    fn run<const W: usize>(self, width: usize) {
        let (input, gradient) = (self.input.as_chunks::<W>().0, self.gradient.as_chunks::<W>().0);
        let out = self.out.as_chunks_mut::<W>().0;
        let (out, rest) = out.split_at_mut(gradient.len() / (width / 2) * 2 * width);
        rest.fill([0.0; W]);
        let rows = out.chunks_exact_mut(2 * width).zip(input.chunks_exact(2 * width));
        for ((out, input), gradient) in rows.zip(gradient.chunks_exact(width / 2)) {
            let (out_a, out_b) = out.split_at_mut(width);
            let (a, b) = input.split_at(width);
            if width % 2 == 1 {
                out_a[width - 1] = [0.0; W];
                out_b[width - 1] = [0.0; W];
            }
            let outs = out_a.as_chunks_mut::<2>().0.iter_mut().zip(out_b.as_chunks_mut::<2>().0);
            let ins = a.as_chunks::<2>().0.iter().zip(b.as_chunks::<2>().0);
            for (((out_a, out_b), (a, b)), gradient) in outs.zip(ins).zip(gradient) {
                for lane in 0..W {
                    let square = [a[0][lane], a[1][lane], b[0][lane], b[1][lane]];
                    let given = first_of_largest(square, gradient[lane]);
                    [out_a[0][lane], out_a[1][lane], out_b[0][lane], out_b[1][lane]] = given;
                }
            }
        }
    }
}

/// `gradient` at the first of the largest values, zeros elsewhere.
#[inline(always)]
fn first_of_largest(square: [f32; 4], gradient: f32) -> [f32; 4] {
    let top = larger(larger(square[0], square[1]), larger(square[2], square[3]));
    let is = |value: f32| (value == top) | (value.is_nan() & top.is_nan());
    let first = [is(square[0]), is(square[1]), is(square[2])];
    let given = |here: bool| if here { gradient } else { 0.0 };
    let upper = first[0] | first[1];
    [
        given(first[0]),
        given(!first[0] & first[1]),
        given(!upper & first[2]),
        given(!upper & !first[2]),
    ]
}
