//! What was handed to a queue of other machines: the plans as they were at that moment, and the jobs.
//!
//! Owns `plans/<digest>/` and `slurm.json` in the folder of a sweep. Knows no queue: whoever asks one
//! says what it answered.

mod jobs;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::load::{self, LoadedRun};
use crate::sweep::SweepFolder;
use crate::tables::{SweepRow, integer};
use crate::{ResultsError, atomic};

pub use jobs::{Job, Unfinished, append, jobs, unfinished};

/// The folder of plans in that of a sweep.
const PLANS: &str = "plans";

/// What is in one folder of plans.
const MEMBERS: &str = "members.json";

/// The experiment file as given, in a folder of plans.
const EXPERIMENT: &str = "experiment.toml";

/// A sweep, or one plan, as it was when it was submitted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submission {
    /// The experiment: the folder below the results.
    pub experiment: String,
    /// The name of the sweep's folder.
    pub folder: String,
    /// Whether the file stood for many plans: else its run belongs to no sweep.
    pub is_sweep: bool,
    /// Every member, whether it was left to do or not.
    pub members: Vec<SubmittedMember>,
}

/// One member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubmittedMember {
    /// Its number, from 1.
    pub number: usize,
    /// What tells it from the others.
    pub name: String,
    /// The same without the seed.
    pub setting: String,
    /// Of its plan.
    pub fingerprint: String,
}

/// The plans of a submission on disk. Their folder is named after what is in it, so that a later
/// submission never changes what an earlier one runs.
#[derive(Debug, Clone)]
pub struct Plans {
    /// `results/<experiment>/sweeps/<sweep>/plans/<digest>`
    pub path: PathBuf,
    /// Whose plans these are.
    pub submission: Submission,
}

impl Plans {
    /// Where these plans are to lie; nothing is written. `plans` are TOML, in the order of the members.
    #[must_use]
    pub fn new(
        folder: &SweepFolder,
        submission: Submission,
        plans: &[String],
        experiment: &str,
    ) -> Self {
        let mut hasher = Sha256::new();
        let members = serde_json::to_string(&submission).unwrap_or_default();
        for text in
            [members.as_str(), experiment].into_iter().chain(plans.iter().map(String::as_str))
        {
            hasher.update(text.len().to_le_bytes());
            hasher.update(text);
        }
        let digest: String =
            hasher.finalize().iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        Self { path: folder.path.join(PLANS).join(digest), submission }
    }

    /// Writes them, the list of members last.
    ///
    /// # Errors
    ///
    /// [`ResultsError::Write`].
    pub fn write(&self, plans: &[String], experiment: &str) -> Result<(), ResultsError> {
        let failed = |source| ResultsError::Write { path: self.path.clone(), source };
        std::fs::create_dir_all(&self.path).map_err(failed)?;
        for (member, plan) in self.submission.members.iter().zip(plans) {
            atomic::write(&self.plan(member.number), plan.as_bytes())?;
        }
        atomic::write(&self.path.join(EXPERIMENT), experiment.as_bytes())?;
        let members =
            serde_json::to_string_pretty(&self.submission).map_err(|e| failed(e.into()))?;
        atomic::write(&self.path.join(MEMBERS), members.as_bytes())
    }

    /// Reads the list of members.
    ///
    /// # Errors
    ///
    /// [`ResultsError::Read`].
    pub fn open(path: &Path) -> Result<Self, ResultsError> {
        let list = path.join(MEMBERS);
        let failed = |source| ResultsError::Read { path: list.clone(), source };
        let text = std::fs::read_to_string(&list).map_err(failed)?;
        let submission = serde_json::from_str(&text).map_err(|error| failed(error.into()))?;
        Ok(Self { path: path.to_path_buf(), submission })
    }

    /// The plan of a member.
    #[must_use]
    pub fn plan(&self, number: usize) -> PathBuf {
        self.path.join(format!("member-{number}.toml"))
    }

    /// The experiment file as it was given.
    ///
    /// # Errors
    ///
    /// [`ResultsError::Read`].
    pub fn experiment(&self) -> Result<String, ResultsError> {
        let path = self.path.join(EXPERIMENT);
        std::fs::read_to_string(&path).map_err(|source| ResultsError::Read { path, source })
    }
}

