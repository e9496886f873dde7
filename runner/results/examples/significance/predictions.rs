//! Who was right on which held-out image, for every seed of an experiment.

use std::collections::BTreeSet;
use std::path::Path;

use runner_results::load::{self, LoadedRun};
use runner_results::tables::{self, Cell, cell};

/// The seeds of one experiment: `[seed][image]`, right or wrong.
pub struct Setting {
    name: String,
    /// The test images.
    pub test: Vec<Vec<bool>>,
    /// The test and the validation images; the runs chose nothing by the latter.
    pub held_out: Vec<Vec<bool>>,
}

impl Setting {
    /// The finished runs of an experiment, each seed once.
    pub fn read(results: &Path, experiment: &str) -> Self {
        let mut seeds = BTreeSet::new();
        let runs: Vec<LoadedRun> = load::of_experiment(results, experiment)
            .filter(|run| run.status() == "finished")
            .filter(|run| seeds.insert(run.get("seed").to_string()))
            .collect();
        let read = |splits: &[&str]| -> Vec<Vec<bool>> {
            runs.iter().map(|run| right(run, splits)).filter(|right| !right.is_empty()).collect()
        };
        let (test, held_out) = (read(&["test"]), read(&["test", "validation"]));
        Self { name: experiment.to_owned(), test, held_out }
    }

    /// Seeds and their accuracies.
    pub fn describe(&self) -> String {
        let accuracies: Vec<f64> = self.test.iter().map(|row| accuracy(row)).collect();
        let mean = accuracies.iter().sum::<f64>() / accuracies.len() as f64;
        let squares: f64 = accuracies.iter().map(|a| (a - mean).powi(2)).sum();
        let deviation = (squares / (accuracies.len() as f64 - 1.0)).sqrt();
        let images = self.test.first().map_or(0, Vec::len);
        format!(
            "{}: {} seeds, {images} test images, accuracy {:.2} % on average, standard deviation {:.2} points",
            self.name,
            accuracies.len(),
            100.0 * mean,
            100.0 * deviation
        )
    }
}

/// The share of images that are right.
pub fn accuracy(row: &[bool]) -> f64 {
    row.iter().filter(|right| **right).count() as f64 / row.len() as f64
}

fn right(run: &LoadedRun, splits: &[&str]) -> Vec<bool> {
    let rows = tables::read(&run.path.join("predictions.parquet")).unwrap_or_default();
    let mut images: Vec<(String, bool)> = rows
        .iter()
        .filter(|row| cell::get(row, "split").as_str().is_some_and(|split| splits.contains(&split)))
        .map(|row| {
            (cell::get(row, "path").to_string(), *cell::get(row, "correct") == Cell::Bool(true))
        })
        .collect();
    images.sort();
    images.into_iter().map(|(_, right)| right).collect()
}
