//! AVX2 with FMA, and AVX-512.

use std::arch::x86_64::{
    __m256, __m512, __m512i, _CMP_GT_OQ, _CMP_UNORD_Q, _MM_HINT_T0, _mm_prefetch,
};

use bytemuck::cast;
use pulp::NullaryFnOnce;
use pulp::x86::{V3, V4};

use super::matrix_unit::{MatrixUnit, PIECES, Task};
use super::{Lanes, Work};
use crate::values::{Values, WIDTH};

/// Carries work into the function that is compiled for the instruction set.
struct Carrier<L, W>(L, W);

impl<L: Lanes, W: Work> NullaryFnOnce for Carrier<L, W> {
    type Output = W::Output;

    #[inline(always)]
    fn call(self) -> W::Output {
        self.1.run(self.0)
    }
}

#[inline(always)]
#[allow(unsafe_code)]
fn prefetch(values: &Values, distance: usize) {
    let wanted = std::ptr::from_ref(values).wrapping_add(distance);
    // SAFETY: a prefetch is a hint; it reads nothing and cannot fault, whatever the address.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(wanted.cast()) }
}

/// AVX-512: thirty-two registers of sixteen values. With or without a matrix unit.
#[derive(Debug, Clone, Copy)]
pub struct Wide<U>(pub V4, pub U);

/// A matrix unit beside AVX-512, or none.
pub trait Unit: Copy + Send + Sync + 'static {
    /// Whether there is one.
    const IS_THERE: bool;
    /// Numbers that each factor is split into; 1: it is rounded.
    const PIECES: usize = PIECES;
    /// Computes `task`.
    fn product(self, task: Task<'_>, out: &mut [Values]);
}

impl Unit for () {
    const IS_THERE: bool = false;
    #[inline(always)]
    fn product(self, _: Task<'_>, _: &mut [Values]) {}
}

impl Unit for MatrixUnit {
    const IS_THERE: bool = true;
    #[inline(always)]
    fn product(self, task: Task<'_>, out: &mut [Values]) {
        MatrixUnit::product(self, task, out);
    }
}

impl<U: Unit> Lanes for Wide<U> {
    type V = __m512;
    const COLUMNS: usize = 2;
    const ROWS: usize = 14;
    const MATRIX_UNIT: bool = U::IS_THERE;
    const PIECES: usize = U::PIECES;

