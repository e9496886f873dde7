//! Where a run's files are: `results/<experiment>/<run id>/`.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

use crate::ResultsError;

/// Digits of the fingerprint in a run id.
const SHORT: usize = 8;

/// The folder of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunDir {
    /// Sorts by time and ends in the short fingerprint: `20261124T093012.345Z-1f2e3d4c`.
    pub id: String,
    /// `results/<experiment>/<run id>`
    pub path: PathBuf,
}

impl RunDir {
    /// Makes the folder of a new run that started at `now`.
    ///
    /// # Errors
    ///
    /// [`ResultsError::Write`].
    pub fn create(
        results: &Path,
        experiment: &str,
        fingerprint: &str,
        now: DateTime<Utc>,
    ) -> Result<Self, ResultsError> {
        let parent = results.join(experiment);
        let failed = |path: &Path, source| ResultsError::Write { path: path.to_path_buf(), source };
        std::fs::create_dir_all(&parent).map_err(|source| failed(&parent, source))?;
        let mut moment = now;
        loop {
            let id = run_id(moment, fingerprint);
            let path = parent.join(&id);
            match std::fs::create_dir(&path) {
                Ok(()) => return Ok(Self { id, path }),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                    moment += chrono::Duration::milliseconds(1);
                }
                Err(source) => return Err(failed(&path, source)),
            }
        }
    }

    /// A file of this run.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

fn run_id(moment: DateTime<Utc>, fingerprint: &str) -> String {
    let short: String = fingerprint.chars().take(SHORT).collect();
    format!("{}-{short}", moment.format("%Y%m%dT%H%M%S%.3fZ"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_time_and_never_collide() -> Result<(), Box<dyn std::error::Error>> {
        let results = tempfile::tempdir()?;
        let now = DateTime::from_timestamp_millis(1_795_491_000_345).ok_or("no such moment")?;
        let first = RunDir::create(results.path(), "a", "1f2e3d4c5b", now)?;
        let second = RunDir::create(results.path(), "a", "1f2e3d4c5b", now)?;
        assert_eq!(first.id, "20261124T033000.345Z-1f2e3d4c");
        assert!(second.id > first.id);
        Ok(())
    }
}
