//! Minimal filtering F(m, 3): m outputs of a three-tap filter from m + 2 multiplications.
//!
//! `y = Aᵀ[(G g) ⊙ (Bᵀ d)]` (Winograd 1980; Lavin & Gray, "Fast Algorithms for Convolutional
//! Neural Networks", 2015, whose points 0, ±1, ±2, ±1/2, ∞ are used here). In two dimensions each
//! matrix is applied to the columns, then to the rows. The gradient of the filter is the same
//! identity read the other way: `Gᵀ[(A y) ⊙ (Bᵀ d)]`.
//!
//! Points p and -p share their even and odd parts, so a pair costs little more than one point.

mod balanced;

use crate::lanes::Lanes;

pub use balanced::Balanced;

/// The matrices of F(m, 3) as functions; `M` outputs, `N` = M + 2 points.
pub trait Minimal<const M: usize, const N: usize>: Copy + Send + Sync + 'static {
    /// Bᵀ d
    fn input<L: Lanes>(lanes: L, d: [L::V; N]) -> [L::V; N];
    /// Aᵀ m
    fn output<L: Lanes>(lanes: L, m: [L::V; N]) -> [L::V; M];
    /// G g
    fn filter<L: Lanes>(lanes: L, g: [L::V; 3]) -> [L::V; N];
    /// A y
    fn spread<L: Lanes>(lanes: L, y: [L::V; M]) -> [L::V; N];
    /// Gᵀ u
    fn gather<L: Lanes>(lanes: L, u: [L::V; N]) -> [L::V; 3];
}

/// a + b and a - b
#[inline(always)]
fn pair<L: Lanes>(lanes: L, a: L::V, b: L::V) -> (L::V, L::V) {
    (lanes.add(a, b), lanes.sub(a, b))
}

/// A weighted sum.
macro_rules! sum {
    ($lanes:ident; $first:expr $(, $weight:literal * $value:expr)*) => {{
        let total = $first;
        $(let total = $lanes.mul_add($lanes.splat($weight), $value, total);)*
        total
    }};
}

/// F(3, 3): five points 0, 1, -1, 2, ∞. Divides a map of nine exactly.
#[derive(Debug, Clone, Copy)]
pub struct F3;

impl Minimal<3, 5> for F3 {
    #[inline(always)]
    fn input<L: Lanes>(l: L, d: [L::V; 5]) -> [L::V; 5] {
        let inner = l.sub(d[3], d[1]);
        [
            sum!(l; inner, 2.0 * l.sub(d[0], d[2])),
            sum!(l; l.sub(d[3], d[2]), -2.0 * d[1]),
            sum!(l; d[3], 2.0 * d[1], -3.0 * d[2]),
            inner,
            sum!(l; l.sub(d[4], d[2]), -2.0 * inner),
        ]
    }
    #[inline(always)]
    fn output<L: Lanes>(l: L, m: [L::V; 5]) -> [L::V; 3] {
        let (even, odd) = pair(l, m[1], m[2]);
        [
            l.add(l.add(m[0], even), m[3]),
            sum!(l; odd, 2.0 * m[3]),
            sum!(l; l.add(even, m[4]), 4.0 * m[3]),
        ]
    }
    #[inline(always)]
    fn filter<L: Lanes>(l: L, g: [L::V; 3]) -> [L::V; 5] {
        let even = l.add(g[0], g[2]);
        let half = l.splat(-0.5);
        let sixth = l.splat(-1.0 / 6.0);
        [
            l.mul(l.splat(0.5), g[0]),
            l.mul(half, l.add(even, g[1])),
            l.mul(sixth, l.sub(even, g[1])),
            l.mul(l.splat(1.0 / 6.0), sum!(l; g[0], 2.0 * g[1], 4.0 * g[2])),
            g[2],
        ]
    }
    #[inline(always)]
    fn spread<L: Lanes>(l: L, y: [L::V; 3]) -> [L::V; 5] {
        let (plus, minus) = pair(l, l.add(y[0], y[2]), y[1]);
        [y[0], plus, minus, sum!(l; y[0], 2.0 * y[1], 4.0 * y[2]), y[2]]
    }
    #[inline(always)]
    fn gather<L: Lanes>(l: L, u: [L::V; 5]) -> [L::V; 3] {
        let one = l.mul(l.splat(-0.5), u[1]);
        let minus_one = l.mul(l.splat(-1.0 / 6.0), u[2]);
        let two = l.mul(l.splat(1.0 / 6.0), u[3]);
        let (even, odd) = pair(l, one, minus_one);
        [
            sum!(l; l.add(even, two), 0.5 * u[0]),
            sum!(l; odd, 2.0 * two),
            sum!(l; l.add(even, u[4]), 4.0 * two),
        ]
    }
}

