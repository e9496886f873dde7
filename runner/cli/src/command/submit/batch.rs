//! What of a file is to be submitted: the plans of its members, and which of them are left to do.

use std::path::Path;

use runner_experiment::{Checked, Loaded, Sweep, fingerprint};
use runner_results::load;
use runner_results::submission::{Plans, Submission, SubmittedMember, jobs};
use runner_results::sweep::SweepFolder;

use super::slurm::Queue;
use crate::command::resume;
use crate::failure::Failure;

/// Digits of the fingerprint that name the folder of a single plan, as the id of a sweep has them.
const DIGITS: usize = 8;

/// A file, ready to be submitted.
pub(super) struct Batch {
    /// Its folder among the sweeps.
    pub folder: SweepFolder,
    /// Where its plans are to lie.
    pub plans: Plans,
    /// Each plan as TOML.
    pub texts: Vec<String>,
    /// The same, checked.
    pub checked: Vec<Checked>,
    /// The file as given.
    pub experiment_toml: String,
}

/// Members by what is to be done with them, by their numbers.
#[derive(Debug, Default)]
pub(super) struct Left {
    /// To be submitted.
    pub members: Vec<usize>,
    /// Finished.
    pub finished: Vec<usize>,
    /// Another job or process has them.
    pub busy: Vec<usize>,
}

impl Batch {
    pub(super) fn new(loaded: Loaded, results: &Path, file: &Path) -> Result<Self, Failure> {
        let (id, mut members) = match loaded {
            Loaded::Sweep(sweep) => (Some(sweep.id.clone()), of_sweep(sweep, file)?),
            Loaded::One(checked) => (None, vec![(1, String::new(), String::new(), *checked)]),
        };
        let is_sweep = id.is_some();
        for (.., checked) in &mut members {
            settle_weights(checked, results)?;
        }
        let Some((.., first)) = members.first() else {
            return Err(Failure::usage(format!("{} has no members", file.display())));
        };
        let experiment = first.plan.experiment.name.clone();
        let experiment_toml = first.source.file_text().to_owned();
        let of_plan = || fingerprint::fingerprint(&first.plan).chars().take(DIGITS).collect();
        let id = id.unwrap_or_else(of_plan);
        let folder = SweepFolder::new(results, &experiment, &id);
        let (mut submitted, mut texts, mut plans) = (Vec::new(), Vec::new(), Vec::new());
        for (number, name, setting, checked) in members {
            let fingerprint = fingerprint::fingerprint(&checked.plan);
            texts.push(checked.plan.to_toml().map_err(|error| Failure::of(1, &error))?);
            submitted.push(SubmittedMember { number, name, setting, fingerprint });
            plans.push(checked);
        }
        let submission = Submission { experiment, folder: id, is_sweep, members: submitted };
        let place = Plans::new(&folder, submission, &texts, &experiment_toml);
        Ok(Self { folder, plans: place, texts, checked: plans, experiment_toml })
    }

    /// Sorts the members by what is left to do.
    pub(super) fn left(&self, force: bool, results: &Path) -> Left {
        let known = jobs(&self.folder);
        let queue = Queue::ask(known.iter().map(|job| job.job));
        let is_queued = |number: usize| {
            known
                .iter()
                .any(|job| job.members.contains(&number) && queue.state(job.job, number).is_some())
        };
        let mut left = Left::default();
        for (member, checked) in self.plans.submission.members.iter().zip(&self.checked) {
            let runs = resume::of_member(checked, results);
            let is = |status: &str| runs.iter().any(|run| run.status() == status);
            let part = match () {
                () if is_queued(member.number) || is("running") => &mut left.busy,
                () if is("finished") && !force => &mut left.finished,
                () => &mut left.members,
            };
            part.push(member.number);
        }
        left
    }
}

/// Number, name, name without the seed, and plan.
type Numbered = (usize, String, String, Checked);

fn of_sweep(sweep: Sweep, file: &Path) -> Result<Vec<Numbered>, Failure> {
    if sweep.halving.is_some() {
        return Err(Failure::usage(format!(
            "{}: `sweep.halving` compares members while they run, and the tasks of a job array run \
             apart\nleave it out, or run the sweep on one machine: `runner run {} --jobs N`",
            file.display(),
            file.display()
        )));
    }
    if sweep.members.iter().any(|member| member.checked.plan.model.weights == "run:last") {
        return Err(Failure::usage(
            "`weights = \"run:last\"` would be another run for every member of a sweep; name the run",
        ));
    }
    let members = sweep.members.into_iter();
    Ok(members.map(|m| (m.number, m.name, m.setting, m.checked)).collect())
}

/// A name that stands for a run becomes its id: another run may fit the name by the time a task starts.
fn settle_weights(checked: &mut Checked, results: &Path) -> Result<(), Failure> {
    let model = &mut checked.plan.model;
    if let Some(name) = model.weights.strip_prefix("run:") {
        model.weights = format!("run:{}", load::find(results, name)?.id);
    }
    Ok(())
}
