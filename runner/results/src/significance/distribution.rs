//! The distributions behind the tests, from `statrs`, for the values that they meet here.

use statrs::distribution::{ContinuousCDF, Normal};
use statrs::function::beta::beta_reg;

/// The standard normal distribution below which a share of all values lies.
pub(super) fn normal_quantile(share: f64) -> f64 {
    Normal::standard().inverse_cdf(share)
}

/// From here on Student's distribution is the normal one, to ten digits.
const NORMAL_FROM: f64 = 1e9;

/// How often Student's t is at least this far from zero, in either direction.
pub(super) fn student_two_sided(t: f64, degrees: f64) -> f64 {
    if !t.is_finite() {
        return 0.0;
    }
    if degrees >= NORMAL_FROM {
        return 2.0 * Normal::standard().sf(t.abs());
    }
    beta_reg(degrees / 2.0, 0.5, degrees / (degrees + t * t))
}

/// The value that Student's t exceeds, in either direction, as often as `level` says.
pub(super) fn student_critical(level: f64, degrees: f64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    while student_two_sided(high, degrees) > level && high < 1e12 {
        high *= 2.0;
    }
    for _ in 0..200 {
        let middle = f64::midpoint(low, high);
        match student_two_sided(middle, degrees) > level {
            true => low = middle,
            false => high = middle,
        }
    }
    f64::midpoint(low, high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_scipy() {
        // scipy 1.17: norm.ppf(0.975), t.ppf(0.975, df), 2 t.sf(2.5, df).
        assert!((normal_quantile(0.975) - 1.959_963_984_540_054).abs() < 1e-9);
        for (degrees, critical, two_sided) in STUDENT {
            let found = student_critical(0.05, degrees);
            assert!((found / critical - 1.0).abs() < 1e-9, "{degrees}: {found}, not {critical}");
            let found = student_two_sided(2.5, degrees);
            assert!((found - two_sided).abs() < 1e-10, "{degrees}: {found}, not {two_sided}");
        }
        assert_eq!(student_two_sided(f64::INFINITY, 3.0), 0.0);
    }

    const STUDENT: [(f64, f64, f64); 6] = [
        (1.0, 12.706_204_736_174_694, 0.242_237_883_181_687),
        (1.7, 5.118_838_988_253_056, 0.151_181_774_389_041),
        (4.0, 2.776_445_105_197_793, 0.066_766_544_811_988),
        (8.0, 2.306_004_135_204_166, 0.036_942_037_713_624),
        (72.5, 1.993_228_711_344_483, 0.014_681_997_993_905),
        (10000000000.0, 1.959_963_984_777_281, 0.012_419_330_667_437),
    ];
}