impl Submission {
    /// The member of this number.
    #[must_use]
    pub fn member(&self, number: usize) -> Option<&SubmittedMember> {
        self.members.iter().find(|member| member.number == number)
    }

    /// The rows of `sweep.parquet`, as the runs of the members are now.
    #[must_use]
    pub fn rows(&self, results: &Path) -> Vec<SweepRow> {
        let mut best: HashMap<String, LoadedRun> = HashMap::new();
        for run in load::of_experiment(results, &self.experiment) {
            let Some(plan) = run.get("fingerprint").as_str().map(str::to_owned) else { continue };
            // Newest first; a finished one counts before those that are not.
            let is_better = best
                .get(&plan)
                .is_none_or(|known| known.status() != "finished" && run.status() == "finished");
            if is_better {
                best.insert(plan, run);
            }
        }
        let row = |member: &SubmittedMember| {
            let run = best.get(&member.fingerprint);
            SweepRow {
                member: integer(member.number),
                name: member.name.clone(),
                setting: member.setting.clone(),
                fingerprint: member.fingerprint.clone(),
                run_id: run.map(|run| run.id.clone()),
                status: run.map_or("waiting", LoadedRun::status).to_owned(),
                error: run.and_then(|run| run.get("error").as_str().map(str::to_owned)),
                ..SweepRow::default()
            }
        };
        self.members.iter().map(row).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn submission() -> Submission {
        let member = |number| SubmittedMember {
            number,
            name: format!("seed={number}"),
            setting: String::new(),
            fingerprint: format!("{number:064}"),
        };
        let (experiment, folder) = ("a".to_owned(), "1a2b3c4d".to_owned());
        Submission { experiment, folder, is_sweep: true, members: vec![member(1), member(2)] }
    }

    #[test]
    fn another_plan_lies_elsewhere() -> Result<(), Box<dyn std::error::Error>> {
        let results = tempfile::tempdir()?;
        let folder = SweepFolder::new(results.path(), "a", "1a2b3c4d");
        let of = |plans: [&str; 2]| {
            let plans = plans.map(str::to_owned);
            (Plans::new(&folder, submission(), &plans, "x"), plans)
        };
        let ((one, texts), (other, _)) = (of(["a", "bc"]), of(["ab", "c"]));
        assert_ne!(one.path, other.path);
        assert_eq!(one.path, of(["a", "bc"]).0.path);
        one.write(&texts, "x")?;
        let read = Plans::open(&one.path)?;
        assert_eq!(read.submission, submission());
        assert_eq!(std::fs::read_to_string(read.plan(2))?, "bc");
        assert_eq!(read.experiment()?, "x");
        let rows = read.submission.rows(results.path());
        assert_eq!(rows.iter().map(|row| row.status.as_str()).collect::<Vec<_>>(), ["waiting"; 2]);
        Ok(())
    }

    #[test]
    fn members_without_a_run_are_named_with_their_jobs() -> Result<(), Box<dyn std::error::Error>> {
        let results = tempfile::tempdir()?;
        let folder = SweepFolder::new(results.path(), "a", "1a2b3c4d");
        let plans = Plans::new(&folder, submission(), &[], "x");
        plans.write(&[], "x")?;
        assert!(jobs(&folder).is_empty() && unfinished(results.path(), &[]).is_empty());
        let name = plans.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let job = |job, members: &[usize]| Job {
            job,
            submitted_at: "2026-11-27T00:00:00Z".to_owned(),
            plans: name.clone(),
            members: members.to_vec(),
        };
        append(&folder, job(7, &[1, 2]))?;
        append(&folder, job(9, &[2]))?;
        let named = |found: Vec<Unfinished<'_>>| -> Vec<(Vec<u64>, String)> {
            found.into_iter().map(|one| (one.jobs, one.member.name)).collect()
        };
        let expected = [(vec![7], "seed=1".to_owned()), (vec![7, 9], "seed=2".to_owned())];
        assert_eq!(named(unfinished(results.path(), &[])), expected);
        std::fs::write(folder.path.join("slurm.json"), "half")?;
        assert!(unfinished(results.path(), &[]).is_empty(), "what is damaged counts as none");
        Ok(())
    }
}
