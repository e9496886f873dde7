//! Reads the tables of a run in the form that pictures need: curves, confusion, mistakes.

use std::path::Path;

use crate::ResultsError;
use crate::picture::chart::{Line, Panel};
use crate::tables::{self, ConfusionRow, PredictionRow, Record, cell};

/// The epochs of one run.
#[derive(Debug, Clone, PartialEq)]
pub struct History {
    /// What it is called in a picture.
    pub name: String,
    epochs: Vec<Record>,
}

impl History {
    /// Reads `epochs.parquet` of the run in `folder`.
    ///
    /// # Errors
    ///
    /// [`ResultsError`] where the table cannot be read.
    pub fn read(folder: &Path, name: String) -> Result<Self, ResultsError> {
        Ok(Self { name, epochs: tables::read(&folder.join("epochs.parquet"))? })
    }

    /// Whether no epoch has finished.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.epochs.is_empty()
    }

    fn column(&self, name: &str) -> Vec<f64> {
        self.epochs.iter().map(|row| cell::get(row, name).as_f64().unwrap_or(f64::NAN)).collect()
    }

    /// Name and first epoch of each stage.
    fn stages(&self) -> Vec<(String, usize)> {
        let mut stages: Vec<(String, usize)> = Vec::new();
        for (index, row) in self.epochs.iter().enumerate() {
            let stage = cell::get(row, "stage").as_str().unwrap_or_default();
            if stages.last().is_none_or(|(last, _)| last != stage) {
                stages.push((stage.to_owned(), index + 1));
            }
        }
        stages
    }

    /// The epoch with the lowest validation loss, from 1.
    fn best(&self) -> Option<usize> {
        let losses = self.column("validation_loss");
        let finite = losses.iter().enumerate().filter(|(_, loss)| loss.is_finite());
        finite.min_by(|a, b| a.1.total_cmp(b.1)).map(|(index, _)| index + 1)
    }

    /// What is drawn beside the loss: the mean absolute error where numbers are learned, else accuracy.
    fn metric(&self) -> &'static str {
        let has =
            |name: &str| self.epochs.iter().any(|row| cell::get(row, name).as_f64().is_some());
        if has("validation_mae") && !has("validation_accuracy") { "mae" } else { "accuracy" }
    }

    /// Accuracy, or the error of numbers, and loss, training and validation.
    #[must_use]
    pub fn panels(&self) -> Vec<Panel> {
        let best = self.best();
        [self.metric(), "loss"]
            .into_iter()
            .map(|metric| {
                let line = |label: &str, prefix: &str, colour| Line {
                    label: label.to_owned(),
                    values: self.column(&format!("{prefix}_{metric}")),
                    colour,
                };
                let validation = line("validation", "validation", 1);
                Panel {
                    title: title(metric).to_owned(),
                    best: best.map(|epoch| (epoch, validation.values[epoch - 1])),
                    lines: vec![line("training", "train", 0), validation],
                    stages: self.stages(),
                }
            })
            .collect()
    }
}

fn title(metric: &str) -> &str {
    if metric == "mae" { "mean absolute error" } else { metric }
}

/// Validation accuracy, or the error of numbers, and loss of several runs, each in its colour.
#[must_use]
pub fn together(runs: &[History]) -> Vec<Panel> {
    let metric = match runs.iter().all(|run| run.metric() == "mae") && !runs.is_empty() {
        true => "mae",
        false => "accuracy",
    };
    [metric, "loss"]
        .into_iter()
        .map(|metric| Panel {
            title: format!("validation {}", title(metric)),
            lines: runs
                .iter()
                .enumerate()
                .map(|(colour, run)| Line {
                    label: run.name.clone(),
                    values: run.column(&format!("validation_{metric}")),
                    colour,
                })
                .collect(),
            stages: Vec::new(),
            best: None,
        })
        .collect()
}

