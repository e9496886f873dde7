//! Members that were submitted and have no run yet: where they are.

use std::path::Path;

use runner_results::load::LoadedRun;
use runner_results::submission::{self, Unstarted};

use super::slurm::Queue;

/// A member without a run: its task, its experiment, what became of it, and which member it is.
pub struct Waiting {
    /// `slurm 12_3`: job and member.
    pub task: String,
    /// The experiment.
    pub experiment: String,
    /// `waiting`, `starting`, `never started`, or `submitted` where Slurm cannot be asked.
    pub status: &'static str,
    /// What tells the member from the others.
    pub member: String,
}

/// Members that were submitted and have no run among `runs`, which are all of `results`.
#[must_use]
pub fn rows(results: &Path, runs: &[LoadedRun]) -> Vec<Waiting> {
    let unstarted = submission::unstarted(results, runs);
    let queue = Queue::ask(unstarted.iter().map(|unstarted| unstarted.job));
    let row = |Unstarted { experiment, job, member }: Unstarted| Waiting {
        task: format!("slurm {job}_{}", member.number),
        experiment,
        status: status(&queue, job, member.number),
        member: member.name,
    };
    unstarted.into_iter().map(row).collect()
}

fn status(queue: &Queue, job: u64, member: usize) -> &'static str {
    match queue.state(job, member) {
        Some("PENDING" | "REQUEUED" | "REQUEUE_HOLD" | "SPECIAL_EXIT" | "SUSPENDED") => "waiting",
        Some("RUNNING" | "CONFIGURING") => "starting",
        // A task that is ending, or that Slurm knows no more, left no run.
        Some(_) => "never started",
        None if queue.answered => "never started",
        None => "submitted",
    }
}
