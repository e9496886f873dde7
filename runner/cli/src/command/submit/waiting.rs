//! Members that were submitted and are not finished: what the queue says of them.

use std::collections::HashMap;
use std::path::Path;

use runner_results::load::LoadedRun;
use runner_results::submission::{self, Unfinished};

use super::slurm::Queue;

/// What the queue says.
pub struct Queued {
    /// Members that have no run yet.
    pub waiting: Vec<Waiting>,
    /// The status of runs whose task is queued again, by their ids.
    pub again: HashMap<String, &'static str>,
}

/// A member without a run.
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

/// Asks the queue, once, about members that were submitted and are not finished by `runs`, which are
/// all of `results`; not at all where there are none.
#[must_use]
pub fn queued(results: &Path, runs: &[LoadedRun]) -> Queued {
    let unfinished = submission::unfinished(results, runs);
    let queue = Queue::ask(unfinished.iter().flat_map(|member| member.jobs.iter().copied()));
    let mut queued = Queued { waiting: Vec::new(), again: HashMap::new() };
    for Unfinished { experiment, jobs, member, run } in unfinished {
        let knows = |job: &&u64| queue.state(**job, member.number).is_some();
        let Some(job) = jobs.iter().rfind(knows).or(jobs.last()) else { continue };
        let status = status(&queue, *job, member.number);
        match run {
            None => queued.waiting.push(Waiting {
                task: format!("slurm {job}_{}", member.number),
                experiment,
                status,
                member: member.name,
            }),
            Some(run) if status == WAITING && run.status() != "running" => {
                queued.again.insert(run.id.clone(), status);
            }
            Some(_) => {}
        }
    }
    queued
}

/// Its turn comes.
const WAITING: &str = "waiting";

fn status(queue: &Queue, job: u64, member: usize) -> &'static str {
    match queue.state(job, member) {
        Some("PENDING" | "REQUEUED" | "REQUEUE_HOLD" | "SPECIAL_EXIT" | "SUSPENDED") => WAITING,
        Some("RUNNING" | "CONFIGURING") => "starting",
        // A task that is ending, or that Slurm knows no more, left no run.
        Some(_) => "never started",
        None if queue.answered => "never started",
        None => "submitted",
    }
}
