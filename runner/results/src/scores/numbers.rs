//! Scores where numbers are learned: mean absolute error, root of the mean squared error, R².
//!
//! R² is 1 − Σ (y − ŷ)² / Σ (y − ȳ)²; of several numbers the mean over them (scikit-learn's
//! `r2_score`). A number that is the same for all images has an R² of 0, or of 1 where it is hit.

use super::measured::Measured;
use crate::tables::PredictionRow;

/// The images of a split, each with its numbers.
pub(super) struct Numbers {
    /// Number by number: what it is, and what was said.
    numbers: Vec<Vec<(f64, f64)>>,
    losses: Vec<f64>,
}

impl Numbers {
    /// `None` where images have no numbers.
    pub(super) fn of(rows: &[PredictionRow], numbers: usize) -> Option<Self> {
        let fits = |row: &PredictionRow| {
            let has = row.targets.len() == numbers && row.logits.len() == numbers;
            has && row.probabilities.is_empty()
        };
        if rows.is_empty() || numbers == 0 || !rows.iter().all(fits) {
            return None;
        }
        let pairs = |number: usize| {
            rows.iter().map(move |row| (row.targets[number], row.logits[number])).collect()
        };
        let losses = rows.iter().map(|row| row.loss).collect();
        Some(Self { numbers: (0..numbers).map(pairs).collect(), losses })
    }
}

impl Measured for Numbers {
    fn names(&self) -> Vec<&'static str> {
        vec!["mae", "rmse", "r2", "loss"]
    }

    fn scores(&self, weights: &[u32]) -> Vec<f64> {
        let images: f64 = weights.iter().map(|weight| f64::from(*weight)).sum();
        let weighted = |values: &mut dyn Iterator<Item = f64>| -> f64 {
            values.zip(weights).map(|(value, weight)| value * f64::from(*weight)).sum()
        };
        let (mut absolute, mut squared, mut explained) = (0.0, 0.0, 0.0);
        for pairs in &self.numbers {
            absolute += weighted(&mut pairs.iter().map(|(is, said)| (is - said).abs()));
            let error = weighted(&mut pairs.iter().map(|(is, said)| (is - said).powi(2)));
            let mean = weighted(&mut pairs.iter().map(|(is, _)| *is)) / images;
            let spread = weighted(&mut pairs.iter().map(|(is, _)| (is - mean).powi(2)));
            squared += error;
            explained += match (spread > 0.0, error > 0.0) {
                (true, _) => 1.0 - error / spread,
                (false, true) => 0.0,
                (false, false) => 1.0,
            };
        }
        let numbers = self.numbers.len() as f64;
        let loss = weighted(&mut self.losses.iter().copied()) / images;
        let error = (squared / images / numbers).sqrt();
        vec![absolute / images / numbers, error, explained / numbers, loss]
    }
}
