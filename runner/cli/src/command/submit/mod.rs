//! `runner submit`: the members of a sweep as the tasks of a job array on other machines.
//!
//! Everything is checked here, before anything is queued, and what is queued are the plans of this
//! moment: a file that is edited meanwhile changes no task.

mod batch;
mod script;
mod slurm;
mod task;
mod waiting;

use std::num::NonZeroU32;
use std::path::PathBuf;

use chrono::{SecondsFormat, Utc};
use clap::{Args, ValueEnum};
use runner_data::Interrupt;
use runner_experiment::Override;
use runner_experiment::text::shown;
use runner_results::lock::FileLock;
use runner_results::submission::{self, Job};

use super::run;
use crate::arguments::ResultsArguments;
use crate::failure::Failure;
use crate::{environment, signals, terminal};
use batch::{Batch, Left};
use script::Script;

pub(super) use task::{TaskArguments, run_task};
pub(super) use waiting::{Waiting, queued};

/// `submit`
#[derive(Debug, Args)]
pub struct SubmitArguments {
    /// The experiment file.
    file: PathBuf,
    /// What runs the tasks.
    #[arg(long, value_enum)]
    engine: Engine,
    /// Change a key of the plan: `--set experiment.seed=7 --set stage.head.epochs=2`.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<Override>,
    /// Where tensors live: auto, cpu, cuda or vulkan.
    #[arg(long, value_name = "DEVICE")]
    device: Option<String>,
    /// Options of sbatch: `--slurm "--partition=gpu --gres=gpu:1"`; may be given several times.
    #[arg(long, value_name = "OPTIONS", allow_hyphen_values = true)]
    slurm: Vec<String>,
    /// Run at most this many tasks at a time.
    #[arg(long, value_name = "N")]
    jobs_at_once: Option<NonZeroU32>,
    /// Run members again that are finished.
    #[arg(long)]
    force: bool,
    /// Fetch nothing, neither here nor in the tasks.
    #[arg(long)]
    offline: bool,
    /// Print the script and the command; write and submit nothing.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    results: ResultsArguments,
}

/// What runs tasks.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Engine {
    /// Slurm, by `sbatch`.
    Slurm,
}

pub(super) fn submit(arguments: &SubmitArguments) -> Result<(), Failure> {
    let Engine::Slurm = arguments.engine;
    slurm::check_options(&arguments.slurm)?;
    let loaded = run::load(&arguments.file, &arguments.set, arguments.device.as_deref())?;
    let results = std::path::absolute(&arguments.results.results)?;
    let batch = Batch::new(loaded, &results, &arguments.file)?;
    if arguments.dry_run {
        let left = batch.left(arguments.force, &results);
        say_left_out(&batch, &left);
        if left.members.is_empty() {
            return Ok(());
        }
        let script = script(arguments, &batch, &left)?;
        terminal::out(&script.text()?);
        terminal::out(&format!("# {}", slurm::command(&script.path)));
        return Ok(());
    }
    slurm::is_there()?;
    batch.folder.make()?;
    let Some(_alone) = FileLock::try_take(&batch.folder.path.join(".submit"))? else {
        return Err(Failure::usage("another `runner submit` is submitting this sweep right now"));
    };
    // Only now: another process may have submitted some of them.
    let left = batch.left(arguments.force, &results);
    say_left_out(&batch, &left);
    if left.members.is_empty() {
        return Ok(());
    }
    bring_weights(&batch, arguments)?;
    hand_over(arguments, &batch, &left)
}

/// Writes everything, and submits it.
fn hand_over(arguments: &SubmitArguments, batch: &Batch, left: &Left) -> Result<(), Failure> {
    let script = script(arguments, batch, left)?;
    let text = script.text()?;
    batch.plans.write(&batch.texts, &batch.experiment_toml)?;
    runner_results::atomic::write(&script.path, text.as_bytes())?;
    if batch.plans.submission.is_sweep {
        let results = std::path::absolute(&arguments.results.results)?;
        batch.folder.write(batch.plans.submission.rows(&results))?;
    }
    let job = slurm::submit(&script.path)?;
    let plans = batch.plans.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let submitted_at = Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true);
    let members = left.members.clone();
    let kept = submission::append(&batch.folder, Job { job, submitted_at, plans, members });
    if let Err(error) = kept {
        terminal::warning(&format!(
            "job {job} is queued, but `runner list` will not know it: {error}"
        ));
    }
    say(job, &script, &left.members);
    Ok(())
}

/// The weights are here before any task needs them: machines that compute often reach no network.
fn bring_weights(batch: &Batch, arguments: &SubmitArguments) -> Result<(), Failure> {
    let interrupt: Interrupt = signals::interrupt()?;
    let mut seen: Vec<&str> = Vec::new();
    for checked in &batch.checked {
        let weights = checked.plan.model.weights.as_str();
        if !seen.contains(&weights) {
            seen.push(weights);
            let fetching = (arguments.offline, &interrupt);
            let results = &arguments.results.results;
            crate::fetch::weights::resolve(&mut checked.clone(), results, fetching)?;
        }
    }
    Ok(())
}

fn script<'a>(
    arguments: &'a SubmitArguments,
    batch: &'a Batch,
    left: &'a Left,
) -> Result<Script<'a>, Failure> {
    Ok(Script {
        path: batch.folder.path.join("slurm.sh"),
        submission: &batch.plans.submission,
        plans: &batch.plans.path,
        array: slurm::array(&left.members, arguments.jobs_at_once),
        options: &arguments.slurm,
        program: std::env::current_exe()?,
        directory: std::env::current_dir()?,
        results: std::path::absolute(&arguments.results.results)?,
        cache: std::path::absolute(environment::cache())?,
        cache_limit: std::env::var("RUNNER_CACHE_LIMIT").ok(),
        offline: arguments.offline,
        forced_at: arguments.force.then(|| Utc::now().timestamp_millis()),
    })
}

fn say_left_out(batch: &Batch, left: &Left) {
    let all = batch.texts.len();
    let say = |members: &[usize], what: &str| {
        if !members.is_empty() {
            let (array, count) = (slurm::array(members, None), members.len());
            let text = format!("{count} of {all} members {what}, and left out: {array}");
            terminal::note(&text);
        }
    };
    say(&left.finished, "are finished");
    say(&left.busy, "are queued or running");
    if left.members.is_empty() {
        terminal::out("nothing is left to submit");
    }
}

/// What was done, and what can be done next.
fn say(job: u64, script: &Script<'_>, members: &[usize]) {
    let (count, first) = (members.len(), members.first().copied().unwrap_or(1));
    let tasks = if count == 1 { "task" } else { "tasks" };
    terminal::out(&format!("job {job}: {count} {tasks}; {}", shown(&script.path)));
    let all = [&script.directory, &script.results, &script.cache, &script.program];
    let mut folders = String::new();
    for (index, path) in all.into_iter().enumerate() {
        if all[..index].iter().all(|other| !path.starts_with(other)) {
            folders += &format!("\n  {}", shown(path));
        }
    }
    terminal::note(&format!(
        "every machine of the job must see these, and the images, under the same names:{folders}\n\
         look at it with `runner list`, `runner watch` or `squeue --job {job}`; what tasks say is in\n  \
         {}\ncancel it with `scancel {job}`, one task with `scancel {job}_{first}`\n\
         submit the file again for members that were cancelled or failed",
        shown(&script.log(&job.to_string(), "<member>")),
    ));
}
