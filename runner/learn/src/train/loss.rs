//! Cross-entropy of logits, its gradient, and what the network predicts.
//!
//! Computed on the host in 64 bits from the few numbers that leave the classifier: the order of
//! the sums is fixed, and there is one definition for training, validation and test.
//!
//! Two classes are one logit z of the second class: loss = max(z, 0) - z t + ln(1 + exp(-|z|)),
//! Keras's `binary_crossentropy` from logits. More classes are one logit each: loss =
//! ln Σ exp(z) - z of the label, Keras's `categorical_crossentropy`.

/// Loss, gradient and prediction for one image.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Cross-entropy, in nats.
    pub loss: f64,
    /// Derivative of the loss by each logit.
    pub gradient: Vec<f64>,
    /// One per class, in sorted order.
    pub probabilities: Vec<f64>,
    /// The most probable class; with two classes the second where its probability is above 0.5.
    pub predicted: usize,
    /// Whether that is the label.
    pub correct: bool,
}

/// The outcome for one image: `logits` is one number for two classes, else one per class.
#[must_use]
pub fn cross_entropy(logits: &[f32], label: usize) -> Outcome {
    match logits {
        [logit] => binary(f64::from(*logit), label),
        many => categorical(&many.iter().map(|z| f64::from(*z)).collect::<Vec<_>>(), label),
    }
}

fn binary(logit: f64, label: usize) -> Outcome {
    let target = if label == 1 { 1.0 } else { 0.0 };
    let second = sigmoid(logit);
    let predicted = usize::from(second > 0.5);
    Outcome {
        loss: logit.max(0.0) - logit * target + (-logit.abs()).exp().ln_1p(),
        gradient: vec![second - target],
        probabilities: vec![sigmoid(-logit), second],
        predicted,
        correct: predicted == label,
    }
}

fn categorical(logits: &[f64], label: usize) -> Outcome {
    let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = logits.iter().map(|z| (z - largest).exp()).sum();
    let probabilities: Vec<f64> = logits.iter().map(|z| (z - largest).exp() / sum).collect();
    let gradient = probabilities
        .iter()
        .enumerate()
        .map(|(class, p)| if class == label { p - 1.0 } else { *p })
        .collect();
    let best = |a: &(usize, &f64), b: &(usize, &f64)| a.1.total_cmp(b.1).then(b.0.cmp(&a.0));
    let predicted = probabilities.iter().enumerate().max_by(best).map_or(0, |(class, _)| class);
    let own = logits.get(label).copied().unwrap_or(f64::NAN);
    Outcome {
        loss: largest + sum.ln() - own,
        gradient,
        probabilities,
        predicted,
        correct: predicted == label,
    }
}

fn sigmoid(logit: f64) -> f64 {
    if logit >= 0.0 {
        1.0 / (1.0 + (-logit).exp())
    } else {
        let e = logit.exp();
        e / (1.0 + e)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-12
    }

    #[test]
    fn two_classes_by_hand() {
        let even = cross_entropy(&[0.0], 1);
        assert!(close(even.loss, 2.0_f64.ln()) && close(even.gradient[0], -0.5));
        assert_eq!(even.predicted, 0, "exactly 0.5 is not above 0.5");
        // ln(1 + e^2) and 1 / (1 + e^-2)
        let wrong = cross_entropy(&[2.0], 0);
        assert!(close(wrong.loss, 2.126_928_011_042_972_6));
        assert!(close(wrong.gradient[0], 0.880_797_077_977_882_3));
        assert!(close(wrong.probabilities[0] + wrong.probabilities[1], 1.0));
    }

    #[test]
    fn three_classes_by_hand() {
        // softmax(1, 2, 3) = 0.09003, 0.24473, 0.66524
        let outcome = cross_entropy(&[1.0, 2.0, 3.0], 1);
        assert!(close(outcome.loss, 1.407_605_964_444_380_2));
        assert!(close(outcome.gradient[1], 0.244_728_471_054_797_6 - 1.0));
        assert_eq!(outcome.predicted, 2);
    }

    #[test]
    fn large_logits_stay_finite() {
        for logits in [vec![1e30_f32], vec![-1e30], vec![1e30, -1e30, 0.0]] {
            assert!(cross_entropy(&logits, 0).loss.is_finite());
        }
        assert!(cross_entropy(&[f32::NAN], 0).loss.is_nan());
    }
}
