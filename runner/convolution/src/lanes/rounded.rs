//! Products of numbers that are rounded to eight significant bits (bfloat16), with sums in `f32`:
//! on a matrix unit, or by AVX-512's own instruction.
//!
//! Operands lie as they do for a [`matrix_unit`](super::matrix_unit), with one piece instead of
//! three, which is a sixth of the products.

use std::arch::x86_64::{__m512, __m512bh, _mm512_dpbf16_ps, _mm512_set1_ps, _mm512_setzero_ps};
use std::mem::transmute;
use std::sync::OnceLock;

use bytemuck::cast;
use pulp::x86::V4;

use super::matrix_unit::{MatrixUnit, ROWS, Task, lines};
use super::x86::Unit;
use crate::values::{Values, WIDTH};

/// Proof that AVX-512 multiplies bfloat16 (AVX512-BF16).
#[derive(Debug, Clone, Copy)]
pub struct Pairs(());

impl Pairs {
    /// Available where the processor has it.
    pub fn try_new() -> Option<Self> {
        static IS_THERE: OnceLock<bool> = OnceLock::new();
        let detect = || V4::try_new().is_some() && is_x86_feature_detected!("avx512bf16");
        IS_THERE.get_or_init(detect).then_some(Self(()))
    }
}

impl Unit for Pairs {
    const IS_THERE: bool = true;
    const PIECES: usize = 1;

    #[inline(always)]
    #[allow(unsafe_code)]
    fn product(self, task: Task<'_>, out: &mut [Values]) {
        assert!(task.fits(out, 1), "the operands of a product are too short");
        // SAFETY: there is a `Pairs` only where the processor has these instructions.
        unsafe { all_rows(&task, out) }
    }
}

/// The most rows that are computed together.
const TOGETHER: usize = 14;

/// Computes a task, as many rows at a time as there are registers for.
#[target_feature(enable = "avx512f,avx512bf16")]
fn all_rows(task: &Task<'_>, out: &mut [Values]) {
    let (out, _) = out.as_chunks_mut::<2>();
    let parts = task.rows.div_ceil(TOGETHER);
    let mut done = 0;
    for part in 0..parts {
        let size = (task.rows - done).div_ceil(parts - part);
        some_rows(task, (done, size), &mut out[done..]);
        done += size;
    }
}

#[target_feature(enable = "avx512f,avx512bf16")]
fn some_rows(task: &Task<'_>, (first, size): (usize, usize), out: &mut [[Values; 2]]) {
    macro_rules! sizes {
        ($($size:literal)*) => {
            match size {
                $($size => rows::<$size>(task, first, out),)*
                _ => {}
            }
        };
    }
    sizes!(1 2 3 4 5 6 7 8 9 10 11 12 13 14);
}

/// `R` rows from row `first` on, with all sums in registers.
#[inline]
#[target_feature(enable = "avx512f,avx512bf16")]
fn rows<const R: usize>(task: &Task<'_>, first: usize, out: &mut [[Values; 2]]) {
    let Some(out) = out.first_chunk_mut::<R>() else {
        return;
    };
    let mut sums = [[_mm512_setzero_ps(); 2]; R];
    if task.accumulate {
        for r in 0..R {
            sums[r] = out[r].map(|values| cast(values.0));
        }
    }
    let units = task.right.chunks_exact(lines(1)).take(task.units);
    for (unit, right) in units.enumerate() {
        let left = task.left[unit * task.stride + first..].first_chunk::<R>();
        let (Some(left), [right, other]) = (left, right.as_chunks::<WIDTH>().0) else {
            return;
        };
        for pair in 0..WIDTH {
            let columns = [pairs(cast(right[pair].0)), pairs(cast(other[pair].0))];
            for r in 0..R {
                let values = pairs(_mm512_set1_ps(left[r].0[pair]));
                for n in 0..2 {
                    sums[r][n] = _mm512_dpbf16_ps(sums[r][n], values, columns[n]);
                }
            }
        }
    }
    for r in 0..R {
        out[r] = sums[r].map(|sum| Values(cast(sum)));
    }
}

