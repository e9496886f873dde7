//! `runner run`: one experiment, or every member of a sweep.

pub mod arguments;
pub mod features;
pub mod single;
mod summary;

use std::path::Path;

use runner_experiment::{LoadError, Loaded, Override};

use super::resume::{self, Choice};
use super::sweep;
use crate::failure::Failure;
use crate::fetch::shapes;
use crate::{diagnostics, terminal};
use arguments::RunArguments;
use single::{Job, Session, complete, run_one};

pub(super) fn run(arguments: &RunArguments) -> Result<(), Failure> {
    let loaded = load(&arguments.file, &arguments.set, arguments.device.as_deref())?;
    let session = Session::new(&arguments.results.results, arguments.offline)?;
    let checked = match loaded {
        Loaded::One(checked) => checked,
        Loaded::Sweep(sweep) => return sweep::run(&session, &sweep, arguments),
    };
    arguments.sweep.refuse_for_one(&arguments.file)?;
    let choice = match &arguments.resume {
        Some(name) => resume::choose(name, &checked, &session.results)?,
        None => Choice::Fresh,
    };
    if let Choice::Finished(run) = &choice {
        complete(run);
        let folder = run.path.display();
        terminal::out(&format!("run {} is finished, nothing is left to do: {folder}", run.id));
        return Ok(());
    }
    if arguments.dry_run {
        terminal::out(&match &choice {
            Choice::Resume(run) => format!("would go on with run {}", run.id),
            Choice::Longer(run) => format!("would start a run that goes on from {}", run.id),
            _ => format!("would start a run of {}", checked.plan.experiment.name),
        });
        return Ok(());
    }
    let job = Job { checked: *checked, choice, member: None, pause_after: None };
    let ended = run_one(&session, job);
    session.prune();
    terminal::note("");
    terminal::out(&ended?.text);
    Ok(())
}

/// The experiment with what the command line changes; its warnings are shown.
pub(super) fn load(file: &Path, set: &[Override], device: Option<&str>) -> Result<Loaded, Failure> {
    let mut overrides = set.to_vec();
    if let Some(device) = device {
        overrides.push(Override::new("run.device", &format!("\"{device}\"")));
    }
    let loaded = match runner_experiment::load_all(file, &overrides) {
        Err(LoadError::Invalid { diagnostics, .. }) if shapes::alone_are_missing(&diagnostics) => {
            shapes::bring()?;
            runner_experiment::load_all(file, &overrides)?
        }
        loaded => loaded?,
    };
    match &loaded {
        Loaded::One(checked) => diagnostics::show_warnings(checked),
        Loaded::Sweep(sweep) => diagnostics::show_warnings_of_sweep(sweep),
    }
    Ok(loaded)
}

#[cfg(test)]
mod tests;
