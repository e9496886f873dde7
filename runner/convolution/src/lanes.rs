//! Sixteen channels at a time: the one vector type of this crate, on whatever the processor has.
//!
//! Everything above is written once against [`Lanes`]. `pulp` finds out at run time what the
//! processor can do and holds the intrinsics, so the one `unsafe` here is a prefetch hint.

pub mod matrix_unit;
#[cfg(target_arch = "x86_64")]
pub mod x86;

use crate::values::{Values, WIDTH};

/// Work that is compiled once per instruction set. Implementations of `run` are
/// `#[inline(always)]`: the instruction set is a property of the function that they end up in.
pub trait Work {
    /// What comes out.
    type Output;

    /// Does it.
    fn run<L: Lanes>(self, lanes: L) -> Self::Output;
}

/// An instruction set that computes on sixteen values.
pub trait Lanes: Copy + Send + Sync + 'static {
    /// Sixteen values in registers.
    type V: Copy;
    /// Sixteen-wide columns of a matrix product that are computed together.
    const COLUMNS: usize;
    /// Rows of a matrix product that are computed together, at most.
    const ROWS: usize;
    /// Whether there is a matrix unit, see [`matrix_unit`]: then [`Self::split`] says how operands
    /// lie, and [`Self::product`] multiplies them.
    const MATRIX_UNIT: bool = false;

    /// From memory that may lie anywhere.
    fn read(self, values: &[f32; WIDTH]) -> Self::V;
    /// To memory that may lie anywhere.
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
    /// The larger of the two; `b` where one is not a number.
    fn max(self, a: Self::V, b: Self::V) -> Self::V;
    /// `value` where `positive` is, zero elsewhere: the derivative of ReLU.
    fn keep(self, value: Self::V, positive: Self::V) -> Self::V;
    /// Rows become columns.
    fn transpose(self, rows: [Self::V; WIDTH]) -> [Self::V; WIDTH];
    /// Cuts values into [`matrix_unit::PIECES`] numbers of eight significant bits, whose sum they
    /// are: those of `first` in the lower half of each element, those of `second` in the upper.
    #[inline(always)]
    fn split(self, first: Self::V, _second: Self::V) -> [Self::V; matrix_unit::PIECES] {
        [first; matrix_unit::PIECES]
    }
    /// Up to 32 by 32 sums of products.
    #[inline(always)]
    fn product(self, _task: matrix_unit::Task<'_>, _out: &mut [Values]) {}
    /// Says that the values at this distance from these will be wanted soon, if there are any.
    #[inline(always)]
    fn prefetch(self, _values: &Values, _distance: usize) {}
    /// From working memory.
    #[inline(always)]
    fn load(self, values: &Values) -> Self::V {
        self.read(&values.0)
    }
    /// To working memory.
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

/// Element by element, so that it becomes vector instructions.
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
        // A fused multiply-add is an instruction of the baseline there; elsewhere it would be a
        // call.
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