/// F(4, 3): six points 0, ±1, ±2, ∞.
#[derive(Debug, Clone, Copy)]
pub struct F4;

impl Minimal<4, 6> for F4 {
    #[inline(always)]
    fn input<L: Lanes>(l: L, d: [L::V; 6]) -> [L::V; 6] {
        let (a, b) = pair(l, sum!(l; d[4], -4.0 * d[2]), sum!(l; d[3], -4.0 * d[1]));
        let inner = l.sub(d[3], d[1]);
        let (c, e) = pair(l, l.sub(d[4], d[2]), l.add(inner, inner));
        [sum!(l; d[4], 4.0 * d[0], -5.0 * d[2]), a, b, c, e, sum!(l; d[5], 4.0 * d[1], -5.0 * d[3])]
    }
    #[inline(always)]
    fn output<L: Lanes>(l: L, m: [L::V; 6]) -> [L::V; 4] {
        let (s1, d1) = pair(l, m[1], m[2]);
        let (s2, d2) = pair(l, m[3], m[4]);
        [
            l.add(l.add(m[0], s1), s2),
            sum!(l; d1, 2.0 * d2),
            sum!(l; s1, 4.0 * s2),
            sum!(l; l.add(d1, m[5]), 8.0 * d2),
        ]
    }
    #[inline(always)]
    fn filter<L: Lanes>(l: L, g: [L::V; 3]) -> [L::V; 6] {
        let sixth = l.splat(-1.0 / 6.0);
        let (a, b) = pair(l, l.mul(sixth, l.add(g[0], g[2])), l.mul(sixth, g[1]));
        let even = l.mul(l.splat(1.0 / 24.0), sum!(l; g[0], 4.0 * g[2]));
        let (c, d) = pair(l, even, l.mul(l.splat(1.0 / 12.0), g[1]));
        [l.mul(l.splat(0.25), g[0]), a, b, c, d, g[2]]
    }
    #[inline(always)]
    fn spread<L: Lanes>(l: L, y: [L::V; 4]) -> [L::V; 6] {
        let (a, b) = pair(l, l.add(y[0], y[2]), l.add(y[1], y[3]));
        let odd = l.mul(l.splat(2.0), sum!(l; y[1], 4.0 * y[3]));
        let (c, d) = pair(l, sum!(l; y[0], 4.0 * y[2]), odd);
        [y[0], a, b, c, d, y[3]]
    }
    #[inline(always)]
    fn gather<L: Lanes>(l: L, u: [L::V; 6]) -> [L::V; 3] {
        let (s1, d1) = pair(l, u[1], u[2]);
        let (s2, d2) = pair(l, u[3], u[4]);
        let s1 = l.mul(l.splat(-1.0 / 6.0), s1);
        let d1 = l.mul(l.splat(-1.0 / 6.0), d1);
        let s2 = l.mul(l.splat(1.0 / 24.0), s2);
        let d2 = l.mul(l.splat(1.0 / 12.0), d2);
        [sum!(l; l.add(s1, s2), 0.25 * u[0]), l.add(d1, d2), sum!(l; l.add(s1, u[5]), 4.0 * s2)]
    }
}

/// F(6, 3): eight points 0, ±1, ±2, ±1/2, ∞.
#[derive(Debug, Clone, Copy)]
pub struct F6;

