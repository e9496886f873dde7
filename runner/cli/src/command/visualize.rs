//! `runner visualize`: pictures alone, of a file without stages or on the model of a run.

use std::path::Path;

use runner_experiment::{Checked, Override, fingerprint};
use runner_learn::run::{Request, pictures};
use runner_learn::{Interrupt, LearnError, device};
use runner_results::load::{self, LoadedRun};
use runner_results::lock::RunLock;
use runner_results::visuals;

use super::{predict, run};
use crate::arguments::{ResultsArguments, RunArguments, VisualizeArguments};
use crate::connect::Pictures;
use crate::draw::Drawer;
use crate::failure::{Failure, guarded};
use crate::fetch::weights;
use crate::{diagnostics, terminal};

pub(super) fn visualize(arguments: &VisualizeArguments) -> Result<(), Failure> {
    let results = &arguments.results.results;
    let file = Path::new(&arguments.target);
    if !file.is_file() {
        let run = load::find(results, &arguments.target)?;
        return of_run(arguments, &run);
    }
    let mut checked = runner_experiment::load(file, &arguments.set)?;
    if checked.plan.stage.is_empty() {
        return run::run(&RunArguments {
            file: file.to_path_buf(),
            set: arguments.set.clone(),
            device: arguments.device.clone(),
            resume: None,
            results: ResultsArguments { results: results.clone() },
        });
    }
    if let Some(name) = checked.plan.model.weights.strip_prefix("run:") {
        checked.plan.model.weights = format!("run:{}", load::find(results, name)?.id);
    }
    let plan = fingerprint::fingerprint(&checked.plan);
    let same = |run: &LoadedRun| {
        run.get("fingerprint").as_str() == Some(&plan) && run.status() == "finished"
    };
    match load::runs(results).into_iter().find(same) {
        Some(run) => of_run(arguments, &run),
        None => Err(Failure::usage(format!(
            "error: {0} trains, and there is no finished run of it\n\
             `runner run {0}` trains and draws; `runner visualize RUN --jobs {0}` draws on another \
             run's model",
            file.display()
        ))),
    }
}

/// The jobs on the model of a run, into its folder.
fn of_run(arguments: &VisualizeArguments, run: &LoadedRun) -> Result<(), Failure> {
    let model = weights::of_run(run)?;
    let checked = plan(arguments, run)?;
    let Ok(lock) = RunLock::take(&run.path) else {
        let message = format!("error: another process is at work on run {}", run.id);
        return Err(Failure::usage(message));
    };
    let device = predict::device(arguments.device.as_deref())?;
    let compute = device::select(device).map_err(LearnError::from)?;
    let interrupt = Interrupt::default();
    run::catch_signals(&interrupt)?;
    let request = Request {
        checked: &checked,
        weights: Some(&model),
        compute,
        cache: None,
        model: model.clone(),
        checkpoints: None,
        interrupt,
    };
    // The jobs of another file do not touch what the run's own have drawn.
    let folder = match &arguments.jobs {
        Some(file) => run.path.join(file.file_stem().unwrap_or_default()),
        None => run.path.clone(),
    };
    clear(&folder)?;
    let (jobs, classes) = (&checked.plan.visualize, &checked.classes);
    let drawer = Drawer::new([&run.path, &folder], &run.id, jobs, classes);
    let mut taken = Pictures::new(drawer, request.interrupt.clone());
    let outcome = guarded(|| {
        let learned = pictures::again(&request, &mut |event| taken.take(event));
        taken.finish().map_err(Failure::from)?;
        learned.map_err(Failure::from)
    });
    lock.release(&run.path);
    outcome?;
    terminal::out(&format!("written to {}", folder.join(visuals::FOLDER).display()));
    Ok(())
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
    let own = run.path.join("plan.toml");
    let mut checked = runner_experiment::load(&own, &[] as &[Override])?;
    if let Some(file) = &arguments.jobs {
        let other = runner_experiment::load(file, &arguments.set)?;
        diagnostics::show_warnings(&other);
        checked.plan.visualize = other.plan.visualize;
    }
    if checked.plan.visualize.is_empty() {
        return Err(Failure::usage(format!(
            "error: the run {} has no visualize job; `--jobs FILE` takes those of another file",
            run.id
        )));
    }
    Ok(checked)
}
