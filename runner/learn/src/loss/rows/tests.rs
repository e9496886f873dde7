//! Losses and gradients against Keras 3.15 and PyTorch, and the device's against the host's.

use super::*;
use burn::tensor::Device;
use runner_network::parameter::read;

const LABELS: [[f64; 3]; 2] = [[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]];
const NUMBERS: [[f64; 2]; 2] = [[1.0, 2.0], [0.0, -1.0]];
const SAID: [[f32; 2]; 2] = [[1.25, 0.0], [3.0, -1.0]];

fn objective(task: Task, loss: Loss, classes: usize) -> Objective {
    Objective { task, loss, delta: 1.5, classes }
}

fn close(found: &[f64], expected: &[f64], bound: f64) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() < bound, "{found} is not {expected}");
    }
}

fn losses(targets: &[RowTarget], logits: &[&[f32]], objective: &Objective) -> Vec<f64> {
    let pairs = targets.iter().zip(logits);
    pairs.map(|(target, logits)| target.outcome(logits, objective).loss).collect()
}

#[test]
fn labels_are_keras_and_pytorch() {
    let of = objective(Task::Multilabel, Loss::CrossEntropy, 3);
    let plain = LABELS.map(|labels| RowTarget::new(labels.to_vec(), 1.0));
    let logits: [&[f32]; 2] = [&[1.5, -0.25, 0.75], &[-2.0, 0.5, 3.0]];
    // Keras 3.15, which computes in 32 bits: BinaryCrossentropy(from_logits=True), then with
    // label_smoothing=0.1.
    close(&losses(&plain, &logits, &of), &[0.388_074_547_052_383_4, 1.216_530_799_865_722_7], 1e-7);
    let smooth = plain.clone().map(|target| target.smoothed(0.1));
    close(&losses(&smooth, &logits, &of), &[0.429_741_233_587_265, 1.208_197_474_479_675_3], 1e-7);
    // PyTorch: binary_cross_entropy_with_logits(pos_weight=[2, 1, 0.5]), the gradient of its mean.
    let weighted = plain.map(|target| target.with_positive(&[2.0, 1.0, 0.5]));
    let logits: [&[f32]; 2] = [&[1.5, -0.25, 0.75], &[-2.0, 0.5, 30.0]];
    let expected = [0.390_733_826_300_599_44, 10.200_334_998_407_724];
    close(&losses(&weighted, &logits, &of), &expected, 1e-12);
    let gradient = weighted[0].outcome(logits[0], &of).gradient;
    let halved: Vec<f64> = gradient.iter().map(|value| value / 2.0).collect();
    let expected = [-0.060_808_507_935_452_12, 0.072_970_583_185_700_32, -0.026_735_108_402_058_01];
    close(&halved, &expected, 1e-12);
    // Of three labels 1.5, -0.25 and 0.75 say yes, no, yes: all right; then no, yes, yes.
    let scores = weighted.iter().zip(logits).map(|(t, z)| t.outcome(z, &of).score);
    close(&scores.collect::<Vec<_>>(), &[1.0, 2.0 / 3.0], 1e-12);
}

#[test]
fn numbers_are_keras() {
    // Keras 3.15: MeanSquaredError, MeanAbsoluteError, Huber(delta=1.5); gradients of their means.
    let cases = [
        (Loss::MeanSquaredError, [2.031_25, 4.5], [0.125, -1.0, 1.5, 0.0]),
        (Loss::MeanAbsoluteError, [1.125, 1.5], [0.25, -0.25, 0.25, 0.0]),
        (Loss::Huber, [0.953_125, 1.687_5], [0.062_5, -0.375, 0.375, 0.0]),
    ];
    for (loss, expected, slopes) in cases {
        let of = objective(Task::Regression, loss, 2);
        let outcomes: Vec<Outcome> = NUMBERS
            .iter()
            .zip(&SAID)
            .map(|(values, said)| RowTarget::new(values.to_vec(), 1.0).outcome(said, &of))
            .collect();
        close(&outcomes.iter().map(|o| o.loss).collect::<Vec<_>>(), &expected, 1e-12);
        let found: Vec<f64> =
            outcomes.iter().flat_map(|o| o.gradient.iter().map(|slope| slope / 2.0)).collect();
        close(&found, &slopes, 1e-12);
        close(&outcomes.iter().map(|o| o.score).collect::<Vec<_>>(), &[1.125, 1.5], 1e-12);
    }
}

#[test]
fn mixed_and_weighted_targets_are_in_between() {
    let of = objective(Task::Regression, Loss::MeanSquaredError, 1);
    let [first, second] =
        [(2.0, 1.0), (4.0, 3.0)].map(|(value, weight)| RowTarget::new(vec![value], weight));
    // 2.5, with a weight of 1.5, from 1.5: 1.5 * 1.
    let outcome = first.mixed(&second, 0.25).outcome(&[1.5], &of);
    close(&[outcome.loss, outcome.gradient[0]], &[1.5, -3.0], 1e-12);
}

#[test]
fn a_device_computes_the_same() -> Result<(), LearnError> {
    let device = Device::flex();
    let labels = LABELS.map(|values| RowTarget::new(values.to_vec(), 1.5));
    let labels = labels.map(|target| target.with_positive(&[2.0, 1.0, 0.5]).smoothed(0.2));
    let numbers = NUMBERS.map(|values| RowTarget::new(values.to_vec(), 0.5));
    let of_labels = vec![1.5, -0.25, 0.75, -2.0, 0.5, 30.0, 9.0, 9.0, 9.0];
    let of_numbers = vec![1.25, 0.0, 3.0, -1.0, 9.0, 9.0];
    let cases = [
        (Task::Multilabel, Loss::CrossEntropy, &labels, of_labels, 3),
        (Task::Regression, Loss::MeanSquaredError, &numbers, of_numbers.clone(), 2),
        (Task::Regression, Loss::MeanAbsoluteError, &numbers, of_numbers.clone(), 2),
        (Task::Regression, Loss::Huber, &numbers, of_numbers, 2),
    ];
    for (task, loss, targets, logits, width) in cases {
        let of = objective(task, loss, width);
        let rows = logits.chunks_exact(width).zip(targets);
        let expected: Vec<Outcome> = rows.map(|(row, target)| target.outcome(row, &of)).collect();
        // A third row makes the batch full.
        let tensor = Tensor::<2>::from_data(TensorData::new(logits.clone(), [3, width]), &device);
        let mut ledger = Ledger::new(5, &device);
        let gradient = read(on_device(tensor.clone(), (&of, targets), &mut ledger)?)?;
        on_device(tensor, (&of, targets), &mut ledger)?;
        let slopes: Vec<f64> =
            expected.iter().flat_map(|o| o.gradient.iter().map(|slope| slope / 2.0)).collect();
        let found: Vec<f64> = gradient.iter().map(|value| f64::from(*value)).collect();
        close(&found[..2 * width], &slopes, 1e-6);
        assert!(found[2 * width..].iter().all(|slope| *slope == 0.0));
        let noted: Vec<f64> =
            read(ledger.into_values())?.iter().map(|value| f64::from(*value)).collect();
        let once: Vec<f64> = expected.iter().flat_map(|o| [o.loss, o.score]).collect();
        close(&noted, &[once.clone(), once].concat(), 2e-6);
    }
    Ok(())
}
