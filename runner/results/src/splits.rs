//! Which image was in which split: `splits.parquet`, read back.

use std::path::Path;

use crate::ResultsError;
use crate::load::{self, LoadedRun};
use crate::tables::{self, Cell, Record, Row as _, SplitRow, cell};

/// The entries of a plan that say how a folder is divided, which of its folds is the test aside.
const DIVIDES: [&str; 3] = ["dataset.path", "dataset.table", "dataset.folds"];
/// The same, in a table of their own.
const DIVISION: &str = "dataset.split.";
/// Of these, what does not say how.
const FROM: &str = "dataset.split.from";
/// Which fold is the test.
const FOLD: &str = "dataset.fold";

/// Where images went in a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Splits {
    /// The run; `None` for a file that belongs to none.
    pub run: Option<String>,
    /// The fold that was its test split.
    pub fold: Option<usize>,
    /// Hash of the image, split and fold.
    pub images: Vec<(String, String, Option<usize>)>,
}

/// Those of a run; `None` where it divided none.
///
/// # Errors
///
/// [`ResultsError`] where the table cannot be read.
pub fn of_run(run: &LoadedRun) -> Result<Option<Splits>, ResultsError> {
    let path = run.path.join(SplitRow::FILE);
    if !path.is_file() {
        return Ok(None);
    }
    let params = run.params()?;
    let fold = params.iter().find(|(key, _)| key == FOLD).and_then(|(_, fold)| fold.parse().ok());
    Ok(Some(Splits { run: Some(run.id.clone()), fold, ..read(&path)? }))
}

/// Those of a table that lies anywhere.
///
/// # Errors
///
/// [`ResultsError`] where it cannot be read, or is another table.
pub fn read(path: &Path) -> Result<Splits, ResultsError> {
    let rows = tables::read(path)?;
    let images: Option<Vec<_>> = rows.iter().map(image).collect();
    let images = images.ok_or_else(|| ResultsError::Table {
        path: path.to_path_buf(),
        source: "it lacks `image_hash` or `split`: give the splits.parquet of a run".into(),
    })?;
    Ok(Splits { run: None, fold: None, images })
}

fn image(row: &Record) -> Option<(String, String, Option<usize>)> {
    let text = |name| cell::get(row, name).as_str().map(str::to_owned);
    let fold = match cell::get(row, "fold") {
        Cell::Integer(fold) => usize::try_from(*fold).ok(),
        _ => None,
    };
    Some((text("image_hash")?, text("split")?, fold))
}

/// Those of the newest run of an experiment that divided its images as a plan does; of a
/// cross-validation, of the newest one with the same fold where there is one.
///
/// # Errors
///
/// [`ResultsError`] where its table cannot be read.
pub fn newest(
    results: &Path,
    experiment: &str,
    plan: &[(String, String)],
) -> Result<Option<Splits>, ResultsError> {
    let wanted = division(plan);
    let fold = plan.iter().find(|(key, _)| key == FOLD);
    let mut newest = None;
    for run in load::of_experiment(results, experiment) {
        let has_table = run.path.join(SplitRow::FILE).is_file();
        let Some(params) = has_table.then(|| run.params().ok()).flatten() else { continue };
        if division(&params) != wanted {
            continue;
        }
        if fold.is_none() || params.iter().any(|param| Some(param) == fold) {
            return of_run(&run);
        }
        newest.get_or_insert(run);
    }
    newest.map_or(Ok(None), |run| of_run(&run))
}

fn division(plan: &[(String, String)]) -> Vec<&(String, String)> {
    let counts = |key: &str| DIVIDES.contains(&key) || (key.starts_with(DIVISION) && key != FROM);
    let mut found: Vec<_> = plan.iter().filter(|(key, _)| counts(key)).collect();
    found.sort();
    found
}
