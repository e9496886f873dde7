//! `runner rerun`: the plan of a run once more, to the same bits.

use std::path::Path;

use clap::Args;
use runner_experiment::Loaded;
use runner_results::load;

use super::resume::Choice;
use super::run;
use super::run::single::{Job, Session, run_one};
use crate::arguments::ResultsArguments;
use crate::failure::Failure;
use crate::terminal;

/// `rerun`
#[derive(Debug, Args)]
pub struct RerunArguments {
    /// A run: its id, the start or end of it, or `last`.
    pub run: String,
    /// Where tensors live: auto, cpu, cuda or vulkan. Default: as the plan says.
    #[arg(long, value_name = "DEVICE")]
    pub device: Option<String>,
    /// Fetch nothing: weights that are not here yet are an error.
    #[arg(long)]
    pub offline: bool,
    #[command(flatten)]
    pub results: ResultsArguments,
}

pub(super) fn rerun(arguments: &RerunArguments) -> Result<(), Failure> {
    let results = &arguments.results.results;
    let run = load::find(results, &arguments.run)?;
    let plan = run.path.join("plan.toml");
    let Loaded::One(checked) = run::load(&plan, &[], arguments.device.as_deref())? else {
        return Err(Failure::data(format!("{} is not the plan of one run", plan.display())));
    };
    let session = Session::new(results, arguments.offline)?;
    let (id, before) = (run.id.clone(), run.path.clone());
    let job =
        Job { checked: *checked, choice: Choice::Again(run), member: None, pause_after: None };
    let ended = run_one(&session, job);
    session.prune();
    terminal::note("");
    let ended = ended?;
    terminal::out(&ended.text);
    let again = load::find(results, &ended.id)?;
    say_whether_same(&id, &before, &again.path);
    Ok(())
}

/// Whether the model came out as before, where there was one.
fn say_whether_same(id: &str, before: &Path, now: &Path) {
    let model = |folder: &Path| std::fs::read(folder.join("model.safetensors"));
    match (model(before), model(now)) {
        (Ok(before), Ok(now)) if before == now => {
            terminal::out(&format!("the model is that of run {id}, byte for byte"));
        }
        (Ok(_), Ok(_)) => terminal::out(&format!("the model is not that of run {id}")),
        _ => {}
    }
}
