//! One run from its plan to its last table.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use runner_data::Interrupt;
use runner_experiment::{Checked, fingerprint};
use runner_learn::Category;
use runner_learn::run::{Request, Shared};
use runner_network::device::Compute;
use runner_record::Event;
use runner_results::load::{self, LoadedRun};
use runner_results::report;
use runner_results::tables::RunRow;
use runner_results::writer::{End, RunWriter, Start};

use super::summary;
use crate::before::Before;
use crate::command::longer::{self, CHECKPOINTS};
use crate::command::resume::{self, Choice};
use crate::connect::Connection;
use crate::failure::{Failure, guarded};
use crate::fetch::weights::resolve;
use crate::logging::LogFile;
use crate::out_of_memory::{Work, explained};
use crate::{device, division, environment, signals, terminal};

/// What all runs of a process share.
pub struct Session {
    /// The folder of results.
    pub results: PathBuf,
    /// The cache folder.
    pub cache: PathBuf,
    /// Features above this many bytes are pruned after a run.
    cache_limit: u64,
    /// Whether nothing may be fetched.
    pub offline: bool,
    pub interrupt: Interrupt,
    git: OnceLock<(Option<String>, Option<bool>)>,
    /// What runs find out that others need not.
    pub shared: Shared,
}

impl Session {
    /// Looks at the surroundings; from now on signals ask runs to stop.
    pub fn new(results: &Path, offline: bool) -> Result<Self, Failure> {
        let cache = environment::cache();
        Ok(Self {
            results: results.to_path_buf(),
            shared: Shared::kept_in(&cache),
            cache,
            cache_limit: environment::cache_limit().map_err(Failure::usage)?,
            offline,
            interrupt: signals::interrupt()?,
            git: OnceLock::new(),
        })
    }
}

/// A run to do.
pub struct Job<'a> {
    /// Its plan.
    pub checked: Checked,
    /// Whether it goes on with an earlier one.
    pub choice: Choice,
    /// The sweep that it is a member of, and its name there.
    pub member: Option<(&'a str, &'a str)>,
    /// It pauses after this many epochs, counted over all stages.
    pub pause_after: Option<usize>,
}

/// What a run that came to its end, or to its pause, leaves.
pub struct Ended {
    /// Its id.
    pub id: String,
    /// Whether it paused, and is to go on later.
    pub paused: bool,
    /// Scores and paths, for the terminal.
    pub text: String,
}

/// One run from its plan to its summary. A process may call it again and again: each run has its
/// folder, its lock and its log.
pub fn run_one(session: &Session, job: Job<'_>) -> Result<Ended, Failure> {
    let Job { mut checked, choice, member, pause_after } = job;
    let compute = device::of_plan(checked.plan.run)?;
    let longer = choice.longer().cloned();
    let before = choice.again().map(Before::of);
    if let Choice::Resume(run) | Choice::Longer(run) = &choice {
        Before::of(run).look_at_device(&compute);
        checked.plan = resume::with_weights_of(&checked.plan, run);
    }
    let results = &session.results;
    // What stops this run alone, a table that cannot be written for one, stops no other.
    let interrupt = session.interrupt.below();
    let weights = resolve(&mut checked, results, (session.offline, &interrupt))?;
    let earlier = division::earlier(&checked.plan, results, choice.run())?;
    let start = start(session, &checked, &compute, member)?;
    let mut writer = open(choice, results, start)?;
    let _log = open_log(&writer)?;
    say_device(&compute);
    let request = Request {
        checked: &checked,
        earlier,
        weights: weights.as_ref(),
        compute,
        cache: Some(&session.cache),
        model: writer.file("model.safetensors"),
        checkpoints: Some(writer.file(CHECKPOINTS)),
        shared: &session.shared,
        interrupt,
    };
    let mut paused = false;
    let stage = RefCell::new(None);
    let outcome = guarded(|| {
        if let Some(run) = &longer {
            longer::bring(run, &writer.file(CHECKPOINTS), &checked.plan)?;
        }
        paused = execute(&request, &mut writer, (pause_after, before), &stage)?;
        Ok(())
    });
    let stage = stage.into_inner();
    let work = Work { compute: &request.compute, plan: &checked.plan, stage: stage.as_deref() };
    finish(&mut writer, outcome.map_err(|failure| explained(failure, &work)), paused)
}

/// The page about the run; one that cannot be written takes nothing from it.
fn report(writer: &RunWriter, paused: bool) {
    let written = match (paused, load::at(writer.folder())) {
        (false, Some(run)) => report::write_run(&run),
        _ => return,
    };
    if let Err(error) = written {
        terminal::warning(&format!("the report of the run could not be written: {error}"));
    }
}

