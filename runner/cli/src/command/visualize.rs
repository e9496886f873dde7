//! `runner visualize`: pictures alone, of a file without stages or on the model of a run.

use std::path::{Path, PathBuf};

use clap::Args;
use runner_experiment::{Checked, Override};
use runner_explain::run::again;
use runner_learn::run::{Request, Shared};
use runner_results::drawer::Drawer;
use runner_results::load::{self, LoadedRun};
use runner_results::lock::RunLock;
use runner_results::visuals;

use super::longer::CHECKPOINTS;
use super::run::arguments::{RunArguments, SweepArguments};
use super::{resume, run};
use crate::arguments::ResultsArguments;
use crate::connect::{Pictures, read_photo};
use crate::failure::{Failure, guarded};
use crate::fetch::weights;
use crate::{device, diagnostics, division, environment, signals, terminal};

/// `visualize`
#[derive(Debug, Args)]
pub struct VisualizeArguments {
    /// An experiment file, or a run: its id, the start or end of it, or `last`. A file whose stages
    /// were run stands for the newest run of it.
    #[arg(value_name = "FILE|RUN")]
    pub target: String,
    /// Take the jobs from this experiment file in place of the run's own; their pictures go into a
    /// folder of that name in the run's.
    #[arg(long, value_name = "FILE")]
    pub jobs: Option<PathBuf>,
    /// Change a key of the file: `--set model.weights=run:last`.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<Override>,
    /// Which device computes: auto, cpu, cuda, cuda:1, vulkan, vulkan:1.
    #[arg(long, value_name = "DEVICE")]
    pub device: Option<String>,
    /// Fetch nothing: weights that are not here yet are an error.
    #[arg(long)]
    pub offline: bool,
    #[command(flatten)]
    pub results: ResultsArguments,
}

pub(super) fn visualize(arguments: &VisualizeArguments) -> Result<(), Failure> {
    let results = &arguments.results.results;
    let file = Path::new(&arguments.target);
    if !file.is_file() {
        let run = load::find(results, &arguments.target)?;
        return of_run(arguments, &run);
    }
    let checked = runner_experiment::load(file, &arguments.set)?;
    if checked.plan.stage.is_empty() {
        return run::run(&RunArguments {
            file: file.to_path_buf(),
            set: arguments.set.clone(),
            device: arguments.device.clone(),
            resume: None,
            offline: arguments.offline,
            dry_run: false,
            sweep: SweepArguments::default(),
            results: ResultsArguments { results: results.clone() },
        });
    }
    match resume::newest(&checked, results, |run| run.status() == "finished") {
        Some(run) => of_run(arguments, &run),
        None => Err(Failure::usage(format!(
            "{0} trains, and there is no finished run of it\n\
             `runner run {0}` trains and draws; `runner visualize RUN --jobs {0}` draws on another \
             run's model",
            file.display()
        ))),
    }
}

/// The jobs on the model of a run, into its folder.
fn of_run(arguments: &VisualizeArguments, run: &LoadedRun) -> Result<(), Failure> {
    let interrupt = signals::interrupt()?;
    let source = weights::of_run(run, (arguments.offline, &interrupt))?;
    let model = source.path.clone();
    let checked = plan(arguments, run)?;
    let results = &arguments.results.results;
    let lock = RunLock::take(&run.path)?;
    let compute = device::of_run(arguments.device.as_deref(), checked.plan.run.precision)?;
    let (shared, cache) = (Shared::default(), environment::cache());
    let request = Request {
        checked: &checked,
        earlier: division::earlier(&checked.plan, results, Some(run))?,
        weights: Some(&source),
        compute,
        cache: Some(&cache),
        model,
        checkpoints: None,
        shared: &shared,
        interrupt,
    };
    // The jobs of another file do not touch what the run's own have drawn.
    let folder = match &arguments.jobs {
        Some(file) => run.path.join(folder_of(file)?),
        None => run.path.clone(),
    };
    clear(&folder)?;
    let jobs = (&checked.plan.visualize[..], &checked.classes[..]);
    let drawer = Drawer::new([&run.path, &folder], &run.id, jobs, read_photo);
    let mut taken = Pictures::new(drawer, request.interrupt.clone());
    let outcome = guarded(|| {
        let learned = again(&request, &mut |event| taken.take(event));
        taken.finish().map_err(Failure::from)?;
        learned.map_err(Failure::from)
    });
    lock.release(&run.path);
    outcome?;
    terminal::out(&format!("written to {}", folder.join(visuals::FOLDER).display()));
    Ok(())
}

/// The name of a folder in that of a run, from the name of a file with jobs.
fn folder_of(jobs: &Path) -> Result<&str, Failure> {
    let stem = jobs.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let taken = [visuals::FOLDER, CHECKPOINTS];
    match stem.is_empty() || stem.starts_with('.') || taken.contains(&stem) {
        true => Err(Failure::usage(format!(
            "the pictures go into a folder with the name of the file, and `{stem}` cannot be \
             one; give {} another name",
            jobs.display()
        ))),
        false => Ok(stem),
    }
}

/// What an earlier call drew there goes.
fn clear(folder: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(folder)?;
    match std::fs::remove_dir_all(folder.join(visuals::FOLDER)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

/// The run's own plan, with the jobs of another file where one is given.
fn plan(arguments: &VisualizeArguments, run: &LoadedRun) -> Result<Checked, Failure> {
    let plan = run.path.join("plan.toml");
    let mut checked = runner_experiment::load(&plan, &[] as &[Override])?;
    if let Some(file) = &arguments.jobs {
        // Its layers are those of the run's network, whatever network the file is for.
        let architecture = checked.plan.model.architecture.as_str();
        let mut set = vec![Override::new("model.architecture", architecture)];
        set.extend(arguments.set.iter().cloned());
        let other = runner_experiment::load(file, &set)?;
        diagnostics::show_warnings(&other);
        checked.plan.visualize = other.plan.visualize;
    }
    if checked.plan.visualize.is_empty() {
        return Err(Failure::usage(format!(
            "the run {} has no visualize job; `--jobs FILE` takes those of another file",
            run.id
        )));
    }
    Ok(checked)
}
