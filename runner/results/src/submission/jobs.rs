//! The jobs of a sweep, `slurm.json`: which members each was to run.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{PLANS, Plans, SubmittedMember};
use crate::load::LoadedRun;
use crate::sweep::SweepFolder;
use crate::{ResultsError, atomic};

/// The jobs of a sweep.
const JOBS: &str = "slurm.json";

/// One job array.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Its number in the queue.
    pub job: u64,
    /// When it was submitted (RFC 3339).
    pub submitted_at: String,
    /// The name of the folder of its plans.
    pub plans: String,
    /// The numbers of its members: the indices of the array.
    pub members: Vec<usize>,
}

/// A member that was submitted and has no run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unstarted {
    /// The experiment.
    pub experiment: String,
    /// The newest job that was to run it.
    pub job: u64,
    /// Which one.
    pub member: SubmittedMember,
}

/// The jobs of a sweep, oldest first; none where the file is not there or damaged.
#[must_use]
pub fn jobs(folder: &SweepFolder) -> Vec<Job> {
    let text = std::fs::read_to_string(folder.path.join(JOBS)).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_default()
}

/// Adds a job.
///
/// # Errors
///
/// [`ResultsError::Write`].
pub fn append(folder: &SweepFolder, job: Job) -> Result<(), ResultsError> {
    let path = folder.path.join(JOBS);
    let mut all = jobs(folder);
    all.push(job);
    let failed =
        |error: serde_json::Error| ResultsError::Write { path: path.clone(), source: error.into() };
    let text = serde_json::to_string_pretty(&all).map_err(failed)?;
    atomic::write(&path, text.as_bytes())
}

/// Members of submitted sweeps that have no run among `runs`, which are all of the folder.
#[must_use]
pub fn unstarted(results: &Path, runs: &[LoadedRun]) -> Vec<Unstarted> {
    let started: HashSet<(&str, &str)> = runs
        .iter()
        .filter_map(|run| Some((run.experiment.as_str(), run.get("fingerprint").as_str()?)))
        .collect();
    let mut found = Vec::new();
    for folder in SweepFolder::all(results) {
        // A later job takes the place of an earlier one.
        let mut of_folder: BTreeMap<usize, Unstarted> = BTreeMap::new();
        for job in jobs(&folder) {
            let path = folder.path.join(PLANS).join(&job.plans);
            let Ok(Plans { submission, .. }) = Plans::open(&path) else { continue };
            for member in submission.members {
                let is_started = started
                    .contains(&(submission.experiment.as_str(), member.fingerprint.as_str()));
                if job.members.contains(&member.number) && !is_started {
                    let experiment = submission.experiment.clone();
                    let unstarted = Unstarted { experiment, job: job.job, member };
                    of_folder.insert(unstarted.member.number, unstarted);
                }
            }
        }
        found.extend(of_folder.into_values());
    }
    found
}
