//! Runs followed while they are under way.
//!
//! Owns which runs are followed, and reads from their tables what changed since the last look. It
//! needs nothing of the process that writes a run, and never writes.

mod run;

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

pub use run::{LiveEpoch, LiveRun};

use crate::{ResultsError, load, lock};

/// Runs that are shown where none is running.
const NEWEST: usize = 50;

/// What is asked for by name.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Name {
    Experiment(String),
    Run(PathBuf),
}

/// The running runs of a folder of results, and those that ended since they were followed.
#[derive(Debug)]
pub struct Live {
    results: PathBuf,
    names: Vec<Name>,
    /// Runs that were there at the first look.
    before: Option<HashSet<PathBuf>>,
    followed: BTreeMap<PathBuf, LiveRun>,
    newest: BTreeMap<PathBuf, LiveRun>,
}

impl Live {
    /// Follows the runs and experiments of these names; every run where there is no name.
    ///
    /// # Errors
    ///
    /// [`ResultsError::NoSuchRun`] or [`ResultsError::Ambiguous`].
    pub fn open(results: &Path, names: &[String]) -> Result<Self, ResultsError> {
        let named = |name: &String| match is_experiment(results, name) {
            true => Ok(Name::Experiment(name.clone())),
            false => load::find(results, name).map(|run| Name::Run(run.path)),
        };
        Ok(Self {
            results: results.to_path_buf(),
            names: names.iter().map(named).collect::<Result<_, _>>()?,
            before: None,
            followed: BTreeMap::new(),
            newest: BTreeMap::new(),
        })
    }

    /// Looks again; whether anything changed.
    pub fn look(&mut self) -> bool {
        let folders = self.folders();
        let mut changed = self.find(&folders);
        let there: HashSet<&PathBuf> = folders.iter().map(|(_, path)| path).collect();
        for runs in [&mut self.followed, &mut self.newest] {
            let known = runs.len();
            runs.retain(|path, _| there.contains(path));
            changed |= runs.len() != known;
            for run in runs.values_mut() {
                changed |= run.look();
            }
        }
        self.before.get_or_insert_with(|| there.into_iter().cloned().collect());
        changed
    }

    /// Follows what is new; whether anything is.
    fn find(&mut self, folders: &[(String, PathBuf)]) -> bool {
        let mut changed = false;
        for (experiment, path) in folders {
            let is_new = self.before.as_ref().is_some_and(|before| !before.contains(path));
            let is_named = self.names.iter().any(|name| *name == Name::Run(path.clone()));
            if self.followed.contains_key(path) || !(is_new || is_named || lock::is_held(path)) {
                continue;
            }
            if let Some(run) = LiveRun::open(experiment, path) {
                self.followed.insert(path.clone(), run);
                changed = true;
            }
        }
        if !self.followed.is_empty() {
            self.newest.clear();
            return changed;
        }
        // Ids sort by time.
        let mut all: Vec<&(String, PathBuf)> = folders.iter().collect();
        all.sort_by(|a, b| b.1.file_name().cmp(&a.1.file_name()));
        for (experiment, path) in all.into_iter().take(NEWEST) {
            if !self.newest.contains_key(path)
                && let Some(run) = LiveRun::open(experiment, path)
            {
                self.newest.insert(path.clone(), run);
                changed = true;
            }
        }
        changed
    }

    /// Experiment and folder of every run that was asked for.
    fn folders(&self) -> Vec<(String, PathBuf)> {
        let mut found = Vec::new();
        for folder in folders(&self.results) {
            let experiment = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let all = self.names.is_empty()
                || self.names.iter().any(|name| *name == Name::Experiment(experiment.clone()));
            for path in folders_of(&folder) {
                if all || self.names.iter().any(|name| *name == Name::Run(path.clone())) {
                    found.push((experiment.clone(), path));
                }
            }
        }
        found
    }

    /// Whether the runs are merely the newest: nothing runs, and nothing did since the first look.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.followed.is_empty()
    }

    /// The followed runs, running ones first, each newest first; the newest of all where there is none.
    #[must_use]
    pub fn runs(&self) -> Vec<&LiveRun> {
        let runs = if self.is_idle() { &self.newest } else { &self.followed };
        let mut runs: Vec<&LiveRun> = runs.values().collect();
        runs.sort_by(|a, b| {
            let running = |run: &LiveRun| run.status() != "running";
            running(a).cmp(&running(b)).then_with(|| b.id.cmp(&a.id)).then(a.path.cmp(&b.path))
        });
        runs
    }
}

fn is_experiment(results: &Path, name: &str) -> bool {
    folders(results).iter().any(|folder| folder.file_name().is_some_and(|found| found == name))
}

/// Folders below a folder, hidden ones aside.
fn folders(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let shown = entries.filter(|entry| !entry.file_name().as_encoded_bytes().starts_with(b"."));
    shown.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
}

/// Folders of runs, as far as their names tell: what is no folder is found out when it is opened.
fn folders_of(experiment: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(experiment).into_iter().flatten().flatten();
    let shown = entries.filter(|entry| !entry.file_name().as_encoded_bytes().starts_with(b"."));
    shown.map(|entry| entry.path()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lock::RunLock;
    use crate::tables::{self, RunRow};

    fn make(results: &Path, experiment: &str, id: &str, status: &str) -> PathBuf {
        let path = results.join(experiment).join(id);
        let row = RunRow { status: status.to_owned(), ..RunRow::default() };
        let made = std::fs::create_dir_all(&path);
        assert!(made.is_ok() && tables::write(&path, id, vec![row]).is_ok());
        path
    }

    fn seen(live: &Live) -> Vec<(&str, &str)> {
        live.runs().into_iter().map(|run| (run.id.as_str(), run.status())).collect()
    }

    #[test]
    fn running_runs_are_followed_to_their_end() -> Result<(), Box<dyn std::error::Error>> {
        let results = tempfile::tempdir()?;
        let at = results.path();
        make(at, "a", "1", "finished");
        make(at, "b", "2", "running");
        // As a sweep's folder: no run.
        std::fs::create_dir_all(at.join("b/sweeps/x"))?;
        let mut live = Live::open(at, &[])?;
        assert!(live.look() && live.is_idle() && !live.look());
        // Killed: its table says that it runs, and nobody holds its lock.
        assert_eq!(seen(&live), [("2", "interrupted"), ("1", "finished")]);
        let path = make(at, "a", "3", "running");
        let lock = RunLock::take(&path)?;
        assert!(live.look() && !live.is_idle());
        assert_eq!(seen(&live), [("3", "running")]);
        make(at, "a", "4", "failed");
        assert!(live.look());
        assert_eq!(seen(&live), [("3", "running"), ("4", "failed")]);
        drop(lock);
        assert!(live.look());
        assert_eq!(seen(&live), [("4", "failed"), ("3", "interrupted")]);
        std::fs::remove_dir_all(at.join("a/4"))?;
        assert!(live.look() && !live.look());
        assert_eq!(seen(&live), [("3", "interrupted")]);
        let mut one = Live::open(at, &["b".to_owned()])?;
        assert!(one.look() && one.is_idle());
        assert_eq!(seen(&one), [("2", "interrupted")]);
        assert!(Live::open(at, &["c".to_owned()]).is_err());
        Ok(())
    }
}
