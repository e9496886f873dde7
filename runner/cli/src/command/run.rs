//! `runner run`: everything checked, then weights, images, features, stages, scores.

mod summary;

use std::path::{Path, PathBuf};

use clap::Args;
use runner_data::Interrupt;
use runner_experiment::{Checked, LoadError, Override, fingerprint};
use runner_learn::LearnError;
use runner_learn::run::Request;
use runner_network::device::{self, Compute};
use runner_results::tables::RunRow;
use runner_results::writer::{End, RunWriter, Start};

use super::resume::{self, Choice};
use crate::arguments::ResultsArguments;
use crate::connect::Connection;
use crate::failure::{Failure, guarded};
use crate::fetch::shapes;
use crate::fetch::weights::resolve;
use crate::logging::LogFile;
use crate::{diagnostics, environment, signals, terminal};

/// `run`
#[derive(Debug, Args)]
pub struct RunArguments {
    /// The experiment file.
    pub file: PathBuf,
    /// Change a key of the plan: `--set experiment.seed=7 --set stage.head.epochs=2`.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<Override>,
    /// Where tensors live: auto, cpu, cuda or vulkan.
    #[arg(long, value_name = "DEVICE")]
    pub device: Option<String>,
    /// Go on with a run that was interrupted; `last` is the newest run of this plan, and starts
    /// one where there is none.
    #[arg(long, value_name = "RUN")]
    pub resume: Option<String>,
    /// Fetch nothing: weights that are not here yet are an error.
    #[arg(long)]
    pub offline: bool,
    #[command(flatten)]
    pub results: ResultsArguments,
}

/// The folder of checkpoints in that of a run.
pub(super) const CHECKPOINTS: &str = "checkpoints";

/// What all runs of a process share.
pub(super) struct Session {
    /// The folder of results.
    results: PathBuf,
    cache: PathBuf,
    /// Features above this many bytes are pruned after a run.
    cache_limit: u64,
    /// Whether nothing may be fetched.
    offline: bool,
    interrupt: Interrupt,
}

impl Session {
    /// Looks at the surroundings; from now on signals ask runs to stop.
    pub(super) fn new(results: &Path, offline: bool) -> Result<Self, Failure> {
        Ok(Self {
            results: results.to_path_buf(),
            cache: environment::cache(),
            cache_limit: environment::cache_limit().map_err(Failure::usage)?,
            offline,
            interrupt: signals::interrupt()?,
        })
    }
}

pub(super) fn run(arguments: &RunArguments) -> Result<(), Failure> {
    let checked = load(arguments)?;
    let session = Session::new(&arguments.results.results, arguments.offline)?;
    run_one(&session, checked, arguments.resume.as_deref())
}

/// One run from its plan to its summary. A process may call it again and again: each run has its
/// folder, its lock and its log.
pub(super) fn run_one(
    session: &Session,
    mut checked: Checked,
    resume: Option<&str>,
) -> Result<(), Failure> {
    let compute = device::select(checked.plan.run.device).map_err(LearnError::from)?;
    let choice = match resume {
        Some(name) => resume::choose(name, &checked, &session.results)?,
        None => Choice::Fresh,
    };
    match &choice {
        Choice::Fresh => {}
        Choice::Resume(run) => checked.plan = resume::with_weights_of(&checked.plan, run),
        Choice::Finished(run) => {
            let folder = run.path.display();
            terminal::out(&format!("run {} is finished, nothing is left to do: {folder}", run.id));
            return Ok(());
        }
    }
    let (results, interrupt) = (&session.results, &session.interrupt);
    let weights = resolve(&mut checked, results, (session.offline, interrupt))?;
    let mut writer = open(choice, results, start(&checked, &compute)?)?;
    let _log = open_log(&writer)?;
    let request = Request {
        checked: &checked,
        weights: weights.as_ref(),
        compute,
        cache: Some(&session.cache),
        model: writer.file("model.safetensors"),
        checkpoints: Some(writer.file(CHECKPOINTS)),
        interrupt: interrupt.clone(),
    };
    let outcome = guarded(|| execute(&request, &mut writer));
    let ended = finish(&mut writer, outcome);
    prune(&session.cache, session.cache_limit);
    ended
}

