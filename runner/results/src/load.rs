//! Runs read back from a folder of results.

use std::path::{Path, PathBuf};

use crate::tables::{self, Cell, Record, cell};
use crate::{ResultsError, lock, run_dir};

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
    /// `run.parquet`; empty where that cannot be read.
    pub run: Record,
    /// Whether a process was working on it right before the table was read.
    held: bool,
}

impl LoadedRun {
    /// `running`, `finished`, `failed`, `interrupted` or `unreadable`. A run whose process was killed
    /// counts as interrupted.
    #[must_use]
    pub fn status(&self) -> &str {
        match self.get("status").as_str() {
            Some("running") if !self.held => "interrupted",
            Some(status) => status,
            None => UNREADABLE,
        }
    }

    /// A column of `run.parquet`.
    #[must_use]
    pub fn get(&self, column: &str) -> &Cell {
        cell::get(&self.run, column)
    }

    /// Every entry of the plan.
    ///
    /// # Errors
    ///
    /// [`ResultsError`] where the table cannot be read.
    pub fn params(&self) -> Result<Vec<(String, String)>, ResultsError> {
        let rows = tables::read(&self.path.join("params.parquet"))?;
        let text = |row: &Record, name| cell::get(row, name).as_str().unwrap_or("").to_owned();
        Ok(rows.iter().map(|row| (text(row, "key"), text(row, "value"))).collect())
    }

    /// The last row of `epochs.parquet`, where there is one.
    #[must_use]
    pub fn last_epoch(&self) -> Record {
        let rows = tables::read(&self.path.join("epochs.parquet")).unwrap_or_default();
        rows.into_iter().next_back().unwrap_or_default()
    }

    /// The same run, read again.
    #[must_use]
    pub(crate) fn again(&self) -> Self {
        let Self { id, experiment, path, .. } = self.clone();
        load(Found { id, experiment, path }).unwrap_or_else(|| self.clone())
    }
}

/// The run in a folder; `None` where there is none.
#[must_use]
pub fn at(folder: &Path) -> Option<LoadedRun> {
    let name = |path: &Path| Some(path.file_name()?.to_string_lossy().into_owned());
    let (id, experiment) = (name(folder)?, name(folder.parent()?)?);
    load(Found { id, experiment, path: folder.to_path_buf() })
}

/// Where a run is, by its folders alone.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Found {
    id: String,
    experiment: String,
    path: PathBuf,
}

/// Every run below `results`, newest first. One whose table cannot be read is among them.
#[must_use]
pub fn runs(results: &Path) -> Vec<LoadedRun> {
    found(results).into_iter().filter_map(load).collect()
}

/// Runs of one experiment whose id ends in the short form of a fingerprint, newest first; each is
/// read when it is asked for.
pub fn of_plan<'a>(
    results: &Path,
    experiment: &'a str,
    fingerprint: &str,
) -> impl Iterator<Item = LoadedRun> + 'a {
    let end = format!("-{}", run_dir::short(fingerprint));
    let fits = move |run: &Found| run.experiment == experiment && run.id.ends_with(end.as_str());
    found(results).into_iter().filter(fits).filter_map(load)
}

/// Runs of one experiment, newest first; each is read when it is asked for.
pub fn of_experiment<'a>(
    results: &Path,
    experiment: &'a str,
) -> impl Iterator<Item = LoadedRun> + 'a {
    let fits = move |run: &Found| run.experiment == experiment;
    found(results).into_iter().filter(fits).filter_map(load)
}

/// Newest first; ids sort by time.
fn found(results: &Path) -> Vec<Found> {
    let name = |path: &Path| Some(path.file_name()?.to_string_lossy().into_owned());
    let mut found: Vec<Found> = Vec::new();
    for experiment in folders(results) {
        let runs = folders(&experiment).into_iter().filter_map(|path| {
            Some(Found { id: name(&path)?, experiment: name(&experiment)?, path })
        });
        found.extend(runs);
    }
    found.sort_by(|a, b| b.id.cmp(&a.id).then_with(|| a.path.cmp(&b.path)));
    found
}

/// Folders below a folder, hidden ones aside.
fn folders(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let shown = entries.filter(|entry| !entry.file_name().as_encoded_bytes().starts_with(b"."));
    shown.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
}

/// `None` where there is no run.
fn load(found: Found) -> Option<LoadedRun> {
    let Found { id, experiment, path } = found;
    let table = path.join("run.parquet");
    // Where the table is not a file, the run is there but cannot be read.
    std::fs::symlink_metadata(&table).ok()?;
    // In this order: a run writes its last status before it gives its lock back.
    let held = lock::is_held(&path);
    let run = tables::read(&table).ok().and_then(|rows| rows.into_iter().next());
    Some(LoadedRun { id, experiment, run: run.unwrap_or_default(), path, held })
}

/// The run called `name`: its id, the start or end of it, its folder, or `last`.
///
/// # Errors
///
/// [`ResultsError::NoSuchRun`] or [`ResultsError::Ambiguous`].
pub fn find(results: &Path, name: &str) -> Result<LoadedRun, ResultsError> {
    let all = found(results);
    if name == "last" {
        let newest = all.iter().find_map(|run| load(run.clone()));
        return newest.ok_or_else(|| no_such_run(results, &all, name));
    }
    let folder = Path::new(name).components().collect::<PathBuf>();
    let fits = |run: &&Found| {
        run.id.starts_with(name)
            || run.id.ends_with(name)
            || run.path.components().collect::<PathBuf>() == folder
    };
    let mut matches: Vec<LoadedRun> =
        all.iter().filter(fits).filter_map(|run| load(run.clone())).collect();
    match matches.len() {
        1 => Ok(matches.remove(0)),
        0 => Err(no_such_run(results, &all, name)),
        _ => Err(ResultsError::Ambiguous {
            name: name.to_owned(),
            matches: matches.into_iter().map(|run| run.id).collect(),
        }),
    }
}

/// The runs that the names stand for, each a run or an experiment; all where there is no name.
/// Oldest first, each once.
///
/// # Errors
///
/// As [`find`].
pub fn select(results: &Path, names: &[String]) -> Result<Vec<LoadedRun>, ResultsError> {
    let all = found(results);
    let mut chosen: Vec<LoadedRun> = match names {
        [] => all.iter().cloned().filter_map(load).collect(),
        _ => Vec::new(),
    };
    for name in names {
        let of_experiment: Vec<&Found> = all.iter().filter(|run| run.experiment == *name).collect();
        match of_experiment.is_empty() {
            true => chosen.push(find(results, name)?),
            false => chosen.extend(of_experiment.into_iter().cloned().filter_map(load)),
        }
    }
    chosen.sort_by(|a, b| a.id.cmp(&b.id));
    chosen.dedup_by(|a, b| a.path == b.path);
    Ok(chosen)
}

fn no_such_run(results: &Path, runs: &[Found], name: &str) -> ResultsError {
    let names = runs.iter().flat_map(|run| [run.id.as_str(), run.experiment.as_str()]);
    let close = names
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, _)| *distance <= 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate.to_owned());
    ResultsError::NoSuchRun { name: name.to_owned(), results: results.to_path_buf(), close }
}
