//! Coordinates as the CPU's `f64` has them, in integers: few graphics cards compute with `f64`, and
//! `f32` is too coarse to tell the two sides of an edge apart.
//!
//! A number has 64 bits of fraction. Sums and products are rounded to 53 significant bits where
//! `f64` rounds, so that the place that a pixel shows, and with it each weight of its interpolation,
//! is the CPU's on every device.

use burn::cubecl;
use burn::cubecl::prelude::*;

/// A number with 64 bits of fraction, in two's complement.
#[derive(CubeType, CubeTypeMut, Clone, Copy)]
#[expand(derive(Clone, Copy))]
pub(super) struct Fixed {
    pub(super) whole: u32,
    pub(super) high: u32,
    pub(super) low: u32,
}

/// A share from 0 to 1 in 2⁻⁶³.
#[derive(CubeType, CubeTypeMut, Clone, Copy)]
#[expand(derive(Clone, Copy))]
pub(super) struct Share {
    high: u32,
    low: u32,
}

#[cube]
pub(super) fn add(a: Fixed, b: Fixed) -> Fixed {
    let low = a.low + b.low;
    let carry = select(low < b.low, 1u32, 0u32);
    let sum = a.high + b.high;
    let first = select(sum < b.high, 1u32, 0u32);
    let high = sum + carry;
    let second = select(high < carry, 1u32, 0u32);
    rounded(Fixed { whole: a.whole + b.whole + first + second, high, low })
}

/// The product with a whole number that is not negative.
#[cube]
pub(super) fn times(a: Fixed, factor: u32) -> Fixed {
    let low = a.low * factor;
    let below = a.low.mul_hi(factor);
    let high = a.high * factor + below;
    let carry = select(high < below, 1u32, 0u32);
    rounded(Fixed { whole: a.whole * factor + a.high.mul_hi(factor) + carry, high, low })
}

#[cube]
fn negated(a: Fixed) -> Fixed {
    let low = !a.low + 1;
    let carry = select(low == 0, 1u32, 0u32);
    let high = !a.high + carry;
    let carry = select(carry == 1 && high == 0, 1u32, 0u32);
    Fixed { whole: !a.whole + carry, high, low }
}

#[cube]
fn is_negative(a: Fixed) -> bool {
    a.whole >> 31 == 1
}

/// To 53 significant bits, half to even. Numbers of 2²⁰ and more stay as they are.
#[cube]
pub(super) fn rounded(a: Fixed) -> Fixed {
    let mut whole = a.whole;
    let mut high = a.high;
    let mut low = a.low;
    if is_negative(a) {
        let positive = negated(a);
        whole = positive.whole;
        high = positive.high;
        low = positive.low;
    }
    let leading = select(whole == 0, 32 + high.leading_zeros(), whole.leading_zeros());
    // 96 bits less the leading zeros less 53.
    if leading < 43 && leading > 11 {
        let extra = 43 - leading;
        let half = 1u32 << (extra - 1);
        let up = half - 1 + ((low >> extra) & 1);
        let sum = low + up;
        let carry = select(sum < up, 1u32, 0u32);
        low = (sum >> extra) << extra;
        high += carry;
        whole += select(carry == 1 && high == 0, 1u32, 0u32);
    }
    let mut result = Fixed { whole, high, low };
    if is_negative(a) {
        result = negated(result);
    }
    result
}

/// The fraction of a number.
#[cube]
pub(super) fn fraction(a: Fixed) -> Share {
    Share { high: a.high >> 1, low: (a.high << 31) | (a.low >> 1) }
}

/// One less a share.
#[cube]
pub(super) fn rest(share: Share) -> Share {
    let borrow = select(share.low == 0, 0u32, 1u32);
    Share { high: 0x8000_0000u32 - share.high - borrow, low: !share.low + 1 }
}

/// One of two shares.
#[cube]
pub(super) fn either(first: bool, one: Share, other: Share) -> Share {
    Share { high: select(first, one.high, other.high), low: select(first, one.low, other.low) }
}

/// The product of two shares, rounded to the nearest.
#[cube]
pub(super) fn product(a: Share, b: Share) -> f32 {
    // The upper 64 of its 128 bits, in 2⁻⁶².
    let (first, second) = (a.high * b.low, a.low * b.high);
    let cross = first + second;
    let over = select(cross < second, 1u32, 0u32);
    let lowest = a.low.mul_hi(b.low);
    let over = over + select(cross + lowest < lowest, 1u32, 0u32);
    let upper = a.high * b.high;
    let one = a.high.mul_hi(b.low);
    let two = a.low.mul_hi(b.high);
    let sum = upper + one;
    let carry = select(sum < one, 1u32, 0u32);
    let with = sum + two;
    let carry = carry + select(with < two, 1u32, 0u32);
    let low = with + over;
    let carry = carry + select(low < over, 1u32, 0u32);
    nearest(a.high.mul_hi(b.high) + carry, low)
}

/// The nearest number with 24 significant bits, half to even, of 64 bits in 2⁻⁶².
#[cube]
fn nearest(high: u32, low: u32) -> f32 {
    let mut value = 0.0f32;
    if high != 0 || low != 0 {
        let leading = select(high == 0, 32 + low.leading_zeros(), high.leading_zeros());
        // The first bit that is set is moved to the front.
        let mut front = low << (leading & 31);
        let mut behind = 0u32;
        if leading < 32 {
            front = (high << leading) | ((low >> 1) >> (31 - leading));
            behind = low << leading;
        }
        let digits = front >> 8;
        let cut = front & 255;
        let is_above = cut > 128 || (cut == 128 && (behind != 0 || (digits & 1) == 1));
        let digits = digits + select(is_above, 1u32, 0u32);
        // 2 to the power of 40 - leading - 62.
        value = f32::cast_from(digits) * f32::from_bits((105 - leading) << 23);
    }
    value
}
