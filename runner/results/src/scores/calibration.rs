//! Temperature scaling (Guo, Pleiss, Sun & Weinberger 2017, "On Calibration of Modern Neural Networks"):
//! one number T by which all logits are divided, so that the validation images become most likely.
//!
//! The mean cross-entropy is convex in β = 1/T. With s the softmax of βz and y the label, its derivative
//! is the mean of E_s[z] − z_y and its second derivative the mean of Var_s[z].

use crate::tables::PredictionRow;

/// Newton's steps; they double the digits, and bisection takes over where they leave the bracket.
const STEPS: usize = 200;

/// Where the derivative is as good as zero, relative to the spread of the logits.
const TOLERANCE: f64 = 1e-14;

/// The probabilities after a temperature, and the logarithm of that of the label.
pub(super) fn probabilities(logits: &[f64], temperature: f64, label: usize) -> (f64, Vec<f64>) {
    let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let scaled = |logit: &f64| (logit - largest) / temperature;
    let sum: f64 = logits.iter().map(|logit| scaled(logit).exp()).sum();
    let of_label = logits.get(label).map_or(f64::NEG_INFINITY, |logit| scaled(logit) - sum.ln());
    (of_label, logits.iter().map(|logit| scaled(logit).exp() / sum).collect())
}

/// Probabilities of logits that are divided by a temperature first.
#[must_use]
pub fn calibrated(logits: &[f64], temperature: f64) -> Vec<f64> {
    probabilities(logits, temperature, 0).1
}

/// The temperature that makes these images most likely.
///
/// `None` where there is none: all images are right, so that ever higher confidence is ever better, or
/// the logits say less than nothing of the labels, so that none at all is best.
pub(crate) fn temperature(rows: &[PredictionRow], classes: &[String]) -> Option<f64> {
    let label = |row: &PredictionRow| classes.iter().position(|class| *class == row.label);
    let images = rows.iter().map(|row| {
        let label = label(row).filter(|label| *label < row.logits.len())?;
        row.logits.iter().all(|logit| logit.is_finite()).then_some((&row.logits[..], label))
    });
    let images: Vec<(&[f64], usize)> = images.collect::<Option<_>>()?;
    let largest = |logits: &[f64]| logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let is_bounded = images.iter().any(|(logits, label)| logits[*label] < largest(logits));
    if !is_bounded || derivatives(&images, 0.0)[0] >= 0.0 {
        return None;
    }
    let (mut low, mut high) = (0.0, 1.0);
    while derivatives(&images, high)[0] < 0.0 {
        (low, high) = (high, 2.0 * high);
        if high > 1e9 {
            return None;
        }
    }
    Some(1.0 / root(&images, low, high))
}

/// Where the derivative is zero, between an inverse temperature that is too low and one that is not.
fn root(images: &[(&[f64], usize)], mut low: f64, mut high: f64) -> f64 {
    let mut beta = 0.5 * (low + high);
    for _ in 0..STEPS {
        let [first, second] = derivatives(images, beta);
        if first.abs() <= TOLERANCE * second.max(f64::MIN_POSITIVE) * beta {
            break;
        }
        if first < 0.0 {
            low = beta;
        } else {
            high = beta;
        }
        let newton = beta - first / second;
        let next = if newton > low && newton < high { newton } else { 0.5 * (low + high) };
        if next == beta {
            break;
        }
        beta = next;
    }
    beta
}

/// First and second derivative of the mean cross-entropy by the inverse temperature.
fn derivatives(images: &[(&[f64], usize)], beta: f64) -> [f64; 2] {
    let mut sums = [0.0; 2];
    for (logits, label) in images {
        let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let (mut total, mut mean, mut square) = (0.0, 0.0, 0.0);
        for logit in *logits {
            // Less the largest, so that nothing overflows and little cancels.
            let value = logit - largest;
            let weight = (beta * value).exp();
            total += weight;
            mean += weight * value;
            square += weight * value * value;
        }
        mean /= total;
        sums[0] += mean - (logits[*label] - largest);
        sums[1] += (square / total - mean * mean).max(0.0);
    }
    sums.map(|sum| sum / images.len().max(1) as f64)
}
