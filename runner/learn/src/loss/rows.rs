//! Losses of several labels and of numbers: one term per output, their mean per image.
//!
//! Of a label t with logit z, where a positive one counts w times:
//! (1 - t) z + (1 + (w - 1) t) (ln(1 + exp(-|z|)) + max(-z, 0)), Keras's `binary_crossentropy` from
//! logits where w is 1, PyTorch's `BCEWithLogitsLoss` with `pos_weight`. Of a number with difference d:
//! d², |d|, or d² / 2 up to delta and delta |d| - delta² / 2 beyond (Keras's `mean_squared_error`,
//! `mean_absolute_error`, `huber`).

use burn::tensor::{Tensor, TensorData, activation};
use runner_experiment::section::task::{Loss, Task};
use runner_network::on_device::ledger::Ledger;

use super::{Outcome, mix, sigmoid};
use crate::error::LearnError;
use crate::objective::{Objective, answers};

/// What the outputs for an image should be.
#[derive(Debug, Clone, PartialEq)]
pub struct RowTarget {
    /// One per output.
    values: Vec<f64>,
    /// How much each output counts where its value is 1; empty where all count the same.
    positive: Vec<f64>,
    /// How much the image counts.
    weight: f64,
}

impl RowTarget {
    /// These values, for an image that counts so much.
    #[must_use]
    pub fn new(values: Vec<f64>, weight: f64) -> Self {
        Self { values, positive: Vec::new(), weight }
    }

    /// Counts each label that an image has so many times.
    #[must_use]
    pub fn with_positive(self, positive: &[f64]) -> Self {
        Self { positive: positive.to_vec(), ..self }
    }

    /// `share` of another image's values in place of that much of these.
    #[must_use]
    pub fn mixed(&self, other: &Self, share: f64) -> Self {
        let pairs = self.values.iter().zip(&other.values);
        Self {
            values: pairs.map(|(this, other)| mix(*this, *other, share)).collect(),
            positive: self.positive.clone(),
            weight: mix(self.weight, other.weight, share),
        }
    }

    /// Draws labels towards one half (Keras's `label_smoothing` of `BinaryCrossentropy`).
    #[must_use]
    pub fn smoothed(self, share: f64) -> Self {
        let values = self.values.iter().map(|value| value * (1.0 - share) + share / 2.0).collect();
        Self { values, ..self }
    }

    fn positive(&self, output: usize) -> f64 {
        self.positive.get(output).copied().unwrap_or(1.0)
    }

    /// The outcome for one image; loss and gradient are multiplied by its weight.
    #[must_use]
    pub fn outcome(&self, logits: &[f32], objective: &Objective) -> Outcome {
        let probabilities = answers(objective.task, logits);
        let logits: Vec<f64> = logits.iter().map(|z| f64::from(*z)).collect();
        let outputs = logits.len().max(1) as f64;
        let (mut loss, mut score, mut gradient) = (0.0, 0.0, Vec::with_capacity(logits.len()));
        for (output, (z, value)) in logits.iter().zip(&self.values).enumerate() {
            let (of_loss, of_score, slope) = match objective.task {
                Task::Regression => number(*z, *value, objective),
                _ => label(*z, *value, self.positive(output)),
            };
            loss += of_loss;
            score += of_score;
            gradient.push(slope / outputs * self.weight);
        }
        Outcome {
            loss: loss / outputs * self.weight,
            gradient,
            predicted: super::largest(&probabilities),
            logits,
            probabilities,
            score: score / outputs,
        }
    }
}

/// Loss, whether the answer is right, and gradient of one label.
fn label(z: f64, target: f64, positive: f64) -> (f64, f64, f64) {
    let factor = 1.0 + (positive - 1.0) * target;
    let loss = (1.0 - target) * z + factor * ((-z.abs()).exp().ln_1p() + (-z).max(0.0));
    let is_right = (sigmoid(z) > 0.5) == (target > 0.5);
    let gradient = (1.0 - target) - factor * sigmoid(-z);
    (loss, f64::from(u8::from(is_right)), gradient)
}

