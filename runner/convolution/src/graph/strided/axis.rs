//! Minimal filtering of every other output of a three-tap filter, along one axis.
//!
//! The outer taps of neighbouring outputs meet the same pixels, every other one: on these they are a
//! two-tap filter, for which F(m, 2) takes m + 1 multiplications for m outputs (Winograd 1980). The
//! middle tap meets the pixels between them, each of which belongs to one output. With m = 4 that makes
//! nine multiplications for four outputs instead of twelve.
//!
//! A tile at the end of a row has fewer outputs, and leaves out as many points. What filters are
//! transformed to does not depend on that: the scale that does is in the transform of the pixels.

use crate::lanes::Lanes;
use crate::matrix::Matrix;
use crate::minimal::{F3, Minimal};

/// Outputs of a whole tile.
pub const OUTPUTS: usize = 4;

/// Points of the outer taps: 0, 1, -1, 2, ∞. The outer taps of a tile meet as many pixels.
pub const OUTER: usize = OUTPUTS + 1;

/// Pixels that the outputs of a tile are computed from: those of the outer taps, and between them those
/// of the middle tap.
pub const SIDE: usize = OUTER + OUTPUTS;

/// What a filter is transformed to: a factor for each point of the outer taps, and the middle tap.
pub const FACTORS: usize = OUTER + 1;

/// Whether a tile with this many outputs has a point.
#[inline(always)]
pub const fn has_point(outputs: usize, point: usize) -> bool {
    point < outputs || point == OUTER - 1
}

/// Bᵀ of F(m, 2) for m `outputs`, times what [`Taps`] divides by for four. Zero where there is no point.
#[inline(always)]
pub fn split<L: Lanes>(l: L, d: [L::V; OUTER], outputs: usize) -> [L::V; OUTER] {
    let (zero, two) = (l.splat(0.0), l.splat(2.0));
    match outputs {
        1 => [l.mul(two, d[0]), zero, zero, zero, d[1]],
        2 => {
            let first = l.mul(two, l.sub(d[0], d[1]));
            [first, l.mul(l.splat(-2.0), d[1]), zero, zero, l.sub(d[2], d[1])]
        }
        3 => {
            let one = l.mul(l.splat(-1.0), l.add(d[1], d[2]));
            let minus_one = l.mul(l.splat(3.0), l.sub(d[1], d[2]));
            [l.mul(two, l.sub(d[0], d[2])), one, minus_one, zero, l.sub(d[3], d[1])]
        }
        // The same for three taps: it depends on the points alone.
        _ => <F3 as Minimal<3, OUTER>>::input(l, d),
    }
}

/// Aᵀ of F(m, 2), the powers of the points, for m `outputs`; zeros where there is no point.
#[inline(always)]
pub fn join<L: Lanes>(l: L, m: [L::V; OUTER], outputs: usize) -> [L::V; OUTPUTS] {
    let (even, odd) = (l.add(m[1], m[2]), l.sub(m[1], m[2]));
    let plus = |value: L::V, weight: f32| l.mul_add(l.splat(weight), m[3], value);
    let mut sums =
        [l.add(l.add(m[0], even), m[3]), plus(odd, 2.0), plus(even, 4.0), plus(odd, 8.0)];
    let zero = l.splat(0.0);
    for (index, sum) in sums.iter_mut().enumerate() {
        *sum = l.add(*sum, if index + 1 == outputs { m[4] } else { zero });
    }
    sums
}

/// A of F(m, 2) for m `outputs`, behind which zeros stand: polynomials with these coefficients at the
/// points.
#[inline(always)]
pub fn spread<L: Lanes>(l: L, y: [L::V; OUTPUTS], outputs: usize) -> [L::V; OUTER] {
    let (even, odd) = (l.add(y[0], y[2]), l.add(y[1], y[3]));
    let plus = |weight: f32, value: L::V, sum: L::V| l.mul_add(l.splat(weight), value, sum);
    let two = plus(8.0, y[3], plus(4.0, y[2], plus(2.0, y[1], y[0])));
    let mut last = y[0];
    for (index, value) in y.into_iter().enumerate() {
        if index + 1 == outputs {
            last = value;
        }
    }
    [y[0], l.add(even, odd), l.sub(even, odd), two, last]
}

/// From the gradients of the factors to those of the taps.
pub struct Gather;

impl Matrix<FACTORS, 3> for Gather {
    #[inline(always)]
    fn apply<L: Lanes>(lanes: L, u: [L::V; FACTORS]) -> [L::V; 3] {
        let points = [u[0], u[1], u[2], u[3], lanes.splat(0.0)];
        let [first, last, _] = <F3 as Minimal<3, OUTER>>::gather(lanes, points);
        [first, u[5], lanes.add(last, u[4])]
    }
}

/// From the taps to the factors.
pub struct Taps;

impl Matrix<3, FACTORS> for Taps {
    #[inline(always)]
    fn apply<L: Lanes>(lanes: L, g: [L::V; 3]) -> [L::V; FACTORS] {
        // Those of three taps, the last of which is zero, up to the point ∞.
        let taps = [g[0], g[2], lanes.splat(0.0)];
        let [a, b, c, d, _] = <F3 as Minimal<3, OUTER>>::filter(lanes, taps);
        [a, b, c, d, g[2], g[1]]
    }
}
