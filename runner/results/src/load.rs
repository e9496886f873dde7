//! Runs read back from a folder of results.

mod found;
mod select;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use rayon::prelude::*;

use crate::labels::Labels;
use crate::tables::{self, Cell, Record, Row, RunRow, cell};
use crate::{ResultsError, lock, run_dir};
use found::{Found, found, found_in, newest_first};

pub use found::short_ids;
pub use select::{find, select, select_with};

/// The status of a run whose tables cannot be read.
pub const UNREADABLE: &str = "unreadable";

/// One run as it lies on disk.
#[derive(Debug, Clone)]
pub struct LoadedRun {
    /// Its id.
    pub id: String,
    /// The experiment it belongs to, by its folder.
    pub experiment: String,
    /// Its folder.
    pub path: PathBuf,
    /// The columns of `run.parquet` that were asked for; empty where that cannot be read.
    pub run: Record,
    /// What people say about it.
    pub labels: Labels,
    /// Whether a process was working on it right before the table was read.
    held: bool,
    /// The whole row, where only some columns were asked for and then another one.
    whole: Option<OnceLock<Record>>,
}

/// The status of a run by what its table says and whether a process works on it.
pub(crate) fn status(written: &Cell, held: bool) -> &str {
    match written.as_str() {
        Some("running") if !held => "interrupted",
        Some(status) => status,
        None => UNREADABLE,
    }
}

impl LoadedRun {
    /// `running`, `finished`, `failed`, `interrupted` or `unreadable`. A run whose process was killed
    /// counts as interrupted.
    #[must_use]
    pub fn status(&self) -> &str {
        status(self.get("status"), self.held)
    }

    /// A column of `run.parquet`. One that was not asked for is read now.
    #[must_use]
    pub fn get(&self, column: &str) -> &Cell {
        let whole = match &self.whole {
            Some(whole) if !self.run.iter().any(|(name, _)| name == column) => whole,
            _ => return cell::get(&self.run, column),
        };
        let row = || row(&self.path, None).unwrap_or_default();
        cell::get(whole.get_or_init(row), column)
    }

    /// Every entry of the plan.
    ///
    /// # Errors
    ///
    /// [`ResultsError`] where the table cannot be read.
    pub fn params(&self) -> Result<Vec<(String, String)>, ResultsError> {
        let path = self.path.join("params.parquet");
        let rows = tables::read_columns(&path, &["key", "value"])?;
        let text = |row: &Record, name| cell::get(row, name).as_str().unwrap_or("").to_owned();
        Ok(rows.iter().map(|row| (text(row, "key"), text(row, "value"))).collect())
    }

    /// The tags of its plan, then those that people gave it, each once. Those of the plan are read
    /// now; where they cannot be, they are left out.
    #[must_use]
    pub fn tags(&self) -> Vec<String> {
        let params = self.params().unwrap_or_default();
        let plan = params.iter().find(|(key, _)| key == "experiment.tags");
        self.labels.with_tags_of_plan(plan.map_or("", |(_, tags)| tags.as_str()))
    }

    /// The last row of `epochs.parquet`, where there is one.
    #[must_use]
    pub fn last_epoch(&self) -> Record {
        last(tables::read(&self.path.join("epochs.parquet")))
    }

    /// Loss and accuracy on the validation images after the last epoch.
    #[must_use]
    pub(crate) fn last_validation(&self) -> Record {
        let columns = ["validation_loss", "validation_accuracy"];
        last(tables::read_columns(&self.path.join("epochs.parquet"), &columns))
    }

    /// The same run, read again.
    #[must_use]
    pub(crate) fn again(&self) -> Self {
        let Self { id, experiment, path, .. } = self.clone();
        load(Found { id, experiment, path }, None).unwrap_or_else(|| self.clone())
    }
}

fn last(rows: Result<Vec<Record>, ResultsError>) -> Record {
    rows.unwrap_or_default().into_iter().next_back().unwrap_or_default()
}

/// Every run below `results`, newest first. One whose table cannot be read is among them.
#[must_use]
pub fn runs(results: &Path) -> Vec<LoadedRun> {
    load_all(found(results), None)
}

/// The same, with some columns of `run.parquet` at hand; any other is read when it is asked for.
#[must_use]
pub fn runs_with(results: &Path, columns: &[&str]) -> Vec<LoadedRun> {
    load_all(found(results), Some(columns))
}

/// The tags of each run, read beside each other; see [`LoadedRun::tags`].
#[must_use]
pub fn tags(runs: &[LoadedRun]) -> Vec<Vec<String>> {
    runs.par_iter().map(LoadedRun::tags).collect()
}

/// Runs of one experiment whose id ends in the short form of a fingerprint, newest first; each is
/// read when it is asked for.
pub fn of_plan<'a>(
    results: &Path,
    experiment: &'a str,
    fingerprint: &str,
) -> impl Iterator<Item = LoadedRun> + 'a {
    let end = format!("-{}", run_dir::short(fingerprint));
    of_experiment_found(results, experiment)
        .filter(move |run| run.id.ends_with(end.as_str()))
        .filter_map(|run| load(run, None))
}

/// Runs of one experiment, newest first; each is read when it is asked for.
pub fn of_experiment<'a>(
    results: &Path,
    experiment: &'a str,
) -> impl Iterator<Item = LoadedRun> + 'a {
    of_experiment_found(results, experiment).filter_map(|run| load(run, None))
}

fn of_experiment_found<'a>(
    results: &Path,
    experiment: &'a str,
) -> impl Iterator<Item = Found> + 'a {
    let mut found = found_in(&results.join(experiment));
    newest_first(&mut found);
    found.into_iter().filter(move |run| run.experiment == experiment)
}

/// In the same order, read beside each other.
fn load_all(found: Vec<Found>, columns: Option<&[&str]>) -> Vec<LoadedRun> {
    found.into_par_iter().filter_map(|run| load(run, columns)).collect()
}

/// The run in a folder; `None` where there is none.
#[must_use]
pub fn at(folder: &Path) -> Option<LoadedRun> {
    let name = |path: &Path| Some(path.file_name()?.to_string_lossy().into_owned());
    let (id, experiment) = (name(folder)?, name(folder.parent()?)?);
    load(Found { id, experiment, path: folder.to_path_buf() }, None)
}

/// `None` where there is no run.
fn load(found: Found, columns: Option<&[&str]>) -> Option<LoadedRun> {
    // Where the table is not a file, the run is there but cannot be read.
    if !found.is_run() {
        return None;
    }
    let Found { id, experiment, path } = found;
    // In this order: a run writes its last status before it gives its lock back.
    let held = lock::is_held(&path);
    let run = row(&path, columns);
    // A row that could not be read has no further columns.
    let whole = columns.filter(|_| run.is_some()).map(|_| OnceLock::new());
    // Labels that cannot be read are no reason to hide a run.
    let labels = Labels::read(&path).unwrap_or_default();
    Some(LoadedRun { id, experiment, run: run.unwrap_or_default(), labels, path, held, whole })
}

fn row(folder: &Path, columns: Option<&[&str]>) -> Option<Record> {
    let path = folder.join(RunRow::FILE);
    let rows = match columns {
        Some(columns) => tables::read_columns(&path, columns),
        None => tables::read(&path),
    };
    rows.ok()?.into_iter().next()
}