/// Loss, absolute error and gradient of one number.
fn number(z: f64, target: f64, objective: &Objective) -> (f64, f64, f64) {
    let difference = z - target;
    let (absolute, delta) = (difference.abs(), objective.delta);
    let (loss, gradient) = match objective.loss {
        Loss::MeanAbsoluteError if difference == 0.0 => (0.0, 0.0),
        Loss::MeanAbsoluteError => (absolute, difference.signum()),
        Loss::Huber if absolute > delta => {
            (delta * absolute - 0.5 * delta * delta, delta * difference.signum())
        }
        Loss::Huber => (0.5 * difference * difference, difference),
        Loss::MeanSquaredError | Loss::CrossEntropy => (difference * difference, 2.0 * difference),
    };
    (loss, absolute, gradient)
}

/// The same on any device, in 32 bits, as [`super::on_device`] does for classes. Rows behind the targets
/// do not count.
///
/// # Errors
///
/// [`NetworkError::Bug`](runner_network::NetworkError::Bug) where the batch does not fit.
pub fn on_device(
    logits: Tensor<2>,
    (objective, targets): (&Objective, &[RowTarget]),
    ledger: &mut Ledger,
) -> Result<Tensor<2>, LearnError> {
    let ([rows, outputs], device) = (logits.dims(), logits.device());
    let Some(first) = targets.first().filter(|_| targets.len() <= rows) else {
        return Err(LearnError::bug("a batch and its targets do not fit"));
    };
    // Rows behind the images are targets that weigh nothing.
    let of_row = |row: usize| targets.get(row).unwrap_or(first);
    let table = |value: &dyn Fn(&RowTarget, usize) -> f64| {
        let cells = (0..rows).flat_map(|row| (0..outputs).map(move |output| (row, output)));
        let values: Vec<f32> =
            cells.map(|(row, output)| value(of_row(row), output) as f32).collect();
        Tensor::<2>::from_data(TensorData::new(values, [rows, outputs]), &device)
    };
    let values = table(&|target, output| target.values.get(output).copied().unwrap_or(0.0));
    let weights: Vec<f32> =
        (0..rows).map(|row| targets.get(row).map_or(0.0, |target| target.weight as f32)).collect();
    let weights = Tensor::<2>::from_data(TensorData::new(weights, [rows, 1]), &device);
    let (losses, scores, gradient) = match objective.task {
        Task::Regression => numbers(logits - values, objective),
        _ => labels(logits, values, table(&|target, output| target.positive(output))),
    };
    let losses = losses.mean_dim(1) * weights.clone();
    let images = targets.len();
    ledger.add(Tensor::cat(vec![losses, scores.mean_dim(1)], 1).narrow(0, 0, images))?;
    Ok(gradient * weights / (images * outputs) as f32)
}

/// Losses, right answers and gradients of labels.
fn labels(
    z: Tensor<2>,
    target: Tensor<2>,
    positive: Tensor<2>,
) -> (Tensor<2>, Tensor<2>, Tensor<2>) {
    let factor = (positive - 1.0) * target.clone() + 1.0;
    let absent = -target.clone() + 1.0;
    let soft = (-z.clone().abs()).exp().log1p() + activation::relu(-z.clone());
    let losses = absent.clone() * z.clone() + factor.clone() * soft;
    let right = z.clone().greater_scalar(0.0).equal(target.greater_scalar(0.5)).float();
    (losses, right, absent - factor * activation::sigmoid(-z))
}

/// Losses, absolute errors and gradients of numbers.
fn numbers(difference: Tensor<2>, objective: &Objective) -> (Tensor<2>, Tensor<2>, Tensor<2>) {
    let absolute = difference.clone().abs();
    let delta = objective.delta as f32;
    let (losses, gradient) = match objective.loss {
        Loss::MeanAbsoluteError => (absolute.clone(), difference.sign()),
        Loss::Huber => {
            let near = difference.clone().clamp(-delta, delta);
            let beyond = absolute.clone() - near.clone().abs();
            (near.clone() * near.clone() * 0.5 + beyond * delta, near)
        }
        Loss::MeanSquaredError | Loss::CrossEntropy => {
            (difference.clone() * difference.clone(), difference * 2.0)
        }
    };
    (losses, absolute, gradient)
}

#[cfg(test)]
mod tests;
