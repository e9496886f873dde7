//! Reads the tables of a run in the form that pictures need: curves, confusion, mistakes.

use std::cmp::Ordering;
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

/// The wrong predictions of one split: of classes the most confident first, of labels those with the largest
/// losses, since each label has a probability of its own. Of numbers all, the largest errors first.
///
/// # Errors
///
/// [`ResultsError`] where the table cannot be read.
pub fn mistakes(folder: &Path, split: &str) -> Result<Vec<PredictionRow>, ResultsError> {
    Ok(worst_first(predictions(folder, split)?))
}

fn worst_first(mut rows: Vec<PredictionRow>) -> Vec<PredictionRow> {
    let by_loss = |a: &PredictionRow, b: &PredictionRow| b.loss.total_cmp(&a.loss);
    let by_path = |a: &PredictionRow, b: &PredictionRow| a.path.cmp(&b.path);
    if rows.iter().all(|row| row.correct.is_none()) {
        rows.sort_by(|a, b| {
            let by_error = error(b).total_cmp(&error(a));
            by_error.then_with(|| by_loss(a, b)).then_with(|| by_path(a, b))
        });
        return rows;
    }
    rows.retain(|row| row.correct == Some(false));
    rows.sort_by(|a, b| {
        // The loss still tells rows apart whose probabilities have been rounded to one.
        let by_confidence = match a.targets.is_empty() && b.targets.is_empty() {
            true => confidence(b).total_cmp(&confidence(a)),
            false => Ordering::Equal,
        };
        by_confidence.then_with(|| by_loss(a, b)).then_with(|| by_path(a, b))
    });
    rows
}

/// How far predicted numbers are from those that an image is labelled with: the mean of the absolute
/// differences.
#[must_use]
pub fn error(row: &PredictionRow) -> f64 {
    let pairs = row.logits.iter().zip(&row.targets);
    let sum: f64 = pairs.map(|(predicted, target)| (predicted - target).abs()).sum();
    sum / row.targets.len().max(1) as f64
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
        let rows = vec![
            row("unsure", [0.1, 0.46, 0.44], 2.3),
            row("surer", [0.38, 0.62, 0.0], 0.97),
            row("certain", [0.0, 1.0, 0.0], 40.0),
            row("most certain", [0.0, 1.0, 0.0], 50.0),
        ];
        assert_eq!(paths(rows), ["most certain", "certain", "surer", "unsure"]);
    }

    fn paths(rows: Vec<PredictionRow>) -> Vec<String> {
        worst_first(rows).into_iter().map(|row| row.path).collect()
    }

    #[test]
    fn labels_go_by_their_losses_and_numbers_by_their_errors() {
        let row = |path: &str, loss, probabilities: [f64; 2]| PredictionRow {
            path: path.to_owned(),
            correct: Some(false),
            targets: vec![1.0, 0.0],
            loss,
            probabilities: probabilities.to_vec(),
            ..PredictionRow::default()
        };
        // A label that is there and certain makes no mistake of the other a large one.
        let right = PredictionRow { correct: Some(true), ..row("right", 9.0, [1.0, 0.0]) };
        let rows = vec![row("small", 0.4, [0.99, 0.55]), right, row("large", 2.0, [0.02, 0.1])];
        assert_eq!(paths(rows), ["large", "small"]);
        let row = |path: &str, loss, logits: [f64; 2]| PredictionRow {
            correct: None,
            logits: logits.to_vec(),
            ..row(path, loss, [0.0; 2])
        };
        // Mean absolute errors 1.5, 2 and 0.25; squared, one large error would come first.
        let rows = vec![
            row("one", 4.5, [4.0, 0.0]),
            row("both", 4.0, [3.0, -2.0]),
            row("near", 0.1, [1.5, 0.0]),
        ];
        assert_eq!(error(&rows[0]), 1.5);
        assert_eq!(paths(rows), ["both", "one", "near"]);
    }
}
