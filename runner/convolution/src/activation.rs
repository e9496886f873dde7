//! Functions of each value, for what follows a sum.

use crate::lanes::Lanes;
use crate::values::WIDTH;

/// A function of each value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Activation {
    /// x
    #[default]
    Linear,
    /// max(x, 0)
    Relu,
    /// min(max(x, 0), 6)
    Relu6,
    /// 1 / (1 + exp(-x))
    Sigmoid,
    /// x · sigmoid(x)
    Swish,
    /// x · relu6(x + 3) / 6
    HardSwish,
    /// relu6(x + 3) / 6
    HardSigmoid,
    /// x · Φ(x), exact (Hendrycks & Gimpel 2016)
    Gelu,
}

impl Activation {
    /// Applies it to sixteen values. What is not a number stays none.
    // It must not call itself: it would then be a function of its own, for the target's baseline.
    #[inline(always)]
    pub(crate) fn apply<L: Lanes>(self, lanes: L, value: L::V) -> L::V {
        match self {
            Self::Linear => value,
            Self::Relu => lanes.max(lanes.splat(0.0), value),
            Self::Relu6 => relu6(lanes, value),
            Self::HardSigmoid => hard_sigmoid(lanes, value),
            Self::HardSwish => lanes.mul(value, hard_sigmoid(lanes, value)),
            Self::Sigmoid => sigmoid(lanes, value),
            Self::Swish => lanes.mul(value, sigmoid(lanes, value)),
            Self::Gelu => gelu(lanes, value),
        }
    }
}

/// min(max(x, 0), 6); the second of two operands survives where one is NaN.
#[inline(always)]
fn relu6<L: Lanes>(lanes: L, value: L::V) -> L::V {
    let positive = lanes.max(lanes.splat(0.0), value);
    let negated = lanes.mul(positive, lanes.splat(-1.0));
    lanes.mul(lanes.max(lanes.splat(-6.0), negated), lanes.splat(-1.0))
}

/// relu6(x + 3) / 6
#[inline(always)]
fn hard_sigmoid<L: Lanes>(lanes: L, value: L::V) -> L::V {
    lanes.mul(relu6(lanes, lanes.add(value, lanes.splat(3.0))), lanes.splat(1.0 / 6.0))
}

/// 1 / (1 + exp(-x)), in a form that the compiler vectorizes.
#[inline(always)]
fn sigmoid<L: Lanes>(lanes: L, value: L::V) -> L::V {
    let mut values = [0.0; WIDTH];
    lanes.write(value, &mut values);
    for lane in 0..WIDTH {
        values[lane] = 1.0 / (1.0 + exp(-values[lane]));
    }
    lanes.read(&values)
}

/// exp(x) to within two units in the last place for |x| < 87, and the nearest of these beyond: 2ⁿ
/// times a polynomial on ±ln 2 / 2 (Cephes's `expf`).
#[inline(always)]
fn exp(x: f32) -> f32 {
    const LIMIT: f32 = 87.0;
    /// Adding it rounds to a whole number, which then stands in the lowest bits.
    const ROUND: f32 = 12_582_912.0;
    // Both comparisons are false where x is NaN.
    let x = if x > LIMIT { LIMIT } else { x };
    let x = if x < -LIMIT { -LIMIT } else { x };
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    // ln 2 in two parts, the first of which has few bits.
    let r = (x - n * 0.693_359_4) - n * -2.121_944_4e-4;
    let mut sum = 1.987_569_1e-4;
    for weight in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5] {
        sum = sum * r + weight;
    }
    let power = f32::from_bits((shifted.to_bits() << 23).wrapping_add(127 << 23));
    (sum * (r * r) + r + 1.0) * power
}

/// x (1 + erf(x / √2)) / 2, in a form that the compiler vectorizes.
#[inline(always)]
fn gelu<L: Lanes>(lanes: L, value: L::V) -> L::V {
    let mut values = [0.0; WIDTH];
    lanes.write(value, &mut values);
    for lane in 0..WIDTH {
        let x = values[lane];
        values[lane] = 0.5 * x * (1.0 + erf(x * std::f32::consts::FRAC_1_SQRT_2));
    }
    lanes.read(&values)
}

/// The error function to within 4e-7: a quotient of polynomials on [-4, 4] (Eigen's
/// `generic_fast_erf_float`), and ±1 beyond, which it is to the last bit.
#[inline(always)]
fn erf(x: f32) -> f32 {
    let square = x * x;
    let mut odd = -2.726_142_4e-10;
    for weight in [
        2.770_681_5e-8,
        -2.101_024e-6,
        -5.692_506_4e-5,
        -7.349_906_3e-4,
        -2.954_6e-3,
        -1.609_603_3e-2,
    ] {
        odd = odd * square + weight;
    }
    let mut even = -1.456_607_2e-5;
    for weight in [-2.133_740_6e-4, -1.682_827e-3, -7.373_329e-3, -1.426_474e-2] {
        even = even * square + weight;
    }
    let value = x * odd / even;
    // All comparisons are false where x is NaN.
    let value = if x >= 4.0 { 1.0 } else { value };
    if x <= -4.0 { -1.0 } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2/√π Σ (-1)ⁿ x²ⁿ⁺¹ / (n! (2n + 1)).
    fn series_of_erf(x: f64) -> f64 {
        let (mut power, mut sum) = (x, 0.0);
        for n in 0..150 {
            sum += power / f64::from(2 * n + 1);
            power *= -x * x / f64::from(n + 1);
        }
        sum * std::f64::consts::FRAC_2_SQRT_PI
    }

    #[test]
    fn the_exponential_is_that_of_double_precision() {
        for step in -8700..=8700 {
            let x = step as f32 / 100.0;
            let expected = f64::from(x).exp();
            let off = (f64::from(exp(x)) - expected).abs() / expected;
            assert!(off < 3e-7, "{x}: {off}");
        }
        assert!(exp(f32::NAN).is_nan() && exp(1e9).is_finite() && exp(-1e9) > 0.0);
    }

    #[test]
    fn the_error_function_is_that_of_its_series() {
        for step in -4000..=4000 {
            let x = step as f32 / 1000.0;
            let off = (f64::from(erf(x)) - series_of_erf(f64::from(x))).abs();
            assert!(off < 4e-7, "{x}: {off}");
        }
        assert!(erf(f32::NAN).is_nan() && erf(1e9) == 1.0 && erf(f32::NEG_INFINITY) == -1.0);
    }
}
