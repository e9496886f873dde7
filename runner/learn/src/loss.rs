//! Cross-entropy of logits, its gradient, and what the network predicts.
//!
//! Computed on the host in 64 bits from the few numbers that leave the classifier: the order of
//! the sums is fixed, and there is one definition for training, validation and test.
//!
//! Two classes are one logit z of the second class: loss = max(z, 0) - z t + ln(1 + exp(-|z|)),
//! Keras's `binary_crossentropy` from logits. More classes are one logit each: loss =
//! ln Σ exp(z) - z of the label, Keras's `categorical_crossentropy`.
//!
//! On a GPU training computes the same in 32 bits, where the logits are.

pub mod rows;
pub mod targets;

use burn::tensor::Tensor;
use runner_network::on_device::ledger::Ledger;
use runner_network::on_device::loss::{Label, Labels, cross_entropy as cross_entropy_on_device};

use crate::error::LearnError;

/// Loss, gradient and prediction for one image.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Cross-entropy, in nats.
    pub loss: f64,
    /// Derivative of the loss by each logit.
    pub gradient: Vec<f64>,
    /// One per class, in sorted order: their softmax is the probabilities. Two classes have
    /// one output, which is that of the second, and the first has 0.
    pub logits: Vec<f64>,
    /// One per class, in sorted order.
    pub probabilities: Vec<f64>,
    /// The most probable class; with two classes the second where its probability is above 0.5.
    pub predicted: usize,
    /// 1 where that is the label, else 0; with several labels the share of them that are right; with
    /// numbers the mean absolute error.
    pub score: f64,
}

/// What an image should be classified as while training.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Target {
    classes: usize,
    label: usize,
    /// Another class, and its share.
    other: Option<(usize, f64)>,
    smoothing: f64,
    /// How much the image counts.
    weight: f64,
}

impl Target {
    /// One class and nothing else.
    #[must_use]
    pub fn of(label: usize, classes: usize) -> Self {
        Self { classes, label, other: None, smoothing: 0.0, weight: 1.0 }
    }

    /// The same for an image that counts as much.
    #[must_use]
    pub fn weighted(self, weight: f64) -> Self {
        Self { weight, ..self }
    }

    /// `share` of the class of another image in place of that much of this one's.
    #[must_use]
    pub fn mixed(&self, other: &Self, share: f64) -> Self {
        let weight = mix(self.weight, other.weight, share);
        Self { other: Some((other.label, share)), weight, ..*self }
    }

    /// `share` of it goes to all classes evenly (Szegedy et al. 2015; Keras's `label_smoothing`).
    #[must_use]
    pub fn smoothed(self, share: f64) -> Self {
        Self { smoothing: share, ..self }
    }

    /// The share of a class; those of all classes add up to one.
    #[must_use]
    pub fn share(&self, class: usize) -> f64 {
        let whole = |label: usize| if class == label { 1.0 } else { 0.0 };
        let share = match self.other {
            Some((other, share)) => mix(whole(self.label), whole(other), share),
            None => whole(self.label),
        };
        match self.smoothing {
            0.0 => share,
            smoothing => share * (1.0 - smoothing) + smoothing / self.classes.max(1) as f64,
        }
    }

    /// The class with the largest share, the first of several.
    fn expected(&self) -> usize {
        let Some((other, _)) = self.other else { return self.label };
        let shares = [self.share(self.label), self.share(other)];
        let is_other = shares[1] > shares[0] || (shares[1] == shares[0] && other < self.label);
        if is_other { other } else { self.label }
    }

    /// For a GPU.
    fn coded(&self) -> Label {
        Label {
            class: self.label,
            other: self.other.map_or(self.label, |(other, _)| other),
            expected: self.expected(),
            weight: self.weight as f32,
        }
    }
}

fn mix(this: f64, other: f64, share: f64) -> f64 {
    this * (1.0 - share) + other * share
}

/// Writes what the logits of a batch come to into `ledger`, on the device; the gradient of the mean
/// loss of the images that `targets` are of, by each logit, comes back. Rows behind them make the batch
/// full. One batch is mixed and smoothed in one way.
///
/// # Errors
///
/// [`NetworkError::Bug`](runner_network::NetworkError::Bug) where the batch does not fit.
pub fn on_device(
    logits: Tensor<2>,
    targets: &[Target],
    ledger: &mut Ledger,
) -> Result<Tensor<2>, LearnError> {
    let Some(first) = targets.first() else {
        return Err(LearnError::bug("a batch without images"));
    };
    let [rows, _] = logits.dims();
    let mut coded: Vec<Label> = targets.iter().map(Target::coded).collect();
    coded.resize(rows, first.coded());
    let labels = Labels {
        labels: &coded,
        images: targets.len(),
        share: first.other.map_or(0.0, |(_, share)| share),
        smoothing: first.smoothing,
    };
    Ok(cross_entropy_on_device(logits, labels, ledger)?)
}

/// The outcome for one image of one class: `logits` is one number for two classes, else one per
/// class.
#[must_use]
pub fn cross_entropy(logits: &[f32], label: usize) -> Outcome {
    outcome(logits, &Target::of(label, logits.len().max(2)))
}

/// The outcome for one image; loss and gradient are multiplied by its weight.
#[must_use]
pub fn outcome(logits: &[f32], target: &Target) -> Outcome {
    let mut outcome = match logits {
        [logit] => binary(f64::from(*logit), target),
        many => categorical(&many.iter().map(|z| f64::from(*z)).collect::<Vec<_>>(), target),
    };
    outcome.loss *= target.weight;
    outcome.gradient.iter_mut().for_each(|value| *value *= target.weight);
    outcome
}

fn binary(logit: f64, target: &Target) -> Outcome {
    let share = target.share(1);
    let second = sigmoid(logit);
    let predicted = usize::from(second > 0.5);
    Outcome {
        loss: logit.max(0.0) - logit * share + (-logit.abs()).exp().ln_1p(),
        gradient: vec![second - share],
        logits: vec![0.0, logit],
        probabilities: vec![sigmoid(-logit), second],
        predicted,
        score: hit(predicted, target),
    }
}

fn categorical(logits: &[f64], target: &Target) -> Outcome {
    let top = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = logits.iter().map(|z| (z - top).exp()).sum();
    let probabilities: Vec<f64> = logits.iter().map(|z| (z - top).exp() / sum).collect();
    let pairs = probabilities.iter().enumerate();
    let gradient = pairs.map(|(class, probability)| probability - target.share(class)).collect();
    let predicted = largest(&probabilities);
    let pairs = logits.iter().enumerate();
    let expected: f64 = pairs.map(|(class, z)| z * target.share(class)).sum();
    Outcome {
        loss: top + sum.ln() - expected,
        gradient,
        logits: logits.to_vec(),
        probabilities,
        predicted,
        score: hit(predicted, target),
    }
}

/// The index of the largest value, the first of several.
#[must_use]
pub fn largest(values: &[f64]) -> usize {
    let better = |a: &(usize, &f64), b: &(usize, &f64)| a.1.total_cmp(b.1).then(b.0.cmp(&a.0));
    values.iter().enumerate().max_by(better).map_or(0, |(index, _)| index)
}

fn hit(predicted: usize, target: &Target) -> f64 {
    if predicted == target.expected() { 1.0 } else { 0.0 }
}

pub(crate) fn sigmoid(logit: f64) -> f64 {
    if logit >= 0.0 {
        1.0 / (1.0 + (-logit).exp())
    } else {
        let e = logit.exp();
        e / (1.0 + e)
    }
}

#[cfg(test)]
mod tests;
