//! Arithmetic on sixteen channels at a time, the one vector type of this crate, on each
//! instruction set.
//!
//! The kernels are written once, in terms of [`Lanes`]. `pulp` detects at run time what the
//! processor supports and wraps the intrinsics, so that vector code needs `unsafe` only for a
//! prefetch hint.

#[cfg_attr(
    not(target_arch = "x86_64"),
    expect(dead_code, reason = "no other processors have a matrix unit that is used here")
)]
pub mod matrix_unit;
#[cfg(target_arch = "x86_64")]
pub mod rounded;
#[cfg(target_arch = "x86_64")]
pub mod x86;

use crate::values::{Values, WIDTH};

/// Work that is compiled once per instruction set. Implementations of `run` are
/// `#[inline(always)]`: the instruction set is a property of the function that they end up in.
pub trait Work {
    /// The result.
    type Output;

    /// Does the work.
    fn run<L: Lanes>(self, lanes: L) -> Self::Output;
}

/// An instruction set that computes on sixteen values.
pub trait Lanes: Copy + Send + Sync + 'static {
    /// Sixteen values in registers.
    type V: Copy;
    /// Columns of a matrix product, each sixteen wide, that are computed together.
    const COLUMNS: usize;
    /// The most rows of a matrix product that are computed together.
    const ROWS: usize;
    /// Whether there is a [`matrix_unit`]. If so, [`Self::split`] prepares operands, and
    /// [`Self::product`] multiplies them.
    const MATRIX_UNIT: bool = false;

    /// Numbers of eight significant bits that a matrix unit's operands are made of: three hold
    /// an `f32`, one is an `f32` rounded.
    const PIECES: usize = matrix_unit::PIECES;

    /// Loads from memory of any alignment.
    fn read(self, values: &[f32; WIDTH]) -> Self::V;
    /// Stores to memory of any alignment.
    fn write(self, value: Self::V, into: &mut [f32; WIDTH]);
    /// The same value sixteen times.
    fn splat(self, value: f32) -> Self::V;
    /// a + b
    fn add(self, a: Self::V, b: Self::V) -> Self::V;
    /// a - b
    fn sub(self, a: Self::V, b: Self::V) -> Self::V;
    /// a × b
    fn mul(self, a: Self::V, b: Self::V) -> Self::V;
    /// a × b + c, in one rounding where the processor can.
    fn mul_add(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// The larger of the two; `b` where one is NaN.
    fn max(self, a: Self::V, b: Self::V) -> Self::V;
    /// `value` where `positive` is positive, zero elsewhere: the derivative of ReLU.
    fn keep(self, value: Self::V, positive: Self::V) -> Self::V;
    /// Rows become columns.
    fn transpose(self, rows: [Self::V; WIDTH]) -> [Self::V; WIDTH];
    /// Splits values into [`Self::PIECES`] numbers of eight significant bits that add up to
    /// them, or are the nearest: those of `first` in the lower half of each element, those
    /// of `second` in the upper half.
    #[inline(always)]
    fn split(self, first: Self::V, _second: Self::V) -> [Self::V; matrix_unit::PIECES] {
        [first; matrix_unit::PIECES]
    }
    /// Up to 32 by 32 sums of products.
    #[inline(always)]
    fn product(self, _task: matrix_unit::Task<'_>, _out: &mut [Values]) {}
    /// Prefetches the values at this distance from these, if there are any.
    #[inline(always)]
    fn prefetch(self, _values: &Values, _distance: usize) {}
    /// Loads from working memory.
    #[inline(always)]
    fn load(self, values: &Values) -> Self::V {
        self.read(&values.0)
    }
    /// Stores to working memory.
    #[inline(always)]
    fn store(self, value: Self::V, into: &mut Values) {
        self.write(value, &mut into.0);
    }
    /// Runs `work` compiled for this instruction set.
    fn vectorize<W: Work>(self, work: W) -> W::Output;
}

/// Plain Rust that the compiler vectorizes for the target's baseline: SSE2, NEON.
#[derive(Debug, Clone, Copy)]
pub struct Portable;

/// Applies `f` element by element, in a form that the compiler vectorizes.
#[inline(always)]
fn each(
    a: [f32; WIDTH],
    b: [f32; WIDTH],
    c: [f32; WIDTH],
    f: impl Fn(f32, f32, f32) -> f32,
) -> [f32; WIDTH] {
    let mut out = [0.0; WIDTH];
    for lane in 0..WIDTH {
        out[lane] = f(a[lane], b[lane], c[lane]);
    }
    out
}

impl Lanes for Portable {
    type V = [f32; WIDTH];
    const COLUMNS: usize = 1;
    const ROWS: usize = if cfg!(target_arch = "aarch64") { 6 } else { 3 };

    #[inline(always)]
    fn read(self, values: &[f32; WIDTH]) -> Self::V {
        *values
    }
    #[inline(always)]
    fn write(self, value: Self::V, into: &mut [f32; WIDTH]) {
        *into = value;
    }
    #[inline(always)]
    fn splat(self, value: f32) -> Self::V {
        [value; WIDTH]
    }
    #[inline(always)]
    fn add(self, a: Self::V, b: Self::V) -> Self::V {
        each(a, b, b, |a, b, _| a + b)
    }
    #[inline(always)]
    fn sub(self, a: Self::V, b: Self::V) -> Self::V {
        each(a, b, b, |a, b, _| a - b)
    }
    #[inline(always)]
    fn mul(self, a: Self::V, b: Self::V) -> Self::V {
        each(a, b, b, |a, b, _| a * b)
    }
    #[inline(always)]
    fn mul_add(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        // On AArch64 the baseline has a fused multiply-add; elsewhere it would be a
        // function call.
        if cfg!(target_arch = "aarch64") {
            each(a, b, c, f32::mul_add)
        } else {
            each(a, b, c, |a, b, c| a * b + c)
        }
    }
    #[inline(always)]
    fn max(self, a: Self::V, b: Self::V) -> Self::V {
        each(a, b, b, |a, b, _| if a > b { a } else { b })
    }
    #[inline(always)]
    fn keep(self, value: Self::V, positive: Self::V) -> Self::V {
        each(
            value,
            positive,
            positive,
            |value, positive, _| if positive > 0.0 { value } else { 0.0 },
        )
    }
    #[inline(always)]
    fn transpose(self, rows: [Self::V; WIDTH]) -> [Self::V; WIDTH] {
        let mut out = [[0.0; WIDTH]; WIDTH];
        for y in 0..WIDTH {
            for x in 0..WIDTH {
                out[x][y] = rows[y][x];
            }
        }
        out
    }
    #[inline(always)]
    fn vectorize<W: Work>(self, work: W) -> W::Output {
        work.run(self)
    }
}
