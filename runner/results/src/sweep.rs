//! The folder of a sweep, `results/<experiment>/sweeps/<sweep>/`: its table, its report, and who is
//! working on which member. Its members are runs like any other, in folders of their own.

use std::path::{Path, PathBuf};

use crate::ResultsError;
use crate::lock::FileLock;
use crate::tables::{self, SweepRow};

/// The folder of sweeps in that of an experiment.
const SWEEPS: &str = "sweeps";

/// The folder of one sweep.
#[derive(Debug, Clone)]
pub struct SweepFolder {
    /// Its id.
    pub id: String,
    /// `results/<experiment>/sweeps/<sweep>`
    pub path: PathBuf,
}

impl SweepFolder {
    /// Where a sweep is; nothing is made.
    #[must_use]
    pub fn new(results: &Path, experiment: &str, id: &str) -> Self {
        Self { id: id.to_owned(), path: results.join(experiment).join(SWEEPS).join(id) }
    }

    /// Every sweep below `results`.
    #[must_use]
    pub fn all(results: &Path) -> Vec<Self> {
        let folders = |folder: &Path| -> Vec<PathBuf> {
            let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
            entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
        };
        let sweeps = folders(results).into_iter().flat_map(|path| folders(&path.join(SWEEPS)));
        let named = sweeps.filter_map(|path| {
            Some(Self { id: path.file_name()?.to_string_lossy().into_owned(), path })
        });
        named.collect()
    }

    /// Makes the folder.
    ///
    /// # Errors
    ///
    /// [`ResultsError::Write`].
    pub fn make(&self) -> Result<(), ResultsError> {
        let failed = |source| ResultsError::Write { path: self.path.clone(), source };
        std::fs::create_dir_all(&self.path).map_err(failed)
    }

    /// Writes `sweep.parquet`.
    ///
    /// # Errors
    ///
    /// [`ResultsError::Table`] or [`ResultsError::Write`].
    pub fn write(&self, rows: Vec<SweepRow>) -> Result<(), ResultsError> {
        tables::write_with("sweep", &self.path, &self.id, rows)
    }

    /// Takes a member, so that no other process works on it; `None` where one does. Whoever holds it
    /// may end in any way: the system lets go of it.
    ///
    /// # Errors
    ///
    /// [`ResultsError::Write`].
    pub fn claim(&self, member: usize) -> Result<Option<FileLock>, ResultsError> {
        FileLock::try_take(&self.path.join(format!(".member-{member}")))
    }
}
