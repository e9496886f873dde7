//! Runs in the formats of other tools.
//!
//! Owns what a run has to say to them, read once from its tables. Each target is a file of its own:
//! it decides on names and layout, and takes every value from here.
//!
//! An export can be made again at any time, so nothing is synced to disk.

pub mod mlflow;
pub mod tensorboard;

use std::path::Path;

use runner_experiment::disk::{self, Synced};

use crate::ResultsError;
use crate::load::{LoadedRun, UNREADABLE};
use crate::tables::{self, Cell, Record, cell};

/// Everything that a run says, in the form that other tools take.
#[derive(Debug, Clone)]
pub struct Content<'a> {
    /// The run.
    pub run: &'a LoadedRun,
    /// When it started, in milliseconds since 1970.
    pub started: i64,
    /// When it ended, in milliseconds since 1970; `None` while it is running.
    pub ended: Option<i64>,
    /// Every entry of the plan.
    pub params: Vec<(String, String)>,
    /// Every epoch so far.
    pub epochs: Vec<Epoch>,
    /// The numbers of `run.parquet`, by column: scores, counts, durations. The seed is a parameter.
    pub scores: Vec<(String, f64)>,
    /// Everything else in `run.parquet` that has a value, by column.
    pub facts: Vec<(String, String)>,
    /// Tags that were given to the run.
    pub tags: Vec<String>,
    /// What was noted about it.
    pub note: Option<String>,
}

/// One row of `epochs.parquet`.
#[derive(Debug, Clone, PartialEq)]
pub struct Epoch {
    /// Counted over all stages, from 1.
    pub step: i64,
    /// When it ended, in milliseconds since 1970: the start of the run and the durations of its epochs
    /// so far. It grows from epoch to epoch.
    pub time: i64,
    /// Its numbers, by column; what is not finite is among them.
    pub values: Vec<(String, f64)>,
}

impl<'a> Content<'a> {
    /// Reads the tables of a run.
    ///
    /// # Errors
    ///
    /// [`ResultsError::Read`] or [`ResultsError::Table`] where the run cannot be read.
    pub fn read(run: &'a LoadedRun) -> Result<Self, ResultsError> {
        if run.status() == UNREADABLE {
            return Err(why_unreadable(run));
        }
        let started = time(run.get("started_at")).unwrap_or(0);
        let epochs = epochs(&rows(&run.path.join("epochs.parquet"))?, started);
        let labels = rows(&run.path.join("labels.parquet"))?.into_iter().next().unwrap_or_default();
        let ended = match run.status() {
            "running" => None,
            // One that was killed did not say when.
            _ => time(run.get("finished_at")).or(Some(epochs.last().map_or(started, |e| e.time))),
        };
        let (scores, facts) = scores_and_facts(run);
        Ok(Self {
            run,
            started,
            ended,
            params: run.params()?,
            epochs,
            scores,
            facts,
            tags: texts(cell::get(&labels, "tags")),
            note: cell::get(&labels, "note").as_str().map(str::to_owned),
        })
    }

    /// The last step that anything is known of.
    #[must_use]
    pub fn last_step(&self) -> i64 {
        self.epochs.last().map_or(0, |epoch| epoch.step)
    }

    /// The last moment that anything is known of, in milliseconds since 1970.
    #[must_use]
    pub fn last_moment(&self) -> i64 {
        let last = self.epochs.last().map_or(self.started, |epoch| epoch.time);
        self.ended.map_or(last, |ended| ended.max(last))
    }
}

/// What reading `run.parquet` says.
fn why_unreadable(run: &LoadedRun) -> ResultsError {
    let path = run.path.join("run.parquet");
    match tables::read(&path) {
        Err(error) => error,
        Ok(_) => ResultsError::Table { path, source: "it does not say how the run stands".into() },
    }
}

/// A table; empty where there is none.
fn rows(path: &Path) -> Result<Vec<Record>, ResultsError> {
    match path.symlink_metadata() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        _ => tables::read(path),
    }
}

fn time(cell: &Cell) -> Option<i64> {
    match cell {
        Cell::Time(millis) => Some(*millis),
        _ => None,
    }
}

fn texts(cell: &Cell) -> Vec<String> {
    match cell {
        Cell::List(items) => items.iter().map(ToString::to_string).collect(),
        _ => Vec::new(),
    }
}

fn epochs(rows: &[Record], started: i64) -> Vec<Epoch> {
    let (mut seconds, mut time) = (0.0, started);
    let mut epochs = Vec::with_capacity(rows.len());
    for (index, row) in rows.iter().enumerate() {
        let duration = cell::get(row, "duration_s").as_f64().unwrap_or(0.0);
        seconds += if duration.is_finite() { duration.max(0.0) } else { 0.0 };
        time = (started + (seconds * 1e3).round() as i64).max(time + 1);
        let step = match cell::get(row, "global_epoch") {
            Cell::Integer(step) => *step,
            _ => tables::integer(index + 1),
        };
        let shown =
            row.iter().filter(|(name, _)| !["epoch", "global_epoch"].contains(&name.as_str()));
        let values = shown.filter_map(|(name, value)| Some((name.clone(), value.as_f64()?)));
        epochs.push(Epoch { step, time, values: values.collect() });
    }
    epochs
}

type Named<T> = Vec<(String, T)>;

fn scores_and_facts(run: &LoadedRun) -> (Named<f64>, Named<String>) {
    let (mut scores, mut facts) = (Vec::new(), Vec::new());
    for (name, value) in &run.run {
        match (name.as_str(), value) {
            ("run_id" | "experiment" | "status", _) | (_, Cell::Null) => {}
            ("seed", value) => facts.push((name.clone(), value.to_string())),
            (_, value) => match value.as_f64() {
                Some(number) => scores.push((name.clone(), number)),
                None => facts.push((name.clone(), value.to_string())),
            },
        }
    }
    (scores, facts)
}

/// Makes a folder and those above it.
fn make_folder(path: &Path) -> Result<(), ResultsError> {
    std::fs::create_dir_all(path)
        .map_err(|source| ResultsError::Write { path: path.to_path_buf(), source })
}

/// Writes a file that appears whole or not at all.
fn write(path: &Path, bytes: &[u8]) -> Result<(), ResultsError> {
    disk::write(path, bytes, Synced::Later)
        .map_err(|source| ResultsError::Write { path: path.to_path_buf(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_epochs_grow_whatever_their_durations_say() {
        let row = |epoch: i64, seconds: f64| -> Record {
            let number = |name: &str, value| (name.to_owned(), Cell::Float(value));
            vec![
                ("global_epoch".to_owned(), Cell::Integer(epoch)),
                number("train_loss", f64::NAN),
                number("duration_s", seconds),
            ]
        };
        let rows = [row(1, 1.5), row(2, 0.0), row(3, f64::NAN), row(4, -3.0), row(5, 0.5)];
        let epochs = epochs(&rows, 1_000);
        let times: Vec<i64> = epochs.iter().map(|epoch| epoch.time).collect();
        // 1.5 s after the start, then a millisecond later each, then 2.0 s after the start.
        assert_eq!(times, [2_500, 2_501, 2_502, 2_503, 3_000]);
        assert_eq!(epochs[4].step, 5);
        assert!(epochs[0].values.iter().any(|(name, v)| name == "train_loss" && v.is_nan()));
    }
}