/// The page about a finished run whose process was killed before it had written it.
pub fn complete(run: &LoadedRun) {
    if run.path.join(report::FILE).is_file() {
        return;
    }
    if let Err(error) = report::write_run(run) {
        terminal::warning(&format!("the report of the run could not be written: {error}"));
    }
}

impl Session {
    #[cfg(test)]
    pub(super) fn of_test(results: &Path, cache: &Path) -> Self {
        Self {
            results: results.to_path_buf(),
            cache: cache.to_path_buf(),
            cache_limit: 1 << 30,
            offline: true,
            interrupt: Interrupt::default(),
            git: OnceLock::new(),
            shared: Shared::default(),
        }
    }

    /// A cache above its limit loses what was used longest ago.
    pub fn prune(&self) {
        prune(&self.cache, self.cache_limit);
    }
}

/// A new run, or the one that goes on.
fn open(choice: Choice, results: &Path, start: Start) -> Result<RunWriter, Failure> {
    Ok(match choice {
        Choice::Resume(run) => RunWriter::reopen(&run, start.run)?,
        _ => RunWriter::create(results, start)?,
    })
}

fn open_log(writer: &RunWriter) -> Result<LogFile, Failure> {
    let log = writer.file("log.jsonl");
    LogFile::open(&log)
        .map_err(|error| Failure::internal(format!("cannot write {}: {error}", log.display())))
}

/// In the log, and on the terminal.
fn say_device(compute: &Compute) {
    tracing::info!(device = compute.described(), autotune = compute.autotune, "computes");
    terminal::note(&format!("computes on {}", compute.described()));
}

fn start(
    session: &Session,
    checked: &Checked,
    compute: &Compute,
    member: Option<(&str, &str)>,
) -> Result<Start, Failure> {
    let plan = &checked.plan;
    let (sweep, member) =
        member.map(|(sweep, member)| (sweep.to_owned(), member.to_owned())).unzip();
    let (git_commit, git_dirty) = session.git.get_or_init(environment::git).clone();
    Ok(Start {
        run: RunRow {
            experiment: plan.experiment.name.clone(),
            seed: i64::try_from(plan.experiment.seed).unwrap_or(i64::MAX),
            classes: checked.classes.clone(),
            device: compute.name(),
            precision: compute.precision.to_string(),
            device_name: Some(compute.hardware.name.clone()),
            fingerprint: fingerprint::fingerprint(plan),
            git_commit,
            git_dirty,
            runner_version: env!("CARGO_PKG_VERSION").to_owned(),
            sweep,
            member,
            ..RunRow::default()
        },
        params: fingerprint::entries(plan),
        experiment_toml: checked.source.file_text().to_owned(),
        plan_toml: plan.to_toml().map_err(|error| Failure::of(1, &error))?,
    })
}

/// Trains; whether it paused.
fn execute(
    request: &Request<'_>,
    writer: &mut RunWriter,
    (pause_after, before): (Option<usize>, Option<Before>),
    stage: &RefCell<Option<String>>,
) -> Result<bool, Failure> {
    if let Some(before) = &before {
        before.look_at_program(&request.compute);
    }
    let mut connection =
        Connection::new(writer, request.checked, request.interrupt.clone(), pause_after);
    connection.before = before;
    let learned = runner_explain::run::run(request, &mut |event| {
        if let Event::Stage { stage: name, .. } = &event {
            stage.replace(Some(name.clone()));
        }
        connection.take(event);
    });
    connection.finish();
    if !connection.skipped.is_empty() {
        terminal::note(&format!(
            "{} unusable images were left out; log.jsonl lists them",
            connection.skipped.len()
        ));
    }
    let paused = connection.paused;
    match (learned, connection.failed) {
        (_, Some(error)) => Err(error.into()),
        (Err(error), None) if paused && error.category() == Category::Interrupted => Ok(true),
        (Err(error), None) => Err(error.into()),
        (Ok(()), None) => Ok(false),
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

fn finish(
    writer: &mut RunWriter,
    outcome: Result<(), Failure>,
    paused: bool,
) -> Result<Ended, Failure> {
    let end = match &outcome {
        Ok(()) if paused => End::Interrupted,
        Ok(()) => End::Finished,
        Err(failure) if failure.code == 130 => End::Interrupted,
        Err(failure) => End::Failed(failure.message()),
    };
    tracing::info!(status = end.status(), paused, "end");
    writer.finish(&end, environment::peak_rss())?;
    report(writer, paused);
    match outcome {
        Ok(()) => Ok(Ended { id: writer.id().to_owned(), paused, text: summary::summary(writer) }),
        Err(failure) => {
            let kept = writer.folder().display();
            Err(failure.with_line(&format!("what was finished until then is in {kept}")))
        }
    }
}
