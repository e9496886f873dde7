//! Where runs are, by their folders alone: no table is opened.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use crate::tables::{Row, RunRow};

/// In the folder of an experiment: where its sweeps are, which are no runs.
const SWEEPS: &str = "sweeps";

/// Where a run is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// The name of its folder.
    pub(super) id: String,
    /// The name of the folder above.
    pub(super) experiment: String,
    /// The folder.
    pub(super) path: PathBuf,
}

impl Found {
    /// Whether there is a run in the folder, readable or not.
    pub(super) fn is_run(&self) -> bool {
        std::fs::symlink_metadata(self.path.join(RunRow::FILE)).is_ok()
    }
}

/// Newest first; ids sort by time.
pub(super) fn found(results: &Path) -> Vec<Found> {
    let mut found: Vec<Found> =
        folders(results).iter().flat_map(|experiment| found_in(experiment)).collect();
    newest_first(&mut found);
    found
}

/// Those of one experiment, in no order.
pub(super) fn found_in(experiment: &Path) -> Vec<Found> {
    let name = |path: &Path| Some(path.file_name()?.to_string_lossy().into_owned());
    let below = folders(experiment).into_iter().filter(|path| !path.ends_with(SWEEPS));
    let run = |path: PathBuf| Some(Found { id: name(&path)?, experiment: name(experiment)?, path });
    below.filter_map(run).collect()
}

/// Puts runs into the order of their ids.
pub(super) fn newest_first(found: &mut [Found]) {
    found.sort_by(|a, b| b.id.cmp(&a.id).then_with(|| a.path.cmp(&b.path)));
}

/// Folders below a folder, hidden ones aside.
fn folders(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let shown = entries.filter(|entry| !entry.file_name().as_encoded_bytes().starts_with(b"."));
    let is_folder = |entry: &std::fs::DirEntry| match entry.file_type() {
        Ok(kind) if !kind.is_symlink() => kind.is_dir(),
        _ => entry.path().is_dir(),
    };
    shown.filter(is_folder).map(|entry| entry.path()).collect()
}

/// How many characters of a run id's end are tried: the fingerprint, then the milliseconds and the
/// time of day in front of it.
const SHORT: [usize; 3] = [8, 13, 20];

/// For each id the shortest end of it that [`find`](super::find) takes for no other run below
/// `results`.
#[must_use]
pub fn short_ids(results: &Path, ids: &[&str]) -> Vec<String> {
    let all = found(results);
    let mut uses: HashMap<&str, usize> = HashMap::new();
    for run in &all {
        let starts = SHORT.iter().filter_map(|length| run.id.get(..*length));
        for part in ends(&run.id).chain(starts).collect::<HashSet<&str>>() {
            *uses.entry(part).or_default() += 1;
        }
    }
    // Experiments come before parts of run ids.
    for experiment in all.iter().map(|run| run.experiment.as_str()).collect::<HashSet<&str>>() {
        *uses.entry(experiment).or_default() += 2;
    }
    let short = |id: &&str| ends(id).find(|end| uses.get(end) == Some(&1)).unwrap_or(id).to_owned();
    ids.iter().map(short).collect()
}

fn ends(id: &str) -> impl Iterator<Item = &str> {
    SHORT.iter().filter_map(|length| id.get(id.len().checked_sub(*length)?..))
}
