//! What a run says about images, read from its predictions.

use super::error::DiffError;
use crate::ResultsError;
use crate::load::LoadedRun;
use crate::tables::{self, Cell, Record, cell};

/// What one run says about one image.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) predicted: String,
    pub(super) correct: bool,
    /// In the order of the classes.
    pub(super) probabilities: Vec<f64>,
    /// 1 for each label that the image has, else 0; none where it has one class.
    pub(super) targets: Vec<f64>,
    pub(super) path: String,
    pub(super) label: String,
}

impl Answer {
    /// Whether it is right about one of several labels, as it is called with a probability above one half.
    pub(super) fn is_right_about(&self, label: usize) -> bool {
        let pair = self.probabilities.get(label).zip(self.targets.get(label));
        pair.is_some_and(|(probability, target)| (*probability > 0.5) == (*target > 0.5))
    }
}

/// Of one run, in the order of the images.
pub(super) type Answers = Vec<Answer>;

/// What a run says about the images of a split, by their paths.
pub(super) fn read(run: &LoadedRun, split: &str) -> Result<Answers, ResultsError> {
    let rows = tables::read(&run.path.join("predictions.parquet"))?;
    let of_split = rows.iter().filter(|row| cell::get(row, "split").as_str() == Some(split));
    let mut answers: Answers = of_split.map(answer).collect();
    if answers.is_empty() {
        let (run, split) = (run.id.clone(), split.to_owned());
        return Err(DiffError::NoPredictions { run, split }.into());
    }
    if rows.iter().any(|row| *cell::get(row, "correct") == Cell::Null) {
        return Err(DiffError::Numbers { run: run.id.clone() }.into());
    }
    answers.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(answers)
}

fn answer(row: &Record) -> Answer {
    let text = |name| cell::get(row, name).as_str().unwrap_or("").to_owned();
    let probabilities = match cell::get(row, "probabilities") {
        Cell::List(items) => items.iter().map(|item| item.as_f64().unwrap_or(f64::NAN)).collect(),
        _ => Vec::new(),
    };
    let correct = *cell::get(row, "correct") == Cell::Bool(true);
    let targets = cell::numbers(row, "targets");
    let (path, label, predicted) = (text("path"), text("label"), text("predicted"));
    Answer { predicted, correct, probabilities, targets, path, label }
}