    #[inline(always)]
    fn read(self, values: &[f32; WIDTH]) -> __m512 {
        cast(*values)
    }
    #[inline(always)]
    fn write(self, value: __m512, into: &mut [f32; WIDTH]) {
        *into = cast(value);
    }
    #[inline(always)]
    fn splat(self, value: f32) -> __m512 {
        self.0.avx512f._mm512_set1_ps(value)
    }
    #[inline(always)]
    fn add(self, a: __m512, b: __m512) -> __m512 {
        self.0.avx512f._mm512_add_ps(a, b)
    }
    #[inline(always)]
    fn sub(self, a: __m512, b: __m512) -> __m512 {
        self.0.avx512f._mm512_sub_ps(a, b)
    }
    #[inline(always)]
    fn mul(self, a: __m512, b: __m512) -> __m512 {
        self.0.avx512f._mm512_mul_ps(a, b)
    }
    #[inline(always)]
    fn mul_add(self, a: __m512, b: __m512, c: __m512) -> __m512 {
        self.0.avx512f._mm512_fmadd_ps(a, b, c)
    }
    #[inline(always)]
    fn max(self, a: __m512, b: __m512) -> __m512 {
        self.0.avx512f._mm512_max_ps(a, b)
    }
    #[inline(always)]
    fn keep(self, value: __m512, positive: __m512) -> __m512 {
        let f = self.0.avx512f;
        let mask = f._mm512_cmp_ps_mask::<_CMP_GT_OQ>(positive, f._mm512_setzero_ps());
        f._mm512_maskz_mov_ps(mask, value)
    }
    /// Interleaves pairs, then fours, then the quarters of each register, twice.
    #[inline(always)]
    fn transpose(self, rows: [__m512; WIDTH]) -> [__m512; WIDTH] {
        let f = self.0.avx512f;
        let mut fours = rows;
        for row in (0..WIDTH).step_by(4) {
            let low = [
                f._mm512_unpacklo_ps(rows[row], rows[row + 1]),
                f._mm512_unpacklo_ps(rows[row + 2], rows[row + 3]),
            ];
            let high = [
                f._mm512_unpackhi_ps(rows[row], rows[row + 1]),
                f._mm512_unpackhi_ps(rows[row + 2], rows[row + 3]),
            ];
            fours[row] = cast(f._mm512_unpacklo_pd(cast(low[0]), cast(low[1])));
            fours[row + 1] = cast(f._mm512_unpackhi_pd(cast(low[0]), cast(low[1])));
            fours[row + 2] = cast(f._mm512_unpacklo_pd(cast(high[0]), cast(high[1])));
            fours[row + 3] = cast(f._mm512_unpackhi_pd(cast(high[0]), cast(high[1])));
        }
        let mut out = rows;
        for row in 0..4 {
            let (a, b, c, d) = (fours[row], fours[row + 4], fours[row + 8], fours[row + 12]);
            let even = [f._mm512_shuffle_f32x4::<0x88>(a, b), f._mm512_shuffle_f32x4::<0x88>(c, d)];
            let odd = [f._mm512_shuffle_f32x4::<0xdd>(a, b), f._mm512_shuffle_f32x4::<0xdd>(c, d)];
            out[row] = f._mm512_shuffle_f32x4::<0x88>(even[0], even[1]);
            out[row + 8] = f._mm512_shuffle_f32x4::<0xdd>(even[0], even[1]);
            out[row + 4] = f._mm512_shuffle_f32x4::<0x88>(odd[0], odd[1]);
            out[row + 12] = f._mm512_shuffle_f32x4::<0xdd>(odd[0], odd[1]);
        }
        out
    }
    /// The upper half of an `f32` is a number of eight significant bits; the remainder is
    /// exact.
    #[inline(always)]
    fn split(self, first: __m512, second: __m512) -> [__m512; PIECES] {
        let f = self.0.avx512f;
        let upper = f._mm512_set1_epi32(-0x1_0000);
        if U::PIECES == 1 {
            let first = f._mm512_srli_epi32::<16>(self.rounded(first));
            let second = f._mm512_and_si512(self.rounded(second), upper);
            return [cast(f._mm512_or_si512(first, second)); PIECES];
        }
        let (mut first, mut second) = (first, second);
        let mut pieces = [first; PIECES];
        for piece in &mut pieces {
            let tops = [first, second].map(|v| f._mm512_and_si512(cast(v), upper));
            *piece = cast(f._mm512_or_si512(f._mm512_srli_epi32::<16>(tops[0]), tops[1]));
            first = f._mm512_sub_ps(first, cast(tops[0]));
            second = f._mm512_sub_ps(second, cast(tops[1]));
        }
        pieces
    }
    #[inline(always)]
    fn product(self, task: Task<'_>, out: &mut [Values]) {
        self.1.product(task, out);
    }
    #[inline(always)]
    fn prefetch(self, values: &Values, distance: usize) {
        prefetch(values, distance);
    }
    #[inline(always)]
    fn vectorize<W: Work>(self, work: W) -> W::Output {
        V4::vectorize(self.0, Carrier(self, work))
    }
}

impl<U> Wide<U> {
    /// Rounds to eight significant bits, to nearest, ties to even: they are the upper half of each
    /// element; what is in the lower half is of no use. What is not a number stays none.
    #[inline(always)]
    fn rounded(&self, value: __m512) -> __m512i {
        let f = self.0.avx512f;
        let bits: __m512i = cast(value);
        let odd = f._mm512_and_si512(f._mm512_srli_epi32::<16>(bits), f._mm512_set1_epi32(1));
        let half = f._mm512_add_epi32(odd, f._mm512_set1_epi32(0x7fff));
        let sum = f._mm512_add_epi32(bits, half);
        let is_nan = f._mm512_cmp_ps_mask::<_CMP_UNORD_Q>(value, value);
        f._mm512_mask_mov_epi32(sum, is_nan, f._mm512_set1_epi32(0x7fc0_0000))
    }
}

/// AVX2 and FMA: sixteen registers of eight values.
impl Lanes for V3 {
    type V = [__m256; 2];
    const COLUMNS: usize = 1;
    const ROWS: usize = 6;