/// The same bits as pairs of bfloat16.
#[inline]
#[target_feature(enable = "avx512f,avx512bf16")]
#[allow(unsafe_code)]
fn pairs(bits: __m512) -> __m512bh {
    // SAFETY: both are 64 bytes, and all bits are values of either.
    unsafe { transmute(bits) }
}

/// A matrix unit that multiplies numbers which are rounded, not split.
#[derive(Debug, Clone, Copy)]
pub struct RoundedUnit(MatrixUnit);

impl RoundedUnit {
    /// Available where there is a [`MatrixUnit`].
    pub fn try_new() -> Option<Self> {
        MatrixUnit::try_new().map(Self)
    }
}

impl Unit for RoundedUnit {
    const IS_THERE: bool = true;
    const PIECES: usize = 1;

    #[inline(always)]
    fn product(self, task: Task<'_>, out: &mut [Values]) {
        assert!(task.fits(out, 1), "the operands of a product are too short");
        #[cfg(target_os = "linux")]
        unit::product(self.0, &task, out);
    }
}

#[cfg(target_os = "linux")]
mod unit {
    use std::arch::asm;

    use super::{MatrixUnit, ROWS, Task, Values, lines};
    use crate::lanes::matrix_unit::unit::{LINE, Shapes};

    /// Computes a task whose operands were checked.
    #[inline(always)]
    #[allow(unsafe_code, clippy::too_many_lines)]
    pub fn product(_: MatrixUnit, task: &Task<'_>, out: &mut [Values]) {
        debug_assert!(task.rows <= ROWS);
        let shapes = Shapes::new(task.rows);
        let next = task.next.map_or(task.left.as_ptr(), |next| next.left);
        // SAFETY: the caller has checked that everything that is read and written lies
        // within the slices, and there is a `MatrixUnit` only where these instructions
        // may be used. The tile registers belong to this block from `ldtilecfg` to
        // `tilerelease`. A prefetch is only a hint.
        unsafe {
            asm!(
                "ldtilecfg [{shapes}]",
                "test {accumulate:e}, {accumulate:e}",
                "jz 2f",
                "tileloadd tmm0, [{out} + {line}*2]",
                "tileloadd tmm1, [{out} + {line}*2 + 64]",
                "tileloadd tmm2, [{out} + {line}*2 + 2048]",
                "tileloadd tmm3, [{out} + {line}*2 + 2112]",
                "jmp 3f",
                "2:",
                "tilezero tmm0",
                "tilezero tmm1",
                "tilezero tmm2",
                "tilezero tmm3",
                "3:",
                "tileloadd tmm4, [{left} + {line}*1]",
                "tileloadd tmm6, [{right} + {line}*1]",
                "tileloadd tmm7, [{right} + {line}*1 + 1024]",
                "tileloadd tmm5, [{left} + {line}*1 + 1024]",
                "tdpbf16ps tmm0, tmm4, tmm6",
                "tdpbf16ps tmm1, tmm4, tmm7",
                "tdpbf16ps tmm2, tmm5, tmm6",
                "tdpbf16ps tmm3, tmm5, tmm7",
                ".rept 4",
                "prefetcht1 [{next}]",
                "add {next}, {line}",
                ".endr",
                "add {left}, {stride}",
                "add {right}, {unit}",
                "dec {units}",
                "jnz 3b",
                "tilestored [{out} + {line}*2], tmm0",
                "tilestored [{out} + {line}*2 + 64], tmm1",
                "tilestored [{out} + {line}*2 + 2048], tmm2",
                "tilestored [{out} + {line}*2 + 2112], tmm3",
                "tilerelease",
                unit = const lines(1) * LINE,
                shapes = in(reg) &raw const shapes,
                accumulate = in(reg) u32::from(task.accumulate),
                left = inout(reg) task.left.as_ptr() => _,
                stride = in(reg) task.stride * LINE,
                right = inout(reg) task.right.as_ptr() => _,
                line = in(reg) LINE,
                units = inout(reg) task.units => _,
                out = in(reg) out.as_mut_ptr(),
                next = inout(reg) next => _,
                out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                options(nostack),
            );
        }
    }
}
