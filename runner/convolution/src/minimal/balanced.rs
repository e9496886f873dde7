//! F(4, 3) for products in bfloat16, with points that amplify rounding the least.

use super::{Minimal, pair};
use crate::lanes::Lanes;

/// F(4, 3): six points 0, ±3/4, ±3/2, ∞. Where the factors of its products are rounded to eight
/// bits, VGG16's activations are off by half as much as with the points of [`super::F4`], which
/// take fewer additions.
#[derive(Debug, Clone, Copy)]
pub struct Balanced;

/// The points.
const NEAR: f32 = 0.75;
const FAR: f32 = 1.5;
/// Their squares.
const NEAR_2: f32 = NEAR * NEAR;
const FAR_2: f32 = FAR * FAR;
/// One over the product of a point's distances to the others.
const AT_ZERO: f32 = 1.0 / (NEAR_2 * FAR_2);
const AT_NEAR: f32 = 0.5 / (NEAR_2 * (NEAR_2 - FAR_2));
const AT_FAR: f32 = 0.5 / (FAR_2 * (FAR_2 - NEAR_2));

/// a + weight × b and a - weight × b
#[inline(always)]
fn weighted<L: Lanes>(l: L, a: L::V, weight: f32, b: L::V) -> (L::V, L::V) {
    pair(l, a, l.mul(l.splat(weight), b))
}

/// a + weight × b
#[inline(always)]
fn plus<L: Lanes>(l: L, a: L::V, weight: f32, b: L::V) -> L::V {
    l.mul_add(l.splat(weight), b, a)
}

impl Minimal<4, 6> for Balanced {
    #[inline(always)]
    fn input<L: Lanes>(l: L, d: [L::V; 6]) -> [L::V; 6] {
        let ends = |a: L::V, b: L::V, c: L::V| {
            plus(l, plus(l, c, -(NEAR_2 + FAR_2), b), NEAR_2 * FAR_2, a)
        };
        let near = weighted(l, plus(l, d[4], -FAR_2, d[2]), NEAR, plus(l, d[3], -FAR_2, d[1]));
        let far = weighted(l, plus(l, d[4], -NEAR_2, d[2]), FAR, plus(l, d[3], -NEAR_2, d[1]));
        [ends(d[0], d[2], d[4]), near.0, near.1, far.0, far.1, ends(d[1], d[3], d[5])]
    }
    #[inline(always)]
    fn output<L: Lanes>(l: L, m: [L::V; 6]) -> [L::V; 4] {
        let (s1, d1) = pair(l, m[1], m[2]);
        let (s2, d2) = pair(l, m[3], m[4]);
        let both = |near: f32, a: L::V, far: f32, b: L::V| {
            l.mul_add(l.splat(far), b, l.mul(l.splat(near), a))
        };
        [
            l.add(l.add(m[0], s1), s2),
            both(NEAR, d1, FAR, d2),
            both(NEAR_2, s1, FAR_2, s2),
            l.add(m[5], both(NEAR * NEAR_2, d1, FAR * FAR_2, d2)),
        ]
    }
    #[inline(always)]
    fn filter<L: Lanes>(l: L, g: [L::V; 3]) -> [L::V; 6] {
        let at = |scale: f32, point: f32| {
            let even = l.mul(l.splat(scale), plus(l, g[0], point * point, g[2]));
            weighted(l, even, scale * point, g[1])
        };
        let (near, far) = (at(AT_NEAR, NEAR), at(AT_FAR, FAR));
        [l.mul(l.splat(AT_ZERO), g[0]), near.0, near.1, far.0, far.1, g[2]]
    }
    #[inline(always)]
    fn spread<L: Lanes>(l: L, y: [L::V; 4]) -> [L::V; 6] {
        let at = |point: f32| {
            let square = point * point;
            weighted(l, plus(l, y[0], square, y[2]), point, plus(l, y[1], square, y[3]))
        };
        let (near, far) = (at(NEAR), at(FAR));
        [y[0], near.0, near.1, far.0, far.1, y[3]]
    }
    #[inline(always)]
    fn gather<L: Lanes>(l: L, u: [L::V; 6]) -> [L::V; 3] {
        let (s1, d1) = pair(l, u[1], u[2]);
        let (s2, d2) = pair(l, u[3], u[4]);
        let both = |near: f32, a: L::V, far: f32, b: L::V| {
            l.mul_add(l.splat(far), b, l.mul(l.splat(near), a))
        };
        [
            plus(l, both(AT_NEAR, s1, AT_FAR, s2), AT_ZERO, u[0]),
            both(AT_NEAR * NEAR, d1, AT_FAR * FAR, d2),
            l.add(u[5], both(AT_NEAR * NEAR_2, s1, AT_FAR * FAR_2, s2)),
        ]
    }
}