    #[inline(always)]
    fn read(self, values: &[f32; WIDTH]) -> [__m256; 2] {
        cast(*values)
    }
    #[inline(always)]
    fn write(self, value: [__m256; 2], into: &mut [f32; WIDTH]) {
        *into = cast(value);
    }
    #[inline(always)]
    fn splat(self, value: f32) -> [__m256; 2] {
        [self.avx._mm256_set1_ps(value); 2]
    }
    #[inline(always)]
    fn add(self, a: [__m256; 2], b: [__m256; 2]) -> [__m256; 2] {
        [self.avx._mm256_add_ps(a[0], b[0]), self.avx._mm256_add_ps(a[1], b[1])]
    }
    #[inline(always)]
    fn sub(self, a: [__m256; 2], b: [__m256; 2]) -> [__m256; 2] {
        [self.avx._mm256_sub_ps(a[0], b[0]), self.avx._mm256_sub_ps(a[1], b[1])]
    }
    #[inline(always)]
    fn mul(self, a: [__m256; 2], b: [__m256; 2]) -> [__m256; 2] {
        [self.avx._mm256_mul_ps(a[0], b[0]), self.avx._mm256_mul_ps(a[1], b[1])]
    }
    #[inline(always)]
    fn mul_add(self, a: [__m256; 2], b: [__m256; 2], c: [__m256; 2]) -> [__m256; 2] {
        let fma = self.fma;
        [fma._mm256_fmadd_ps(a[0], b[0], c[0]), fma._mm256_fmadd_ps(a[1], b[1], c[1])]
    }
    #[inline(always)]
    fn max(self, a: [__m256; 2], b: [__m256; 2]) -> [__m256; 2] {
        [self.avx._mm256_max_ps(a[0], b[0]), self.avx._mm256_max_ps(a[1], b[1])]
    }
    #[inline(always)]
    fn keep(self, value: [__m256; 2], positive: [__m256; 2]) -> [__m256; 2] {
        let keep = |value, positive| {
            let zero = self.avx._mm256_setzero_ps();
            self.avx._mm256_and_ps(value, self.avx._mm256_cmp_ps::<_CMP_GT_OQ>(positive, zero))
        };
        [keep(value[0], positive[0]), keep(value[1], positive[1])]
    }
    #[inline(always)]
    fn transpose(self, rows: [[__m256; 2]; WIDTH]) -> [[__m256; 2]; WIDTH] {
        let mut out = rows;
        for (y, x) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            let mut square = [rows[0][0]; 8];
            for row in 0..8 {
                square[row] = rows[8 * y + row][x];
            }
            let square = eight(self, square);
            for row in 0..8 {
                out[8 * x + row][y] = square[row];
            }
        }
        out
    }
    #[inline(always)]
    fn prefetch(self, values: &Values, distance: usize) {
        prefetch(values, distance);
    }
    #[inline(always)]
    fn vectorize<W: Work>(self, work: W) -> W::Output {
        V3::vectorize(self, Carrier(self, work))
    }
}

/// Transposes eight rows of eight values.
#[inline(always)]
fn eight(simd: V3, rows: [__m256; 8]) -> [__m256; 8] {
    let a = simd.avx;
    let mut fours = rows;
    for row in [0, 4] {
        let low = [
            a._mm256_unpacklo_ps(rows[row], rows[row + 1]),
            a._mm256_unpacklo_ps(rows[row + 2], rows[row + 3]),
        ];
        let high = [
            a._mm256_unpackhi_ps(rows[row], rows[row + 1]),
            a._mm256_unpackhi_ps(rows[row + 2], rows[row + 3]),
        ];
        fours[row] = cast(a._mm256_unpacklo_pd(cast(low[0]), cast(low[1])));
        fours[row + 1] = cast(a._mm256_unpackhi_pd(cast(low[0]), cast(low[1])));
        fours[row + 2] = cast(a._mm256_unpacklo_pd(cast(high[0]), cast(high[1])));
        fours[row + 3] = cast(a._mm256_unpackhi_pd(cast(high[0]), cast(high[1])));
    }
    let mut out = rows;
    for row in 0..4 {
        out[row] = a._mm256_permute2f128_ps::<0x20>(fours[row], fours[row + 4]);
        out[row + 4] = a._mm256_permute2f128_ps::<0x31>(fours[row], fours[row + 4]);
    }
    out
}
