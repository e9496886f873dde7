//! One member: what became of it so far, and what is left to do.

use std::time::Duration;

use runner_experiment::Member;
use runner_results::load::LoadedRun;
use runner_results::tables::{self, Cell, cell};

use super::running::Running;
use crate::command::resume::{self, Choice};
use crate::command::run::single::{Job, run_one};
use crate::failure::Failure;
use crate::terminal;

/// How members are run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pass {
    /// They pause after this epoch.
    pub until: Option<usize>,
    /// Whether those of other processes are waited for.
    pub wait: bool,
}

/// What came of one.
pub(super) enum Outcome {
    /// Nothing is left to do for it.
    Done,
    /// Another process works on it.
    Busy,
    /// It failed, now.
    Failed(Failure),
}

/// Between two looks at members of other processes.
const PATIENCE: Duration = Duration::from_millis(500);

/// What is known of a member by its runs.
pub(super) enum State {
    /// It has none yet.
    New,
    /// A process works on it.
    Busy(LoadedRun),
    /// Finished.
    Finished(LoadedRun),
    /// Failed since this sweep was started, so that it is not tried again.
    Failed(LoadedRun),
    /// Neither: this one goes on.
    Unfinished(LoadedRun),
}

impl State {
    /// Its run, where it has one.
    pub(super) fn run(&self) -> Option<&LoadedRun> {
        match self {
            Self::New => None,
            Self::Busy(run) | Self::Finished(run) | Self::Failed(run) | Self::Unfinished(run) => {
                Some(run)
            }
        }
    }
}

/// Looks at the runs of a member. With `--force`, those from before do not count.
pub(super) fn state(running: &Running<'_>, member: &Member) -> State {
    let began = running.began.timestamp_millis();
    let since = |run: &LoadedRun, column: &str| matches!(run.get(column), Cell::Time(moment) if *moment >= began);
    let force = running.arguments.sweep.force;
    let runs = resume::of_member(&member.checked, &running.session.results).into_iter();
    let mut runs: Vec<LoadedRun> = runs.filter(|run| !force || since(run, "started_at")).collect();
    if let Some(index) = runs.iter().position(|run| run.status() == "finished") {
        return State::Finished(runs.swap_remove(index));
    }
    match runs.into_iter().next() {
        None => State::New,
        Some(run) if run.status() == "running" => State::Busy(run),
        Some(run) if run.status() == "failed" && since(&run, "finished_at") => State::Failed(run),
        Some(run) => State::Unfinished(run),
    }
}

/// Epochs that a run has behind it.
pub(super) fn epochs(run: &LoadedRun) -> usize {
    let rows = tables::read(&run.path.join("epochs.parquet")).unwrap_or_default();
    let last = rows.last().and_then(|row| cell::get(row, "global_epoch").as_f64());
    last.map_or(0, |epochs| epochs as usize)
}

/// Does what is left to do for a member.
pub(super) fn run(running: &Running<'_>, member: &Member, pass: Pass) -> Result<Outcome, Failure> {
    let Some(_claim) = running.folder.claim(member.number)? else { return Ok(Outcome::Busy) };
    let choice = match state(running, member) {
        State::Busy(_) => return Ok(Outcome::Busy),
        State::Finished(_) | State::Failed(_) => return Ok(Outcome::Done),
        State::Unfinished(run) if pass.until.is_some_and(|until| epochs(&run) >= until) => {
            return Ok(Outcome::Done);
        }
        State::Unfinished(run) => Choice::Resume(run),
        State::New => Choice::Fresh,
    };
    let total = running.sweep.members.len();
    terminal::note(&format!("\nmember {} of {total}: {}", member.number, member.name));
    let job = Job {
        checked: member.checked.clone(),
        choice,
        member: Some((&running.sweep.id, &member.name)),
        pause_after: pass.until,
    };
    match run_one(running.session, job) {
        Ok(ended) if ended.paused => Ok(Outcome::Done),
        Ok(ended) => {
            terminal::out(&finished(member, total, &ended.id, running));
            Ok(Outcome::Done)
        }
        // Somebody asked to stop: the sweep stops.
        Err(failure) if failure.code == 130 => Err(failure),
        Err(failure) => Ok(Outcome::Failed(failure)),
    }
}

/// One line for a member that is finished.
fn finished(member: &Member, total: usize, id: &str, running: &Running<'_>) -> String {
    let state = state(running, member);
    let score =
        |name: &str| state.run().map_or(Cell::Null, |run| run.get(name).clone()).to_string();
    let scores = match score("test_accuracy") {
        test if !test.is_empty() => format!("test accuracy {test}, loss {}", score("test_loss")),
        _ => match score("best_validation_accuracy") {
            best if !best.is_empty() => format!("best validation accuracy {best}"),
            _ => "done".to_owned(),
        },
    };
    format!("member {} of {total} finished: {}: {scores}; run {id}", member.number, member.name)
}

/// A failure is said at once; it is said again at the end.
pub(super) fn say_failed(running: &Running<'_>, member: &Member, failure: &Failure) {
    let total = running.sweep.members.len();
    terminal::raw(&failure.shown());
    terminal::note(&format!(
        "member {} of {total} failed: {}; the others go on",
        member.number, member.name
    ));
}

/// Waits a moment for members that other processes work on.
pub(super) fn wait(members: usize, said: &mut bool) {
    if !std::mem::replace(said, true) {
        let plural = if members == 1 { "" } else { "s" };
        terminal::note(&format!("waiting for {members} member{plural} of another process"));
    }
    std::thread::sleep(PATIENCE);
}
