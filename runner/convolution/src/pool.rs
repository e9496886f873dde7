//! 2×2 maximum with stride 2, and its gradient, on planar maps.

use rayon::prelude::*;

use crate::Level;
use crate::lanes::{Lanes, Work};
use crate::map::Extent;
use crate::tile::{RunLanes, with_lanes};

/// `[planes, height, width]` to `[planes, height / 2, width / 2]`.
pub fn max_pool(input: &[f32], extent: Extent, out: &mut [f32]) {
    with_lanes(Level::best(), Forward { input, extent, out });
}

/// The gradient at the input: each output's goes to the first of its largest values.
pub fn max_pool_gradient(input: &[f32], extent: Extent, gradient: &[f32], out: &mut [f32]) {
    with_lanes(Level::best(), Backward { input, extent, gradient, out });
}

struct Forward<'a> {
    input: &'a [f32],
    extent: Extent,
    out: &'a mut [f32],
}

impl RunLanes for Forward<'_> {
    fn run<L: Lanes>(self, lanes: L) {
        let (extent, to) = (self.extent, self.extent.pooled());
        let planes = self.input.par_chunks_exact(extent.height * extent.width);
        planes
            .zip(self.out.par_chunks_exact_mut(to.height * to.width))
            .for_each(|(input, out)| lanes.vectorize(Pool { input, width: extent.width, out }));
    }
}

/// One plane.
struct Pool<'a> {
    input: &'a [f32],
    width: usize,
    out: &'a mut [f32],
}

impl Work for Pool<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, _: L) {
        let rows = self.input.chunks_exact(2 * self.width);
        for (pair, out) in rows.zip(self.out.chunks_exact_mut(self.width / 2)) {
            let (upper, lower) = pair.split_at(self.width);
            let upper = upper.as_chunks::<2>().0;
            let lower = lower.as_chunks::<2>().0;
            for ((out, a), b) in out.iter_mut().zip(upper).zip(lower) {
                *out = larger(larger(a[0], a[1]), larger(b[0], b[1]));
            }
        }
    }
}

/// As in Burn, a value that is not a number stays.
#[inline(always)]
fn larger(a: f32, b: f32) -> f32 {
    if a > b || a.is_nan() { a } else { b }
}

struct Backward<'a> {
    input: &'a [f32],
    extent: Extent,
    gradient: &'a [f32],
    out: &'a mut [f32],
}

impl RunLanes for Backward<'_> {
    fn run<L: Lanes>(self, lanes: L) {
        let (extent, to) = (self.extent, self.extent.pooled());
        let plane = extent.height * extent.width;
        let planes = self.out.par_chunks_exact_mut(plane).zip(self.input.par_chunks_exact(plane));
        planes.zip(self.gradient.par_chunks_exact(to.height * to.width)).for_each(
            |((out, input), gradient)| {
                lanes.vectorize(Spread { input, width: extent.width, gradient, out });
            },
        );
    }
}

/// One plane.
struct Spread<'a> {
    input: &'a [f32],
    width: usize,
    gradient: &'a [f32],
    out: &'a mut [f32],
}

impl Work for Spread<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, _: L) {
        let width = self.width;
        let (out, rest) = self.out.split_at_mut(self.gradient.len() / (width / 2) * 2 * width);
        rest.fill(0.0);
        let rows = out.chunks_exact_mut(2 * width).zip(self.input.chunks_exact(2 * width));
        for ((out, input), gradient) in rows.zip(self.gradient.chunks_exact(width / 2)) {
            let (out_a, out_b) = out.split_at_mut(width);
            let (a, b) = input.split_at(width);
            if width % 2 == 1 {
                out_a[width - 1] = 0.0;
                out_b[width - 1] = 0.0;
            }
            let outs = out_a.as_chunks_mut::<2>().0.iter_mut().zip(out_b.as_chunks_mut::<2>().0);
            let ins = a.as_chunks::<2>().0.iter().zip(b.as_chunks::<2>().0);
            for (((out_a, out_b), (a, b)), gradient) in outs.zip(ins).zip(gradient) {
                let top = larger(larger(a[0], a[1]), larger(b[0], b[1]));
                let is = |value: f32| (value == top) | (value.is_nan() & top.is_nan());
                let first = [is(a[0]), is(a[1]), is(b[0])];
                let given = |here: bool| if here { *gradient } else { 0.0 };
                *out_a = [given(first[0]), given(!first[0] & first[1])];
                let upper = first[0] | first[1];
                *out_b = [given(!upper & first[2]), given(!upper & !first[2])];
            }
        }
    }
}