/// The experiment with what the command line changes; its warnings are shown.
fn load(arguments: &RunArguments) -> Result<Checked, Failure> {
    let mut overrides = arguments.set.clone();
    if let Some(device) = &arguments.device {
        overrides.push(Override::new("run.device", &format!("\"{device}\"")));
    }
    let checked = match runner_experiment::load(&arguments.file, &overrides) {
        Err(LoadError::Invalid { diagnostics, .. }) if shapes::alone_are_missing(&diagnostics) => {
            shapes::bring()?;
            runner_experiment::load(&arguments.file, &overrides)?
        }
        loaded => loaded?,
    };
    diagnostics::show_warnings(&checked);
    Ok(checked)
}

/// A new run, or the one that goes on.
fn open(choice: Choice, results: &Path, start: Start) -> Result<RunWriter, Failure> {
    Ok(match choice {
        Choice::Resume(run) => RunWriter::reopen(&run, start.run)?,
        Choice::Fresh | Choice::Finished(_) => RunWriter::create(results, start)?,
    })
}

fn open_log(writer: &RunWriter) -> Result<LogFile, Failure> {
    let log = writer.file("log.jsonl");
    LogFile::open(&log)
        .map_err(|error| Failure::internal(format!("cannot write {}: {error}", log.display())))
}

fn start(checked: &Checked, compute: &Compute) -> Result<Start, Failure> {
    let plan = &checked.plan;
    let (git_commit, git_dirty) = environment::git();
    Ok(Start {
        run: RunRow {
            experiment: plan.experiment.name.clone(),
            seed: i64::try_from(plan.experiment.seed).unwrap_or(i64::MAX),
            classes: checked.classes.clone(),
            device: compute.name.to_owned(),
            precision: "f32".to_owned(),
            fingerprint: fingerprint::fingerprint(plan),
            git_commit,
            git_dirty,
            runner_version: env!("CARGO_PKG_VERSION").to_owned(),
            ..RunRow::default()
        },
        params: fingerprint::entries(plan),
        experiment_toml: checked.source.file_text().to_owned(),
        plan_toml: plan.to_toml().map_err(|error| Failure::of(1, &error))?,
    })
}

/// Trains; the classes that leave this are a result, an error of learning, or an error of writing.
fn execute(request: &Request<'_>, writer: &mut RunWriter) -> Result<(), Failure> {
    let mut connection = Connection::new(writer, request.checked, request.interrupt.clone());
    let learned = runner_explain::run::run(request, &mut |event| connection.take(event));
    connection.finish();
    if !connection.skipped.is_empty() {
        terminal::note(&format!(
            "{} unusable images were left out; log.jsonl lists them",
            connection.skipped.len()
        ));
    }
    match (learned, connection.failed) {
        (_, Some(error)) => Err(error.into()),
        (Err(error), None) => Err(error.into()),
        (Ok(()), None) => Ok(()),
    }
}

/// A cache above its limit loses what was used longest ago.
fn prune(cache: &Path, limit: u64) {
    match runner_learn::feature_cache::store::prune(cache, limit) {
        Ok(pruned) if pruned.is_empty() => {}
        Ok(pruned) => terminal::note(&format!(
            "the cache was above {}: removed {} folders of features",
            environment::show_size(limit),
            pruned.len()
        )),
        Err(error) => terminal::warning(&error.to_string()),
    }
}

fn finish(writer: &mut RunWriter, outcome: Result<(), Failure>) -> Result<(), Failure> {
    let end = match &outcome {
        Ok(()) => End::Finished,
        Err(failure) if failure.code == 130 => End::Interrupted,
        Err(failure) => End::Failed(failure.message()),
    };
    tracing::info!(status = end.status(), "end");
    writer.finish(&end, environment::peak_rss())?;
    match outcome {
        Ok(()) => {
            terminal::note("");
            terminal::out(&summary::summary(writer));
            Ok(())
        }
        Err(failure) => {
            let kept = writer.folder().display();
            Err(failure.with_line(&format!("what was finished until then is in {kept}")))
        }
    }
}

#[cfg(test)]
mod tests;
