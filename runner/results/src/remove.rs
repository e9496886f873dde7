//! Removing runs: only what the runner wrote, only below the folder of results, never a run that is
//! running.

use std::fs::Metadata;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use runner_experiment::disk::PARTIAL_PREFIX;

use crate::load::LoadedRun;
use crate::lock::{self, RunLock};
use crate::tables::{self, Row, RunRow};
use crate::{ResultsError, visuals};

/// What a run has besides its tables.
const FILES: [&str; 5] =
    ["experiment.toml", "plan.toml", "model.safetensors", "log.jsonl", "report.html"];

/// Folders of a run, and how the files end that the runner writes there.
const FOLDERS: [(&str, &[&str]); 2] =
    [(visuals::FOLDER, &["png", "svg", "html"]), ("checkpoints", &["safetensors"])];

/// What goes when a run goes.
#[derive(Debug, Clone)]
pub struct Removal {
    /// The run.
    pub run: LoadedRun,
    /// What its files take, in bytes.
    pub bytes: u64,
    /// What the runner did not write, and what is a link: it stays.
    pub foreign: Vec<PathBuf>,
    files: Vec<PathBuf>,
    folders: Vec<PathBuf>,
}

impl Removal {
    /// Looks at what removing a run below `results` would take; removes nothing.
    ///
    /// # Errors
    ///
    /// [`ResultsError::NotRemovable`] where the run is running or its folder is a link or outside
    /// `results`, [`ResultsError::Read`] where its folder cannot be read.
    pub fn of(results: &Path, run: LoadedRun) -> Result<Self, ResultsError> {
        let refused = |reason: &str| ResultsError::NotRemovable {
            run: run.id.clone(),
            reason: reason.to_owned(),
        };
        if lock::is_held(&run.path) {
            return Err(refused("it is running"));
        }
        let failed = |source| ResultsError::Read { path: run.path.clone(), source };
        let place = results.canonicalize().and_then(|results| {
            let folder = run.path.canonicalize()?;
            Ok(folder == results.join(&run.experiment).join(&run.id))
        });
        if !place.map_err(failed)? {
            return Err(refused("its folder is a link, or outside the results; it stays"));
        }
        let (bytes, files, folders, foreign) = (0, Vec::new(), Vec::new(), Vec::new());
        let mut removal = Self { run: run.clone(), bytes, files, folders, foreign };
        for (path, about) in entries(&run.path).map_err(failed)? {
            removal.take(path, &about).map_err(failed)?;
        }
        Ok(removal)
    }

    /// A file or folder right in the folder of the run.
    fn take(&mut self, path: PathBuf, about: &Metadata) -> std::io::Result<()> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let folder = FOLDERS.iter().find(|(folder, _)| *folder == name);
        match folder {
            // It goes when the lock is given back.
            _ if lock::is_file(&name) => Ok(()),
            Some((_, ends)) if about.is_dir() => self.below(path, ends),
            _ if about.is_file() && is_ours(&path, &name) => {
                self.bytes += about.len();
                self.files.push(path);
                Ok(())
            }
            _ => {
                self.foreign.push(path);
                Ok(())
            }
        }
    }

    fn below(&mut self, folder: PathBuf, ends: &[&str]) -> std::io::Result<()> {
        for (path, about) in entries(&folder)? {
            let end = path.extension().unwrap_or_default().to_string_lossy().into_owned();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let is_ours = ends.contains(&end.as_str()) || name.starts_with(PARTIAL_PREFIX);
            if about.is_dir() {
                self.below(path, ends)?;
            } else if about.is_file() && is_ours {
                self.bytes += about.len();
                self.files.push(path);
            } else {
                self.foreign.push(path);
            }
        }
        // Behind those in it.
        self.folders.push(folder);
        Ok(())
    }

    /// Removes the run. `run.parquet` goes last, so that a removal that was cut short can be repeated.
    ///
    /// # Errors
    ///
    /// [`ResultsError::Busy`] where the run was started meanwhile, [`ResultsError::Write`] where a
    /// file cannot be removed.
    pub fn carry_out(&self) -> Result<(), ResultsError> {
        let folder = &self.run.path;
        let lock = RunLock::take(folder)?;
        let is_last = |path: &&PathBuf| path.file_name().is_some_and(|name| name == RunRow::FILE);
        let (last, first): (Vec<_>, Vec<_>) = self.files.iter().partition(is_last);
        for path in first.into_iter().chain(last) {
            gone(path, std::fs::remove_file(path))?;
        }
        lock.release(folder);
        for path in self.folders.iter().chain([folder]) {
            // A folder with something else in it stays.
            let _ = std::fs::remove_dir(path);
        }
        if let Some(experiment) = folder.parent() {
            let _ = std::fs::remove_dir(experiment);
        }
        Ok(())
    }
}

/// What is in a folder; links are not followed.
fn entries(folder: &Path) -> std::io::Result<Vec<(PathBuf, Metadata)>> {
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let about = std::fs::symlink_metadata(&path)?;
        entries.push((path, about));
    }
    entries.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(entries)
}

/// Whether the runner wrote this file. Every table of a run has the column `run_id`; a damaged one
/// counts where its name is one of ours.
fn is_ours(path: &Path, name: &str) -> bool {
    if FILES.contains(&name) || name.starts_with(PARTIAL_PREFIX) {
        return true;
    }
    let is_table = path.extension().is_some_and(|end| end == "parquet");
    let known = || tables::NAMES.contains(&name);
    let has_id = || tables::has_column(path, "run_id");
    is_table && (known() || has_id())
}

fn gone(path: &Path, removed: std::io::Result<()>) -> Result<(), ResultsError> {
    match removed {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(ResultsError::Write { path: path.to_path_buf(), source: error })
        }
        _ => Ok(()),
    }
}
