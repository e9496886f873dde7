//! `runner run --resume`: which run goes on, and whether it can.

use std::collections::BTreeMap;
use std::path::Path;

use runner_experiment::{Checked, Plan, fingerprint};
use runner_results::ResultsError;
use runner_results::load::{self, LoadedRun};

use super::longer;
use crate::failure::Failure;
use crate::terminal;

/// What `--resume` comes to.
pub enum Choice {
    /// There is no run of this plan yet.
    Fresh,
    /// Nothing is left to do.
    Finished(LoadedRun),
    /// This one goes on.
    Resume(LoadedRun),
    /// A new one goes on from the end of this one, for more epochs.
    Longer(LoadedRun),
    /// This one is run again.
    Again(LoadedRun),
}

impl Choice {
    /// The run that this goes on from, or does again.
    pub fn run(&self) -> Option<&LoadedRun> {
        match self {
            Self::Resume(run) | Self::Longer(run) | Self::Again(run) => Some(run),
            Self::Fresh | Self::Finished(_) => None,
        }
    }

    /// The run that a new one goes on from.
    pub fn longer(&self) -> Option<&LoadedRun> {
        if let Self::Longer(run) = self { Some(run) } else { None }
    }

    /// The run that is run again.
    pub fn again(&self) -> Option<&LoadedRun> {
        if let Self::Again(run) = self { Some(run) } else { None }
    }
}

/// The run that `name` stands for; `last` is the newest of this plan.
///
/// # Errors
///
/// A [`Failure`] where there is no such run, its plan is another one, or it is still running.
pub fn choose(name: &str, checked: &Checked, results: &Path) -> Result<Choice, Failure> {
    let run = match name {
        "last" => match newest(checked, results, |_| true) {
            Some(run) => run,
            None => {
                say_what_is_new(checked, results);
                return Ok(Choice::Fresh);
            }
        },
        name => load::find(results, name)?,
    };
    let plan = with_weights_of(&checked.plan, &run);
    let is_same = run.get("fingerprint").as_str() == Some(&fingerprint::fingerprint(&plan));
    let is_whole = is_whole(&plan, &run, |_| true)?;
    let is_longer = is_longer(&plan, &run)?;
    match run.status() {
        "running" if is_longer => Err(ResultsError::Busy { run: run.id }.into()),
        _ if is_longer => match longer::check(&run, &plan) {
            Ok(()) => {
                say_unfinished(checked, results);
                Ok(Choice::Longer(run))
            }
            Err(why) => {
                let changed = list(&changes(&run, &plan)?);
                let said = format!("run {} cannot go on for more epochs:{changed}\n{why}", run.id);
                Err(Failure::usage(said))
            }
        },
        _ if !is_same || !is_whole => Err(Failure::usage(differences(&run, &plan)?)),
        "finished" => Ok(Choice::Finished(run)),
        "running" => Err(ResultsError::Busy { run: run.id }.into()),
        _ => Ok(Choice::Resume(run)),
    }
}

/// Runs of this plan, with these names for everything, newest first.
pub fn of_member(checked: &Checked, results: &Path) -> Vec<LoadedRun> {
    let plan = fingerprint::fingerprint(&checked.plan);
    let runs = load::of_plan(results, &checked.plan.experiment.name, &plan);
    let is_same = |run: &LoadedRun| {
        run.get("fingerprint").as_str() == Some(&plan)
            && is_whole(&checked.plan, run, |_| true).unwrap_or(false)
    };
    runs.filter(is_same).collect()
}

/// The newest run of this plan, whatever its stages are called, that `fits`.
pub fn newest(
    checked: &Checked,
    results: &Path,
    fits: impl Fn(&LoadedRun) -> bool,
) -> Option<LoadedRun> {
    let experiment = &checked.plan.experiment.name;
    if checked.plan.model.weights.starts_with("run:") {
        // Which run that was is in each plan.
        return load::of_experiment(results, experiment).find(|run| {
            let plan = fingerprint::fingerprint(&with_weights_of(&checked.plan, run));
            run.get("fingerprint").as_str() == Some(&plan) && fits(run)
        });
    }
    let plan = fingerprint::fingerprint(&checked.plan);
    let mut runs = load::of_plan(results, experiment, &plan);
    runs.find(|run| run.get("fingerprint").as_str() == Some(&plan) && fits(run))
}

/// `weights = "run:last"` means the run that was the last when this one was started: the id in its
/// plan, where the name could stand for that.
pub fn with_weights_of(plan: &Plan, run: &LoadedRun) -> Plan {
    let mut plan = plan.clone();
    let Some(name) = plan.model.weights.strip_prefix("run:") else { return plan };
    let params = run.params().unwrap_or_default();
    let stored = params.into_iter().find(|(key, _)| key == "model.weights");
    let Some((_, weights)) = stored else { return plan };
    let Some(id) = weights.strip_prefix("run:") else { return plan };
    if name == "last" || id.starts_with(name) || id.ends_with(name) {
        plan.model.weights = weights;
    }
    plan
}

