//! 2×2 maximum with stride 2, and its gradient, on planar maps.

use rayon::prelude::*;

use crate::map::Extent;

/// `[planes, height, width]` to `[planes, height / 2, width / 2]`.
pub fn max_pool(input: &[f32], extent: Extent, out: &mut [f32]) {
    let to = extent.pooled();
    let planes = input.par_chunks_exact(extent.height * extent.width);
    planes.zip(out.par_chunks_exact_mut(to.height * to.width)).for_each(|(input, out)| {
        let rows = input.chunks_exact(2 * extent.width);
        for (pair, out) in rows.zip(out.chunks_exact_mut(to.width)) {
            let (upper, lower) = pair.split_at(extent.width);
            let upper = upper.as_chunks::<2>().0;
            let lower = lower.as_chunks::<2>().0;
            for ((out, a), b) in out.iter_mut().zip(upper).zip(lower) {
                *out = larger(larger(a[0], a[1]), larger(b[0], b[1]));
            }
        }
    });
}

/// As in Burn, a value that is not a number stays.
#[inline(always)]
fn larger(a: f32, b: f32) -> f32 {
    if a > b || a.is_nan() { a } else { b }
}

/// The gradient at the input: each output's goes to the first of its largest values.
pub fn max_pool_gradient(input: &[f32], extent: Extent, gradient: &[f32], out: &mut [f32]) {
    let to = extent.pooled();
    let width = extent.width;
    let plane = extent.height * width;
    let planes = out.par_chunks_exact_mut(plane).zip(input.par_chunks_exact(plane));
    let planes = planes.zip(gradient.par_chunks_exact(to.height * to.width));
    planes.for_each(|((out, input), gradient)| {
        if to.height * 2 < extent.height {
            out[to.height * 2 * width..].fill(0.0);
        }
        let rows = out.chunks_exact_mut(2 * width).zip(input.chunks_exact(2 * width));
        for ((out, input), gradient) in rows.zip(gradient.chunks_exact(to.width)) {
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
                let is = |value: f32| value == top || (value.is_nan() && top.is_nan());
                let first = [is(a[0]), is(a[1]), is(b[0])];
                out_a[0] = if first[0] { *gradient } else { 0.0 };
                out_a[1] = if !first[0] && first[1] { *gradient } else { 0.0 };
                out_b[0] = if !first[0] && !first[1] && first[2] { *gradient } else { 0.0 };
                out_b[1] = if first == [false; 3] { *gradient } else { 0.0 };
            }
        }
    });
}
