//! Losses against hand calculations, and on a GPU against those on the host.

use burn::tensor::TensorData;
use runner_network::parameter::read;
use runner_random::{Key, Purpose};

use super::*;
use crate::optimizer::tests::devices;

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
fn soft_targets_by_hand() {
    let (first, second) = (Target::of(0, 2), Target::of(1, 2));
    // 0.3 of the second class, then a tenth of it evenly: 0.3 · 0.9 + 0.05
    let target = first.mixed(&second, 0.3).smoothed(0.1);
    assert!(close(target.share(1), 0.32) && close(target.share(0), 0.68));
    let weighted = outcome(&[0.0], &target.weighted(2.0));
    assert!(close(weighted.loss, 2.0 * 2.0_f64.ln()));
    assert!(close(weighted.gradient[0], 2.0 * (0.5 - 0.32)));
    // -Σ share · ln softmax(1, 2, 3), shares 0.1 + 0.7, 0.1, 0.1
    let target = Target::of(0, 3).smoothed(0.3);
    let outcome = outcome(&[1.0, 2.0, 3.0], &target);
    assert!(close(outcome.loss, 2.107_605_964_444_380_2));
}

#[test]
fn large_logits_stay_finite() {
    for logits in [vec![1e30_f32], vec![-1e30], vec![1e30, -1e30, 0.0]] {
        assert!(cross_entropy(&logits, 0).loss.is_finite());
    }
    assert!(cross_entropy(&[f32::NAN], 0).loss.is_nan());
}

/// Logits of a batch, and what it should be classified as: with mixing, smoothing and weights.
fn batch(classes: usize, images: usize) -> (Vec<f32>, Vec<Target>) {
    let mut stream = Key::new(classes as u64, Purpose::Generate).stream();
    let outputs = if classes == 2 { 1 } else { classes };
    let logits = (0..images * outputs).map(|_| 8.0 * stream.uniform() - 4.0).collect();
    let target = |index: usize| {
        let first = Target::of(index * 7 % classes, classes).weighted(0.5 + index as f64);
        let other = Target::of(index * 5 % classes, classes).weighted(2.0);
        first.mixed(&other, 0.3).smoothed(0.1)
    };
    (logits, (0..images).map(target).collect())
}

#[test]
fn a_gpu_computes_the_same_losses_gradients_and_hits() -> Result<(), LearnError> {
    for compute in &devices()[1..] {
        for (classes, images, rows) in [(2, 5, 8), (3, 4, 4), (10, 3, 8), (300, 7, 7)] {
            let (logits, targets) = batch(classes, images);
            let outputs = logits.len() / images;
            let mut padded = logits.clone();
            padded.resize(rows * outputs, 1.0);
            let tensor =
                Tensor::from_data(TensorData::new(padded, [rows, outputs]), &compute.device);
            let mut ledger = Ledger::new(images + 1, &compute.device);
            let gradient = read(on_device(tensor, &targets, &mut ledger)?)?;
            let values = read(ledger.into_values())?;
            assert_eq!((gradient.len(), values.len()), (rows * outputs, 2 * images));
            for (index, target) in targets.iter().enumerate() {
                let row = &logits[index * outputs..][..outputs];
                let expected = outcome(row, target);
                let loss = f64::from(values[2 * index]);
                assert!((loss - expected.loss).abs() < 1e-5 * expected.loss.max(1.0), "{classes}");
                assert_eq!(f64::from(values[2 * index + 1]), expected.score, "{classes}");
                let found = &gradient[index * outputs..][..outputs];
                for (found, expected) in found.iter().zip(&expected.gradient) {
                    let difference = f64::from(*found) - expected / images as f64;
                    assert!(difference.abs() < 1e-6, "{classes}: {difference}");
                }
            }
            assert!(gradient[images * outputs..].iter().all(|value| *value == 0.0));
        }
    }
    Ok(())
}
