//! Where a run's files are: `results/<experiment>/<run id>/`.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, Utc};
use runner_experiment::disk;

use crate::{ResultsError, lock};

/// Digits of the fingerprint in a run id.
const SHORT: usize = 8;

/// Prefix of the folders of runs that are still being set up.
const STARTING: &str = ".starting-";

/// A folder without a lock that is older than this was left by a process that was killed.
const ABANDONED: Duration = Duration::from_secs(60);

/// The folder of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunDir {
    /// Sorts by time and ends in the short fingerprint: `20261124T093012.345Z-1f2e3d4c`.
    pub id: String,
    /// `results/<experiment>/<run id>`
    pub path: PathBuf,
}

/// The folder of a run that is being set up; it gets its name once all initial files are in it.
#[derive(Debug)]
pub struct Starting {
    /// The id that the run will have.
    pub id: String,
    /// Where files are written until then.
    pub path: PathBuf,
    place: PathBuf,
}

impl Starting {
    /// Makes the folder of a new run that starts at `now`, and removes those of runs that were killed
    /// while they were being set up.
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
        clean(&parent);
        let mut moment = now;
        loop {
            let id = run_id(moment, fingerprint);
            let (path, place) = (parent.join(format!("{STARTING}{id}")), parent.join(&id));
            match std::fs::create_dir(&path) {
                Ok(()) if !place.exists() => return Ok(Self { id, path, place }),
                Ok(()) => {
                    // It is empty and unused.
                    let _ = std::fs::remove_dir(&path);
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(source) => return Err(failed(&path, source)),
            }
            moment += chrono::Duration::milliseconds(1);
        }
    }

    /// Moves the folder into place: the run appears complete.
    ///
    /// # Errors
    ///
    /// [`ResultsError::Write`].
    pub fn finish(self) -> Result<RunDir, ResultsError> {
        let Self { id, path, place } = self;
        let renamed = disk::sync_folder(&path)
            .and_then(|()| std::fs::rename(&path, &place))
            .and_then(|()| disk::sync_folder(place.parent().unwrap_or(&place)));
        match renamed {
            Ok(()) => Ok(RunDir { id, path: place }),
            Err(source) => Err(ResultsError::Write { path: place, source }),
        }
    }
}

/// Removes from the folder of an experiment what killed processes left: runs that were never
/// complete, and lock files that nobody holds.
fn clean(experiment: &Path) {
    for entry in std::fs::read_dir(experiment).into_iter().flatten().flatten() {
        let path = entry.path();
        if !entry.file_name().to_string_lossy().starts_with(STARTING) {
            lock::sweep(&path);
            continue;
        }
        let age = entry.metadata().and_then(|about| about.modified()).ok();
        let age = age.and_then(|moment| moment.elapsed().ok()).unwrap_or_default();
        // One without a lock may have been made a moment ago.
        if !lock::is_held(&path) && (lock::is_there(&path) || age > ABANDONED) {
            // What remains only takes space.
            let _ = std::fs::remove_dir_all(path);
        }
    }
}

impl RunDir {
    /// A file of this run.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

/// The part of a fingerprint that is in a run id.
pub(crate) fn short(fingerprint: &str) -> String {
    fingerprint.chars().take(SHORT).collect()
}

fn run_id(moment: DateTime<Utc>, fingerprint: &str) -> String {
    format!("{}-{}", moment.format("%Y%m%dT%H%M%S%.3fZ"), short(fingerprint))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_time_and_never_collide() -> Result<(), Box<dyn std::error::Error>> {
        let results = tempfile::tempdir()?;
        let now = DateTime::from_timestamp_millis(1_795_491_000_345).ok_or("no such moment")?;
        let create = || Starting::create(results.path(), "a", "1f2e3d4c5b", now);
        let first = create()?.finish()?;
        let (second, third) = (create()?, create()?);
        assert_eq!(first.id, "20261124T033000.345Z-1f2e3d4c");
        assert!(second.id > first.id && third.id > second.id);
        Ok(())
    }

    #[test]
    fn an_incomplete_run_is_removed_by_the_next() -> Result<(), Box<dyn std::error::Error>> {
        let results = tempfile::tempdir()?;
        // A second apart, so that the last does not get the id that the first had.
        let now = DateTime::from_timestamp_millis(1_795_491_000_345).ok_or("no such moment")?;
        let create = |seconds| {
            let moment = now + chrono::Duration::seconds(seconds);
            Starting::create(results.path(), "a", "1f2e3d4c5b", moment)
        };
        let (killed, alive) = (create(0)?, create(1)?);
        drop(lock::RunLock::take(&killed.path)?);
        let _lock = lock::RunLock::take(&alive.path)?;
        std::fs::write(killed.path.join("plan.toml"), "x")?;
        let next = create(2)?;
        assert!(!killed.path.exists() && alive.path.exists() && next.path.exists());
        Ok(())
    }
}
