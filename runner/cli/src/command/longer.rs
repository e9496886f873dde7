//! `runner run --resume RUN` with more epochs than the run has: a new run that starts from the end of
//! that one, and comes to what it would have come to had it been longer from the start.

use std::path::Path;

use runner_experiment::{Plan, fingerprint};
use runner_learn::checkpoint::longer::{self, NotLonger};
use runner_results::load::LoadedRun;

use crate::failure::Failure;
use crate::terminal;

/// The folder of checkpoints in that of a run.
pub const CHECKPOINTS: &str = "checkpoints";

/// Whether an entry of the plan says how many epochs one of its stages has.
pub fn is_epochs(plan: &Plan, key: &str) -> bool {
    plan.stage.iter().any(|stage| key == format!("stage.{}.epochs", stage.name))
}

/// Whether a run can go on with the epochs of this plan, which differs from its own in these alone.
///
/// # Errors
///
/// Why not, and what to do, in words.
pub fn check(run: &LoadedRun, plan: &Plan) -> Result<(), String> {
    let params = run.params().map_err(|error| error.to_string())?;
    let planned = plan.stage.iter().map(|stage| {
        let key = format!("stage.{}.epochs", stage.name);
        let found = params.iter().find(|(name, _)| *name == key);
        found.and_then(|(_, value)| value.parse().ok()).unwrap_or(0)
    });
    let planned: Vec<usize> = planned.collect();
    let is_finished = run.status() == "finished";
    let anew =
        "leave `--resume` out to run it anew; features that are cached are not computed again";
    longer::check(&run.path.join(CHECKPOINTS), (&plan.stage, &planned), is_finished).map_err(
        |why| match why {
            NotLonger::NoCheckpoint if is_finished => format!(
                "it is finished and kept no checkpoint; with `[run] keep_checkpoint = true` it would \
                 have\n{anew}"
            ),
            NotLonger::NoCheckpoint => {
                format!("it was stopped before its first checkpoint was written\n{anew}")
            }
            NotLonger::Unreadable(error) => error.to_string(),
            why @ (NotLonger::Stopped { .. } | NotLonger::Minutes { .. }) => {
                format!("{why}\nmore epochs alone would change nothing")
            }
            why => format!("{why}\n{anew}"),
        },
    )
}

/// Brings the end of `run` to the folder `to` of the checkpoints of a longer run.
///
/// # Errors
///
/// Where it cannot be read or written.
pub fn bring(run: &LoadedRun, to: &Path, plan: &Plan) -> Result<(), Failure> {
    let from = run.path.join(CHECKPOINTS);
    longer::copy(&from, to, (&fingerprint::fingerprint(plan), &plan.stage))?;
    terminal::note(&format!("goes on from {}, which stays as it is", run.id));
    Ok(())
}
