//! What a cross-validation says about every image: the test predictions of all its folds in one table,
//! each image by the run that was not trained on it; and which labels are probably wrong by them.

use std::collections::BTreeMap;

use crate::ResultsError;
use crate::load::LoadedRun;
use crate::parameter::FOLD;
use crate::suspects::{self, Judged};
use crate::sweep::SweepFolder;
use crate::tables::{
    self, Cell, OutOfFoldRow, PredictionRow, Record, Row as _, SuspectRow, cell, integer,
};

/// One finished member of a sweep.
#[derive(Debug, Clone, Copy)]
pub struct Fold<'a> {
    /// What tells it from the others, fold and seed aside.
    pub setting: &'a str,
    /// Its run.
    pub run: &'a LoadedRun,
}

/// Writes `out_of_fold.parquet` and `suspects.parquet` into the folder of a sweep, from those of its
/// members that have a fold; nothing where none has.
///
/// # Errors
///
/// [`ResultsError`] where a table cannot be read or written.
pub fn write(folder: &SweepFolder, members: &[Fold<'_>]) -> Result<(), ResultsError> {
    let mut rows = Vec::new();
    let mut classes = Vec::new();
    for member in members {
        let params = member.run.params()?;
        let fold = params.iter().find(|(key, _)| key == FOLD).map(|(_, fold)| fold.parse());
        let Some(Ok(fold)) = fold else { continue };
        if let Cell::List(names) = member.run.get("classes") {
            classes = names.iter().map(ToString::to_string).collect();
        }
        let predictions = tables::read(&member.run.path.join(PredictionRow::FILE))?;
        let tested = predictions.iter().filter(|row| is_test(row));
        rows.extend(tested.map(|prediction| row(member, fold, prediction)));
    }
    if rows.is_empty() {
        return Ok(());
    }
    let suspects = suspects(&rows, &classes);
    tables::write_with("sweep", &folder.path, &folder.id, rows)?;
    match suspects.is_empty() {
        true => Ok(()),
        false => tables::write_with("sweep", &folder.path, &folder.id, suspects),
    }
}

/// The suspects of each setting; what its seeds say of an image is averaged.
fn suspects(rows: &[OutOfFoldRow], classes: &[String]) -> Vec<SuspectRow> {
    let mut settings: BTreeMap<&str, BTreeMap<&str, (f64, Judged)>> = BTreeMap::new();
    // Labels and numbers are no classes, whatever they are called.
    for row in rows.iter().filter(|row| row.targets.is_empty()) {
        let Some(label) = classes.iter().position(|class| *class == row.label) else { continue };
        let images = settings.entry(&row.setting).or_default();
        let (count, judged) = images.entry(&row.path).or_insert_with(|| {
            let (path, probabilities) = (row.path.clone(), vec![0.0; row.probabilities.len()]);
            (0.0, Judged { path, label, fold: usize::try_from(row.fold).ok(), probabilities })
        });
        *count += 1.0;
        for (mean, said) in judged.probabilities.iter_mut().zip(&row.probabilities) {
            *mean += (said - *mean) / *count;
        }
    }
    let of_setting = |(setting, images): (&str, BTreeMap<&str, (f64, Judged)>)| {
        let judged: Vec<Judged> = images.into_values().map(|(_, judged)| judged).collect();
        let rows = suspects::ranked(&judged, classes).into_iter();
        rows.map(|row| SuspectRow { setting: setting.to_owned(), ..row }).collect::<Vec<_>>()
    };
    settings.into_iter().flat_map(of_setting).collect()
}

fn is_test(row: &Record) -> bool {
    cell::get(row, "split").as_str() == Some("test")
}

fn row(member: &Fold<'_>, fold: usize, prediction: &Record) -> OutOfFoldRow {
    let text = |name| cell::get(prediction, name).as_str().unwrap_or_default().to_owned();
    let numbers = |name| cell::numbers(prediction, name);
    OutOfFoldRow {
        run_id: member.run.id.clone(),
        setting: member.setting.to_owned(),
        seed: match member.run.get("seed") {
            Cell::Integer(seed) => *seed,
            _ => 0,
        },
        fold: integer(fold),
        path: text("path"),
        correct: cell::get(prediction, "correct").as_bool(),
        label: text("label"),
        predicted: text("predicted"),
        loss: cell::get(prediction, "loss").as_f64().unwrap_or(f64::NAN),
        probabilities: numbers("probabilities"),
        targets: numbers("targets"),
        logits: numbers("logits"),
    }
}
