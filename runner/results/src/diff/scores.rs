//! Scores of both sides: as they are for a run, mean and standard deviation for several seeds.

use serde::Serialize;

use super::side::Side;
use crate::statistics::mean_and_deviation;
use crate::tables::{Record, cell};

/// Of the last epoch, or where that has none, columns of `run.parquet`.
const SCORES: [&str; 16] = [
    "validation_loss",
    "validation_accuracy",
    "best_validation_accuracy",
    "test_loss",
    "test_accuracy",
    "test_auc",
    "test_precision",
    "test_recall",
    "test_f1",
    "test_balanced_accuracy",
    "test_top_5_accuracy",
    "test_ece",
    "test_calibrated_ece",
    "test_map",
    "test_mae",
    "test_r2",
];

/// A score that one side has, at least.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Score {
    /// Its column.
    pub name: String,
    /// Of A.
    pub a: Option<Summary>,
    /// Of B.
    pub b: Option<Summary>,
}

impl Score {
    /// The mean of B less that of A.
    #[must_use]
    pub fn difference(&self) -> Option<f64> {
        Some(self.b?.mean - self.a?.mean)
    }
}

/// A score over the runs of one side.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Summary {
    /// Its mean.
    pub mean: f64,
    /// Its sample standard deviation, of two or more runs.
    pub deviation: Option<f64>,
    /// How many runs have it.
    pub runs: usize,
}

impl Summary {
    fn of(values: &[f64]) -> Option<Self> {
        let (mean, deviation) = mean_and_deviation(values);
        mean.map(|mean| Self { mean, deviation, runs: values.len() })
    }
}

pub(super) fn scores(a: &Side, b: &Side) -> Vec<Score> {
    let (epochs_a, epochs_b) = (epochs(a), epochs(b));
    let score = |name: &str| Score {
        name: name.to_owned(),
        a: Summary::of(&values(a, &epochs_a, name)),
        b: Summary::of(&values(b, &epochs_b, name)),
    };
    let known = |score: &Score| score.a.is_some() || score.b.is_some();
    SCORES.into_iter().map(score).filter(known).collect()
}

fn epochs(side: &Side) -> Vec<Record> {
    side.loaded.iter().map(crate::load::LoadedRun::last_epoch).collect()
}

fn values(side: &Side, epochs: &[Record], name: &str) -> Vec<f64> {
    let of = |epoch: &Record, own: Option<f64>| cell::get(epoch, name).as_f64().or(own);
    let runs = side.loaded.iter().zip(epochs);
    runs.filter_map(|(run, epoch)| of(epoch, run.get(name).as_f64())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_and_deviations_by_hand() {
        assert_eq!(Summary::of(&[]), None);
        assert_eq!(Summary::of(&[2.0]), Some(Summary { mean: 2.0, deviation: None, runs: 1 }));
        // Squares 1 + 0 + 1, over 2.
        let three = Summary { mean: 2.0, deviation: Some(1.0), runs: 3 };
        assert_eq!(Summary::of(&[1.0, 2.0, 3.0]), Some(three));
        let score = Score { name: String::new(), a: Some(three), b: Summary::of(&[2.5]) };
        assert_eq!(score.difference(), Some(0.5));
    }
}