impl Minimal<6, 8> for F6 {
    #[inline(always)]
    fn input<L: Lanes>(l: L, d: [L::V; 8]) -> [L::V; 8] {
        let one = pair(
            l,
            sum!(l; l.add(d[2], d[6]), -4.25 * d[4]),
            sum!(l; l.add(d[1], d[5]), -4.25 * d[3]),
        );
        let odd = l.mul(l.splat(0.5), d[1]);
        let two = pair(
            l,
            sum!(l; d[6], 0.25 * d[2], -1.25 * d[4]),
            sum!(l; odd, -2.5 * d[3], 2.0 * d[5]),
        );
        let odd = l.mul(l.splat(2.0), d[1]);
        let half =
            pair(l, sum!(l; d[6], 4.0 * d[2], -5.0 * d[4]), sum!(l; odd, -2.5 * d[3], 0.5 * d[5]));
        [
            sum!(l; l.sub(d[0], d[6]), 5.25 * l.sub(d[4], d[2])),
            one.0,
            one.1,
            two.0,
            two.1,
            half.0,
            half.1,
            sum!(l; l.sub(d[7], d[1]), 5.25 * l.sub(d[3], d[5])),
        ]
    }
    #[inline(always)]
    fn output<L: Lanes>(l: L, m: [L::V; 8]) -> [L::V; 6] {
        let (s1, d1) = pair(l, m[1], m[2]);
        let (s2, d2) = pair(l, m[3], m[4]);
        let (s3, d3) = pair(l, m[5], m[6]);
        [
            l.add(l.add(m[0], s1), l.add(s2, s3)),
            sum!(l; d1, 2.0 * d2, 0.5 * d3),
            sum!(l; s1, 4.0 * s2, 0.25 * s3),
            sum!(l; d1, 8.0 * d2, 0.125 * d3),
            sum!(l; s1, 16.0 * s2, 0.0625 * s3),
            sum!(l; l.add(d1, m[7]), 32.0 * d2, 0.03125 * d3),
        ]
    }
    #[inline(always)]
    fn filter<L: Lanes>(l: L, g: [L::V; 3]) -> [L::V; 8] {
        let ninths = l.splat(-2.0 / 9.0);
        let one = pair(l, l.mul(ninths, l.add(g[0], g[2])), l.mul(ninths, g[1]));
        let even = l.mul(l.splat(1.0 / 90.0), sum!(l; g[0], 4.0 * g[2]));
        let two = pair(l, even, l.mul(l.splat(1.0 / 45.0), g[1]));
        let even = l.mul(l.splat(8.0 / 45.0), sum!(l; g[2], 4.0 * g[0]));
        let half = pair(l, even, l.mul(l.splat(16.0 / 45.0), g[1]));
        [g[0], one.0, one.1, two.0, two.1, half.0, half.1, g[2]]
    }
    #[inline(always)]
    fn spread<L: Lanes>(l: L, y: [L::V; 6]) -> [L::V; 8] {
        let one = pair(l, l.add(l.add(y[0], y[2]), y[4]), l.add(l.add(y[1], y[3]), y[5]));
        let odd = l.mul(l.splat(2.0), y[1]);
        let two =
            pair(l, sum!(l; y[0], 4.0 * y[2], 16.0 * y[4]), sum!(l; odd, 8.0 * y[3], 32.0 * y[5]));
        let odd = l.mul(l.splat(0.5), y[1]);
        let half = pair(
            l,
            sum!(l; y[0], 0.25 * y[2], 0.0625 * y[4]),
            sum!(l; odd, 0.125 * y[3], 0.03125 * y[5]),
        );
        [y[0], one.0, one.1, two.0, two.1, half.0, half.1, y[5]]
    }
    #[inline(always)]
    fn gather<L: Lanes>(l: L, u: [L::V; 8]) -> [L::V; 3] {
        let (s1, d1) = pair(l, u[1], u[2]);
        let (s2, d2) = pair(l, u[3], u[4]);
        let (s3, d3) = pair(l, u[5], u[6]);
        let s1 = l.mul(l.splat(-2.0 / 9.0), s1);
        let s2 = l.mul(l.splat(1.0 / 90.0), s2);
        let s3 = l.mul(l.splat(8.0 / 45.0), s3);
        let d1 = l.mul(l.splat(-2.0 / 9.0), d1);
        let d2 = l.mul(l.splat(1.0 / 45.0), d2);
        let d3 = l.mul(l.splat(16.0 / 45.0), d3);
        [
            sum!(l; l.add(l.add(u[0], s1), s2), 4.0 * s3),
            l.add(l.add(d1, d2), d3),
            sum!(l; l.add(l.add(u[7], s1), s3), 4.0 * s2),
        ]
    }
}
