//! Mean, deviation and confidence interval of a few numbers.

use statrs::distribution::{ContinuousCDF, StudentsT};

/// The mean, `None` without a number, and the sample standard deviation (over n − 1), `None` below two
/// numbers.
pub(crate) fn mean_and_deviation(numbers: &[f64]) -> (Option<f64>, Option<f64>) {
    let count = numbers.len() as f64;
    if numbers.is_empty() {
        return (None, None);
    }
    let mean = numbers.iter().sum::<f64>() / count;
    let squares: f64 = numbers.iter().map(|x| (x - mean).powi(2)).sum();
    (Some(mean), (numbers.len() > 1).then(|| (squares / (count - 1.0)).sqrt()))
}

/// What several runs of one plan say about a score.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Summary {
    /// Their mean; `None` without a number.
    pub(crate) mean: Option<f64>,
    /// The sample standard deviation (over n − 1); `None` below two numbers.
    pub(crate) deviation: Option<f64>,
    /// The 95% confidence interval of the mean, mean ± t · s / √n with the quantile of Student's
    /// distribution for n − 1 degrees of freedom; `None` below two numbers.
    pub(crate) interval: Option<(f64, f64)>,
}

impl Summary {
    pub(crate) fn of(numbers: &[f64]) -> Self {
        let count = numbers.len() as f64;
        let (mean, deviation) = mean_and_deviation(numbers);
        let interval = mean.zip(deviation).and_then(|(mean, deviation)| {
            let student = StudentsT::new(0.0, 1.0, count - 1.0).ok()?;
            let half = student.inverse_cdf(0.975) * deviation / count.sqrt();
            Some((mean - half, mean + half))
        });
        Self { mean, deviation, interval }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand_and_by_scipy() {
        assert_eq!(Summary::of(&[]), Summary::default());
        assert_eq!(Summary::of(&[2.0]), Summary { mean: Some(2.0), ..Summary::default() });
        // Squares 1 + 0 + 1, over 2.
        let three = Summary::of(&[1.0, 2.0, 3.0]);
        assert_eq!((three.mean, three.deviation), (Some(2.0), Some(1.0)));
        // SciPy 1.17: stats.t.interval(0.95, n - 1, loc=mean, scale=s / sqrt(n)).
        let cases: [(&[f64], f64, f64); 3] = [
            (&[1.0, 2.0, 3.0], -0.484_137_711_750_330_27, 4.484_137_711_750_33),
            (&[0.892, 0.881], 0.816_615_873_951_039_2, 0.956_384_126_048_961),
            (
                &[0.892, 0.881, 0.888, 0.879, 0.9, 0.891, 0.885, 0.882],
                0.881_427_787_997_846,
                0.893_072_212_002_153_9,
            ),
        ];
        for (numbers, low, high) in cases {
            let (found_low, found_high) = Summary::of(numbers).interval.unwrap_or_default();
            assert!((found_low - low).abs() < 1e-12, "{found_low} {low}");
            assert!((found_high - high).abs() < 1e-12, "{found_high} {high}");
        }
    }
}
