//! `runner run`: everything checked, then weights, images, features, stages, scores.

use std::path::{Path, PathBuf};

use runner_data::Interrupt;
use runner_experiment::{Checked, LoadError, Override, fingerprint};
use runner_learn::LearnError;
use runner_learn::run::Request;
use runner_network::device::{self, Compute};
use runner_results::tables::{self, RunRow};
use runner_results::writer::{End, RunWriter, Start};

use super::resume::{self, Choice};
use crate::arguments::RunArguments;
use crate::connect::Connection;
use crate::failure::{Failure, guarded};
use crate::fetch::shapes;
use crate::fetch::weights::resolve;
use crate::logging::LogFile;
use crate::{diagnostics, environment, signals, terminal};

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
            terminal::out(&summary(writer));
            Ok(())
        }
        Err(failure) => {
            let kept = writer.folder().display();
            Err(failure.with_line(&format!("what was finished until then is in {kept}")))
        }
    }
}

/// Scores, and the paths of what was written.
fn summary(writer: &RunWriter) -> String {
    let run = writer.run();
    let mut lines = vec![format!(
        "run {} of {}: {} in {}",
        writer.id(),
        run.experiment,
        run.status,
        duration(run.duration_s.unwrap_or(0.0))
    )];
    if let Some(last) = writer.last_epoch() {
        lines.push(format!(
            "last epoch:  validation accuracy {:.4}, loss {:.4}",
            last.validation_accuracy, last.validation_loss
        ));
    }
    if let (Some(epoch), Some(loss), Some(accuracy)) =
        (run.best_epoch, run.best_validation_loss, run.best_validation_accuracy)
    {
        lines.push(format!(
            "epoch {epoch} had the lowest validation loss: accuracy {accuracy:.4}, loss {loss:.4}"
        ));
    }
    match (run.test_accuracy, run.test_loss) {
        (Some(accuracy), Some(loss)) => {
            lines.push(format!("test:        accuracy {accuracy:.4}, loss {loss:.4}"));
            lines.extend(binary(run));
        }
        _ if run.trainable_parameters.is_some() => {
            lines.push("test:        no test images".to_owned());
        }
        _ => {}
    }
    let drawn = tables::read(&writer.file("artifacts.parquet")).unwrap_or_default().len();
    if drawn > 0 {
        lines.push(format!("pictures:    {drawn} files in visualizations/"));
    }
    lines.push(format!("written to   {}", writer.folder().display()));
    lines.extend(files(writer.folder()).into_iter().map(|name| format!("             {name}")));
    lines.join("\n")
}

/// What two classes have beside accuracy.
fn binary(run: &RunRow) -> Option<String> {
    let positive = run.classes.get(1)?;
    let show = |score: Option<f64>| score.map_or("none".to_owned(), |s| format!("{s:.4}"));
    run.test_auc?;
    Some(format!(
        "             AUC {}; {positive} as positive: precision {}, recall {}, F1 {}",
        show(run.test_auc),
        show(run.test_precision),
        show(run.test_recall),
        show(run.test_f1)
    ))
}

fn files(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut names: Vec<String> = paths
        .filter_map(|path: PathBuf| Some(path.file_name()?.to_string_lossy().into_owned()))
        .filter(|name| !name.starts_with('.'))
        .collect();
    names.sort();
    names
}

fn duration(seconds: f64) -> String {
    let whole = seconds as u64;
    match whole {
        0..60 => format!("{seconds:.1} s"),
        60..3600 => format!("{} min {:02} s", whole / 60, whole % 60),
        _ => format!("{} h {:02} min", whole / 3600, whole / 60 % 60),
    }
}

#[cfg(test)]
mod tests;
