//! The matrices of minimal filtering as types, and how they are applied to a square.

use crate::lanes::Lanes;
use crate::minimal::{Balanced, F3, F4, F6, Minimal};
use crate::values::Values;

/// Values on a square: `values[y × down + x × right]`.
#[derive(Debug, Clone, Copy)]
pub struct Grid<'a> {
    /// The values, from the upper left corner on.
    pub values: &'a [Values],
    /// Distance from one row to the next.
    pub down: usize,
    /// Distance from one column to the next.
    pub right: usize,
}

/// One of the matrices, as a type.
pub trait Matrix<const I: usize, const O: usize>: Send + 'static {
    /// Applies it to one column.
    fn apply<L: Lanes>(lanes: L, column: [L::V; I]) -> [L::V; O];
}

/// Bᵀ
pub struct Input<T>(T);
/// Aᵀ
pub struct Output<T>(T);
/// G
pub struct Filter<T>(T);
/// A
pub struct Spread<T>(T);
/// Gᵀ
pub struct Gather<T>(T);

/// The matrices of F(m, 3) as types.
pub trait Tiling<const M: usize, const N: usize>: Minimal<M, N> {
    /// Bᵀ
    type Input: Matrix<N, N>;
    /// Aᵀ
    type Output: Matrix<N, M>;
    /// G
    type Filter: Matrix<3, N>;
    /// A
    type Spread: Matrix<M, N>;
    /// Gᵀ
    type Gather: Matrix<N, 3>;
}

macro_rules! tilings {
    ($($tile:ty: $m:literal, $n:literal;)*) => {$(
        impl Tiling<$m, $n> for $tile {
            type Input = Input<$tile>;
            type Output = Output<$tile>;
            type Filter = Filter<$tile>;
            type Spread = Spread<$tile>;
            type Gather = Gather<$tile>;
        }
        tilings!(@ Input, $tile, input, $m, $n, $n, $n);
        tilings!(@ Output, $tile, output, $m, $n, $n, $m);
        tilings!(@ Filter, $tile, filter, $m, $n, 3, $n);
        tilings!(@ Spread, $tile, spread, $m, $n, $m, $n);
        tilings!(@ Gather, $tile, gather, $m, $n, $n, 3);
    )*};
    (@ $name:ident, $t:ty, $function:ident, $m:literal, $n:literal, $i:literal, $o:literal) => {
        impl Matrix<$i, $o> for $name<$t> {
            #[inline(always)]
            fn apply<L: Lanes>(lanes: L, column: [L::V; $i]) -> [L::V; $o] {
                <$t as Minimal<$m, $n>>::$function(lanes, column)
            }
        }
    };
}
tilings!(F3: 3, 5; F4: 4, 6; Balanced: 4, 6; F6: 6, 8;);

/// Applies the matrix to the columns of a square, then to its rows.
#[inline(always)]
pub fn square<A: Matrix<I, O>, L: Lanes, const I: usize, const O: usize>(
    lanes: L,
    grid: Grid<'_>,
) -> [[L::V; O]; O] {
    let zero = lanes.splat(0.0);
    let mut half = [[zero; I]; O];
    for x in 0..I {
        let mut column = [zero; I];
        for y in 0..I {
            column[y] = lanes.load(&grid.values[y * grid.down + x * grid.right]);
        }
        let column = A::apply(lanes, column);
        for y in 0..O {
            half[y][x] = column[y];
        }
    }
    let mut whole = [[zero; O]; O];
    for y in 0..O {
        whole[y] = A::apply(lanes, half[y]);
    }
    whole
}
