//! `runner task`: one member of what was submitted, as the script of a job array calls it.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use runner_experiment::{Checked, SourceText, fingerprint};
use runner_learn::LearnError;
use runner_results::load::LoadedRun;
use runner_results::lock::FileLock;
use runner_results::submission::{Plans, SubmittedMember};
use runner_results::sweep::SweepFolder;
use runner_results::tables::Cell;

use crate::arguments::ResultsArguments;
use crate::command::resume::{self, Choice};
use crate::command::run::single::{Job, Session, complete, run_one};
use crate::failure::Failure;
use crate::terminal;

/// Between two looks at a member that another process works on, and at a table that one writes.
const PATIENCE: Duration = Duration::from_millis(500);

/// Attempts to write the table of the sweep while other tasks do.
const ATTEMPTS: usize = 20;

/// `task`
#[derive(Debug, Args)]
pub struct TaskArguments {
    /// The folder of plans.
    plans: PathBuf,
    /// The number of the member.
    member: usize,
    /// Fetch nothing.
    #[arg(long)]
    offline: bool,
    /// Runs that started before this moment, in milliseconds since 1970, do not count.
    #[arg(long, value_name = "MILLISECONDS")]
    since: Option<i64>,
    #[command(flatten)]
    results: ResultsArguments,
}

/// Runs a member, goes on with it, or says that nothing is left to do for it.
///
/// # Errors
///
/// What stopped it.
pub fn run_task(arguments: &TaskArguments) -> Result<(), Failure> {
    let plans = Plans::open(&arguments.plans)?;
    let Some(member) = plans.submission.member(arguments.member) else {
        return Err(Failure::usage(format!(
            "{} has no member {}",
            plans.path.display(),
            arguments.member
        )));
    };
    let checked = checked(&plans, member)?;
    let session = Session::new(&arguments.results.results, arguments.offline)?;
    let submission = &plans.submission;
    let folder = SweepFolder::new(&session.results, &submission.experiment, &submission.folder);
    folder.make()?;
    let outcome = run(&session, &folder, arguments, (submission.is_sweep, member), &checked);
    if submission.is_sweep {
        write_table(&folder, &plans, &session)?;
    }
    session.prune();
    outcome
}

/// The plan that was submitted.
fn checked(plans: &Plans, member: &SubmittedMember) -> Result<Checked, Failure> {
    let path = plans.plan(member.number);
    let mut checked = runner_experiment::load(&path, &[])?;
    if fingerprint::fingerprint(&checked.plan) != member.fingerprint {
        return Err(Failure::usage(format!(
            "{} means another plan to this version of the program than to the one that submitted it; \
             submit the experiment again",
            path.display()
        )));
    }
    checked.source = SourceText::new("experiment.toml", &plans.experiment()?);
    Ok(checked)
}

/// Runs a member, goes on with it, or says that nothing is left to do.
fn run(
    session: &Session,
    folder: &SweepFolder,
    arguments: &TaskArguments,
    (is_sweep, member): (bool, &SubmittedMember),
    checked: &Checked,
) -> Result<(), Failure> {
    let mut said = false;
    loop {
        let state = match folder.claim(member.number)? {
            Some(claim) => state(checked, session, arguments.since).map(|choice| (claim, choice)),
            None => None,
        };
        match state {
            Some((_, Choice::Finished(run))) => {
                complete(&run);
                terminal::out(&format!("run {} is finished, nothing is left to do", run.id));
                return Ok(());
            }
            Some((_claim, choice)) => {
                if !member.name.is_empty() {
                    terminal::note(&format!("member {}: {}", member.number, member.name));
                }
                let (checked, pause_after) = (checked.clone(), None);
                let member = is_sweep.then_some((folder.id.as_str(), member.name.as_str()));
                let ended = run_one(session, Job { checked, choice, member, pause_after })?;
                terminal::out(&ended.text);
                return Ok(());
            }
            None => {}
        }
        if !std::mem::replace(&mut said, true) {
            terminal::note("waiting for another process that works on this member");
        }
        session.interrupt.check().map_err(LearnError::from)?;
        std::thread::sleep(PATIENCE);
    }
}

/// What is to be done with a member; `None` where another process works on it.
fn state(checked: &Checked, session: &Session, since: Option<i64>) -> Option<Choice> {
    let counts = |run: &LoadedRun| match (since, run.get("started_at")) {
        (None, _) => true,
        (Some(since), Cell::Time(moment)) => *moment >= since,
        _ => false,
    };
    let runs = resume::of_member(checked, &session.results).into_iter();
    let mut runs: Vec<LoadedRun> = runs.filter(counts).collect();
    if let Some(index) = runs.iter().position(|run| run.status() == "finished") {
        return Some(Choice::Finished(runs.swap_remove(index)));
    }
    match runs.into_iter().next() {
        None => Some(Choice::Fresh),
        Some(run) if run.status() == "running" => None,
        Some(run) => Some(Choice::Resume(run)),
    }
}

/// Brings `sweep.parquet` up to date: one task at a time, so that none writes what was before.
fn write_table(folder: &SweepFolder, plans: &Plans, session: &Session) -> Result<(), Failure> {
    for _ in 0..ATTEMPTS {
        if let Some(_turn) = FileLock::try_take(&folder.path.join(".table"))? {
            return Ok(folder.write(plans.submission.rows(&session.results))?);
        }
        std::thread::sleep(PATIENCE / 10);
    }
    // Whoever has the table that long writes it later than this.
    Ok(())
}
