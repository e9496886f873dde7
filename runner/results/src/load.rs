//! Runs read back from a folder of results.

use std::path::{Path, PathBuf};

use crate::tables::{self, Cell, Record, cell};
use crate::{ResultsError, lock};

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
    /// Whether a process was at work on it right before the table was read.
    held: bool,
}

impl LoadedRun {
    /// running, finished, failed, interrupted, or unreadable. A run whose process is gone without
    /// a word is interrupted.
    #[must_use]
    pub fn status(&self) -> &str {
        match self.get("status").as_str() {
            Some("running") if !self.held => "interrupted",
            Some(status) => status,
            None => "unreadable",
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
}

/// Every run below `results`, newest first.
#[must_use]
pub fn runs(results: &Path) -> Vec<LoadedRun> {
    let mut runs: Vec<LoadedRun> =
        folders(results).iter().flat_map(|folder| folders(folder)).filter_map(load).collect();
    runs.sort_by(|a, b| b.id.cmp(&a.id));
    runs
}

fn folders(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.is_dir()).collect()
}

fn load(path: PathBuf) -> Option<LoadedRun> {
    let table = path.join("run.parquet");
    if !table.is_file() {
        return None;
    }
    // In this order: a run writes its last status before it gives its lock back.
    let held = lock::is_held(&path);
    let name = |path: &Path| Some(path.file_name()?.to_string_lossy().into_owned());
    Some(LoadedRun {
        id: name(&path)?,
        experiment: name(path.parent()?)?,
        run: tables::read(&table).ok().and_then(|rows| rows.into_iter().next()).unwrap_or_default(),
        path,
        held,
    })
}

/// The run called `name`: its id, the start or end of it, its folder, or `last`.
///
/// # Errors
///
/// [`ResultsError::NoSuchRun`] or [`ResultsError::Ambiguous`].
pub fn find(results: &Path, name: &str) -> Result<LoadedRun, ResultsError> {
    let runs = runs(results);
    let fits = |run: &&LoadedRun| {
        run.id.starts_with(name) || run.id.ends_with(name) || run.path == Path::new(name)
    };
    let matches: Vec<&LoadedRun> = match name {
        "last" => runs.iter().take(1).collect(),
        _ => runs.iter().filter(fits).collect(),
    };
    match matches[..] {
        [run] => Ok(run.clone()),
        [] => Err(no_such_run(results, &runs, name)),
        _ => Err(ResultsError::Ambiguous {
            name: name.to_owned(),
            matches: matches.iter().map(|run| run.id.clone()).collect(),
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
    let all = runs(results);
    let mut chosen: Vec<LoadedRun> = match names {
        [] => all.clone(),
        _ => Vec::new(),
    };
    for name in names {
        let own: Vec<&LoadedRun> = all.iter().filter(|run| run.experiment == *name).collect();
        match own.is_empty() {
            true => chosen.push(find(results, name)?),
            false => chosen.extend(own.into_iter().cloned()),
        }
    }
    chosen.sort_by(|a, b| a.id.cmp(&b.id));
    chosen.dedup_by(|a, b| a.path == b.path);
    Ok(chosen)
}

fn no_such_run(results: &Path, runs: &[LoadedRun], name: &str) -> ResultsError {
    let names = runs.iter().flat_map(|run| [run.id.as_str(), run.experiment.as_str()]);
    let close = names
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, _)| *distance <= 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate.to_owned());
    ResultsError::NoSuchRun { name: name.to_owned(), results: results.to_path_buf(), close }
}