fn text(row: &Record, name: &str) -> String {
    cell::get(row, name).as_str().unwrap_or_default().to_owned()
}

fn number(row: &Record, name: &str) -> f64 {
    cell::get(row, name).as_f64().unwrap_or(f64::NAN)
}

/// The confusion of one split, in the order of the table.
///
/// # Errors
///
/// [`ResultsError`] where the table cannot be read.
pub fn confusion(folder: &Path, split: &str) -> Result<Vec<ConfusionRow>, ResultsError> {
    let rows = tables::read(&folder.join("confusion.parquet"))?;
    let of_split = rows.iter().filter(|row| cell::get(row, "split").as_str() == Some(split));
    Ok(of_split
        .map(|row| ConfusionRow {
            split: split.to_owned(),
            label: text(row, "label"),
            predicted: text(row, "predicted"),
            images: number(row, "images") as i64,
            share: number(row, "share"),
        })
        .collect())
}

/// The predictions of one split, in the order of the table.
///
/// # Errors
///
/// [`ResultsError`] where the table cannot be read.
pub fn predictions(folder: &Path, split: &str) -> Result<Vec<PredictionRow>, ResultsError> {
    let rows = tables::read(&folder.join("predictions.parquet"))?;
    let of_split = rows.iter().filter(|row| cell::get(row, "split").as_str() == Some(split));
    let row = |row: &Record| PredictionRow {
        split: split.to_owned(),
        path: text(row, "path"),
        label: text(row, "label"),
        predicted: text(row, "predicted"),
        correct: cell::get(row, "correct").as_bool(),
        targets: cell::numbers(row, "targets"),
        loss: number(row, "loss"),
        logits: cell::numbers(row, "logits"),
        probabilities: cell::numbers(row, "probabilities"),
    };
    Ok(of_split.map(row).collect())
}

/// The wrong predictions of one split, most confident first; of numbers all, the largest losses first.
///
/// # Errors
///
/// [`ResultsError`] where the table cannot be read.
pub fn mistakes(folder: &Path, split: &str) -> Result<Vec<PredictionRow>, ResultsError> {
    let mut wrong = predictions(folder, split)?;
    if wrong.iter().all(|row| row.correct.is_none()) {
        wrong.sort_by(|a, b| b.loss.total_cmp(&a.loss).then_with(|| a.path.cmp(&b.path)));
        return Ok(wrong);
    }
    wrong.retain(|row| row.correct == Some(false));
    most_confident_first(&mut wrong);
    Ok(wrong)
}

/// The loss still tells rows apart whose probabilities have been rounded to one.
fn most_confident_first(rows: &mut [PredictionRow]) {
    rows.sort_by(|a, b| {
        let by_loss = || b.loss.total_cmp(&a.loss);
        confidence(b).total_cmp(&confidence(a)).then_with(by_loss).then(a.path.cmp(&b.path))
    });
}

/// The highest of some probabilities.
#[must_use]
pub fn confidence(row: &PredictionRow) -> f64 {
    row.probabilities.iter().copied().fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_surest_comes_first_even_where_another_has_the_larger_loss() {
        let row = |path: &str, probabilities: [f64; 3], loss| PredictionRow {
            split: "test".to_owned(),
            path: path.to_owned(),
            label: "circle".to_owned(),
            predicted: "square".to_owned(),
            correct: Some(false),
            targets: Vec::new(),
            loss,
            logits: Vec::new(),
            probabilities: probabilities.to_vec(),
        };
        let mut rows = [
            row("unsure", [0.1, 0.46, 0.44], 2.3),
            row("surer", [0.38, 0.62, 0.0], 0.97),
            row("certain", [0.0, 1.0, 0.0], 40.0),
            row("most certain", [0.0, 1.0, 0.0], 50.0),
        ];
        most_confident_first(&mut rows);
        let order = rows.map(|row| row.path);
        assert_eq!(order, ["most certain", "certain", "surer", "unsure"]);
    }
}
