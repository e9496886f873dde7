//! `runner run --resume`: which run goes on, and whether it can.

use std::path::Path;

use runner_experiment::{Checked, fingerprint};
use runner_results::load::{self, LoadedRun};

use crate::failure::Failure;

/// What `--resume` comes to.
pub enum Choice {
    /// There is no run of this plan yet.
    Fresh,
    /// Nothing is left to do.
    Finished(LoadedRun),
    /// This one goes on.
    GoOn(LoadedRun),
}

/// The run that `name` stands for; `last` is the newest of this plan.
///
/// # Errors
///
/// A [`Failure`] where there is no such run, its plan is another one, or it is still running.
pub fn choose(name: &str, checked: &Checked, results: &Path) -> Result<Choice, Failure> {
    let plan = fingerprint::fingerprint(&checked.plan);
    let is_same = |run: &LoadedRun| run.get("fingerprint").as_str() == Some(plan.as_str());
    let run = match name {
        "last" => {
            let experiment = &checked.plan.experiment.name;
            let runs = load::runs(results);
            let own = runs.into_iter().filter(|run| run.experiment == *experiment);
            match own.into_iter().find(is_same) {
                Some(run) => run,
                None => return Ok(Choice::Fresh),
            }
        }
        name => load::find(results, name)?,
    };
    if !is_same(&run) {
        return Err(Failure::usage(differences(&run, checked)?));
    }
    match run.status() {
        "finished" => Ok(Choice::Finished(run)),
        "running" => Err(Failure::usage(format!(
            "error: run {} is still running; it can be resumed once its process has ended",
            run.id
        ))),
        _ => Ok(Choice::GoOn(run)),
    }
}

/// Every entry in which the plan differs from that of the run.
fn differences(run: &LoadedRun, checked: &Checked) -> Result<String, Failure> {
    let (before, now) = (run.params()?, fingerprint::entries(&checked.plan));
    let value = |entries: &[(String, String)], key: &str| {
        let found = entries.iter().find(|(own, _)| own == key);
        found.map_or("nothing".to_owned(), |(_, value)| format!("`{value}`"))
    };
    let mut keys: Vec<&String> = before.iter().chain(&now).map(|(key, _)| key).collect();
    keys.sort();
    keys.dedup();
    let changed = keys.into_iter().filter_map(|key| {
        let (old, new) = (value(&before, key), value(&now, key));
        (old != new).then(|| format!("\n  {key}: {old} in the run, {new} now"))
    });
    Ok(format!(
        "error: run {} cannot be resumed with another plan:{}\nundo that, or leave `--resume` out to start a new run",
        run.id,
        changed.collect::<String>()
    ))
}