/// Whether an entry may be another one in a run that is resumed: all that say nothing about what is
/// computed, but for the name of the folder.
fn may_differ(key: &str) -> bool {
    fingerprint::is_name(key) && key != "experiment.name"
}

/// Whether the whole plan is that of the run, as far as entries `count`. The fingerprint knows no
/// names, and the tables have them: stages that were renamed, or whose names were swapped, are another
/// run.
fn is_whole(plan: &Plan, run: &LoadedRun, count: impl Fn(&str) -> bool) -> Result<bool, Failure> {
    let counts = |key: &str| !may_differ(key) && count(key);
    let kept = |entries: Vec<(String, String)>| -> BTreeMap<String, String> {
        entries.into_iter().filter(|(key, _)| counts(key)).collect()
    };
    let (before, now) = (run.params()?, fingerprint::entries(plan));
    Ok(stages(&before) == stages(&now) && kept(before) == kept(now))
}

/// Whether the plan differs from that of the run in the epochs of its stages, and in nothing else.
fn is_longer(plan: &Plan, run: &LoadedRun) -> Result<bool, Failure> {
    Ok(!is_whole(plan, run, |_| true)? && is_whole(plan, run, |key| !longer::is_epochs(plan, key))?)
}

/// The names of the stages in order.
fn stages(entries: &[(String, String)]) -> Vec<&str> {
    let is_name = |(key, name): &&(String, String)| *key == format!("stage.{name}.name");
    entries.iter().filter(is_name).map(|(_, name)| name.as_str()).collect()
}

/// Says that there is a run of this very plan that could go on.
fn say_unfinished(checked: &Checked, results: &Path) {
    if let Some(run) = newest(checked, results, |run| run.status() != "finished") {
        terminal::note(&format!(
            "run {} has this plan too and is {}: `--resume {0}` would go on with it",
            run.id,
            run.status()
        ));
    }
}

/// Says that a run starts anew, and in what it is not the newest one of this experiment.
fn say_what_is_new(checked: &Checked, results: &Path) {
    let mut runs = load::of_experiment(results, &checked.plan.experiment.name);
    let newest = runs.find_map(|run| {
        let plan = with_weights_of(&checked.plan, &run);
        let changes = changes(&run, &plan).ok().filter(|changes| !changes.is_empty())?;
        Some((run, plan, changes))
    });
    let mut said = "no run has this plan yet: a new one starts".to_owned();
    if let Some((run, plan, changes)) = newest {
        let shown = changes.len().min(MOST_CHANGES);
        said += &format!("\nthe newest run, {}, differs:{}", run.id, list(&changes[..shown]));
        if changes.len() > shown {
            said += &format!("\n  and {} more", changes.len() - shown);
        }
        if is_longer(&plan, &run).unwrap_or(false) && longer::check(&run, &plan).is_ok() {
            said += &format!("\n`--resume {}` goes on from there", run.id);
        }
    }
    terminal::note(&said);
}

/// How many differences are said where they are no error.
const MOST_CHANGES: usize = 5;

fn list(changes: &[String]) -> String {
    changes.iter().map(|change| format!("\n  {change}")).collect()
}

/// Why a run cannot be resumed with this plan.
fn differences(run: &LoadedRun, plan: &Plan) -> Result<String, Failure> {
    Ok(format!(
        "run {} cannot be resumed with another plan:{}\nundo that, or leave `--resume` out to start a new run",
        run.id,
        list(&changes(run, plan)?)
    ))
}

/// Every entry in which the plan differs from that of the run, one a line.
fn changes(run: &LoadedRun, plan: &Plan) -> Result<Vec<String>, Failure> {
    let (before, now) = (run.params()?, fingerprint::entries(plan));
    let value = |entries: &[(String, String)], key: &str| {
        let found = entries.iter().find(|(name, _)| name == key);
        found.map_or("nothing".to_owned(), |(_, value)| format!("`{value}`"))
    };
    let mut keys: Vec<&String> = before.iter().chain(&now).map(|(key, _)| key).collect();
    keys.sort();
    keys.dedup();
    keys.retain(|key| !may_differ(key));
    let changed = keys.into_iter().filter_map(|key| {
        let (old, new) = (value(&before, key), value(&now, key));
        (old != new).then(|| format!("{key}: {old} in the run, {new} now"))
    });
    let (old, new) = (stages(&before), stages(&now));
    let order = (old != new).then(|| {
        let (old, new) = (old.join(", "), new.join(", "));
        format!("the stages in order: {old} in the run, {new} now")
    });
    Ok(changed.chain(order).collect())
}
