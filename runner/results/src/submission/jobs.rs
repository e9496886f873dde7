//! The jobs of a sweep, `slurm.json`: which members each was to run.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{PLANS, Plans, Submission, SubmittedMember};
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

/// A member that was submitted and is not finished.
#[derive(Debug, Clone)]
pub struct Unfinished<'a> {
    /// The experiment.
    pub experiment: String,
    /// The jobs that were to run it, oldest first.
    pub jobs: Vec<u64>,
    /// Which one.
    pub member: SubmittedMember,
    /// Its newest run, where it has one.
    pub run: Option<&'a LoadedRun>,
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

/// Members of submitted sweeps that no run among `runs` has finished; those are all of the folder,
/// newest first.
#[must_use]
pub fn unfinished<'a>(results: &Path, runs: &'a [LoadedRun]) -> Vec<Unfinished<'a>> {
    let folders: Vec<(SweepFolder, Vec<Job>)> = SweepFolder::all(results)
        .into_iter()
        .map(|folder| (jobs(&folder), folder))
        .filter_map(|(jobs, folder)| (!jobs.is_empty()).then_some((folder, jobs)))
        .collect();
    if folders.is_empty() {
        return Vec::new();
    }
    let mut known: HashMap<(&str, &str), Vec<&LoadedRun>> = HashMap::new();
    for run in runs {
        if let Some(plan) = run.get("fingerprint").as_str() {
            known.entry((&run.experiment, plan)).or_default().push(run);
        }
    }
    folders.iter().flat_map(|(folder, jobs)| of_folder(folder, jobs, &known)).collect()
}

fn of_folder<'a>(
    folder: &SweepFolder,
    jobs: &[Job],
    known: &HashMap<(&str, &str), Vec<&'a LoadedRun>>,
) -> Vec<Unfinished<'a>> {
    let mut found: BTreeMap<usize, Unfinished<'a>> = BTreeMap::new();
    for job in jobs {
        let path = folder.path.join(PLANS).join(&job.plans);
        let Ok(Plans { submission, .. }) = Plans::open(&path) else { continue };
        let Submission { experiment, members, .. } = submission;
        for member in members.into_iter().filter(|one| job.members.contains(&one.number)) {
            let runs = known.get(&(experiment.as_str(), member.fingerprint.as_str()));
            let mut runs = runs.into_iter().flatten().copied();
            if runs.clone().any(|run| run.status() == "finished") {
                continue;
            }
            let unfinished = found.entry(member.number).or_insert_with(|| {
                let (experiment, jobs) = (experiment.clone(), Vec::new());
                Unfinished { experiment, jobs, member: member.clone(), run: runs.next() }
            });
            unfinished.jobs.push(job.job);
        }
    }
    found.into_values().collect()
}
