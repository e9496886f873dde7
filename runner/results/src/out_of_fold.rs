//! What a cross-validation says about every image: the test predictions of all its folds in one table,
//! each image by the run that was not trained on it.

use crate::ResultsError;
use crate::load::LoadedRun;
use crate::parameter::FOLD;
use crate::sweep::SweepFolder;
use crate::tables::{self, Cell, OutOfFoldRow, PredictionRow, Record, Row as _, cell, integer};

/// One finished member of a sweep.
#[derive(Debug, Clone, Copy)]
pub struct Fold<'a> {
    /// What tells it from the others, fold and seed aside.
    pub setting: &'a str,
    /// Its run.
    pub run: &'a LoadedRun,
}

/// Writes `out_of_fold.parquet` into the folder of a sweep, from those of its members that have a fold;
/// nothing where none has.
///
/// # Errors
///
/// [`ResultsError`] where a table cannot be read or written.
pub fn write(folder: &SweepFolder, members: &[Fold<'_>]) -> Result<(), ResultsError> {
    let mut rows = Vec::new();
    for member in members {
        let params = member.run.params()?;
        let fold = params.iter().find(|(key, _)| key == FOLD).map(|(_, fold)| fold.parse());
        let Some(Ok(fold)) = fold else { continue };
        let predictions = tables::read(&member.run.path.join(PredictionRow::FILE))?;
        let tested = predictions.iter().filter(|row| is_test(row));
        rows.extend(tested.map(|prediction| row(member, fold, prediction)));
    }
    match rows.is_empty() {
        true => Ok(()),
        false => tables::write_with("sweep", &folder.path, &folder.id, rows),
    }
}

fn is_test(row: &Record) -> bool {
    cell::get(row, "split").as_str() == Some("test")
}

fn row(member: &Fold<'_>, fold: usize, prediction: &Record) -> OutOfFoldRow {
    let text = |name| cell::get(prediction, name).as_str().unwrap_or_default().to_owned();
    let probabilities = match cell::get(prediction, "probabilities") {
        Cell::List(values) => values.iter().filter_map(Cell::as_f64).collect(),
        _ => Vec::new(),
    };
    let (label, predicted) = (text("label"), text("predicted"));
    OutOfFoldRow {
        run_id: member.run.id.clone(),
        setting: member.setting.to_owned(),
        seed: match member.run.get("seed") {
            Cell::Integer(seed) => *seed,
            _ => 0,
        },
        fold: integer(fold),
        path: text("path"),
        correct: label == predicted,
        label,
        predicted,
        loss: cell::get(prediction, "loss").as_f64().unwrap_or(f64::NAN),
        probabilities,
    }
}
