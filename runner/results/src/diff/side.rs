//! From what the user wrote to the runs of one side.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Serialize;

use super::error::DiffError;
use crate::ResultsError;
use crate::load::{self, LoadedRun, UNREADABLE};

/// Entries of the plan that are no setting: names, what is drawn, where it runs, and the seed.
const NO_SETTING: [&str; 5] = [
    "experiment.name",
    "experiment.description",
    "experiment.tags",
    "experiment.seed",
    "run.device",
];

/// How many differences of a group that is none are named.
const SHOWN: usize = 8;

/// One run, or several that differ in their seed alone.
#[derive(Debug, Clone, Serialize)]
pub struct Side {
    /// As it was asked for.
    pub name: String,
    /// By their seeds.
    pub runs: Vec<RunName>,
    /// Entries of the plan that results depend on, seed aside, and hashes of weights and images.
    #[serde(skip)]
    pub(super) settings: BTreeMap<String, String>,
    #[serde(skip)]
    pub(super) loaded: Vec<LoadedRun>,
    #[serde(skip)]
    pub(super) notes: Vec<String>,
}

/// Sides are the same where they show the same.
impl PartialEq for Side {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, &self.runs, &self.settings) == (&other.name, &other.runs, &other.settings)
    }
}

/// Which run it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunName {
    /// Its id.
    pub id: String,
    /// Its experiment.
    pub experiment: String,
    /// Its seed.
    pub seed: String,
}

/// A run with its settings.
type Read = (LoadedRun, BTreeMap<String, String>);

/// The side called `text`: a run, an experiment (its finished runs), or several with commas.
pub(super) fn resolve(results: &Path, text: &str) -> Result<Side, ResultsError> {
    let mut notes = Vec::new();
    let mut runs: Vec<Read> = Vec::new();
    let whole = [text];
    // A folder may have a comma in its name.
    let is_experiment = load::of_experiment(results, text).next().is_some();
    let names: Vec<&str> = match is_experiment {
        true => whole.to_vec(),
        false => text.split(',').map(str::trim).filter(|name| !name.is_empty()).collect(),
    };
    if names.is_empty() {
        return Err(DiffError::NoName { text: text.to_owned() }.into());
    }
    for name in names {
        let of_experiment: Vec<LoadedRun> = load::of_experiment(results, name).collect();
        match of_experiment.is_empty() {
            true => runs.push(named(load::find(results, name)?)?),
            false => runs.extend(members(name, of_experiment, &mut notes)?),
        }
    }
    runs.sort_by(|(a, _), (b, _)| a.id.cmp(&b.id));
    runs.dedup_by(|(a, _), (b, _)| a.path == b.path);
    one_setting(text, &runs)?;
    let runs = one_of_each_seed(runs, &mut notes);
    let settings = runs.first().map(|(_, settings)| settings.clone()).unwrap_or_default();
    let loaded: Vec<LoadedRun> = runs.into_iter().map(|(run, _)| run).collect();
    let name = |run: &LoadedRun| RunName {
        id: run.id.clone(),
        experiment: run.experiment.clone(),
        seed: run.get("seed").to_string(),
    };
    Ok(Side {
        name: text.to_owned(),
        runs: loaded.iter().map(name).collect(),
        settings,
        loaded,
        notes,
    })
}

/// How many runs of its experiment a single run could form a group with: finished, with its settings and
/// other seeds. None for a group.
pub(super) fn other_seeds(results: &Path, side: &Side) -> usize {
    let [run] = side.loaded.as_slice() else { return 0 };
    let mut seeds = BTreeSet::new();
    for other in load::of_experiment(results, &run.experiment) {
        let seed = other.get("seed").to_string();
        let fits = || settings(&other).is_ok_and(|settings| settings == side.settings);
        if seed != run.get("seed").to_string() && other.status() == "finished" && fits() {
            seeds.insert(seed);
        }
    }
    seeds.len()
}

/// A run that was asked for.
fn named(run: LoadedRun) -> Result<Read, ResultsError> {
    if run.status() != "finished" {
        let status = run.status().to_owned();
        return Err(DiffError::NotFinished { run: run.id, status }.into());
    }
    let settings = settings(&run)?;
    Ok((run, settings))
}

/// The finished runs of an experiment.
fn members(
    experiment: &str,
    runs: Vec<LoadedRun>,
    notes: &mut Vec<String>,
) -> Result<Vec<Read>, ResultsError> {
    let mut read = Vec::new();
    for run in runs {
        let settings = settings(&run).ok();
        match (run.status(), settings) {
            ("finished", Some(settings)) => read.push((run, settings)),
            (status, _) => {
                let status = if status == "finished" { UNREADABLE } else { status };
                notes.push(format!("run {} of {experiment} is left out: it is {status}", run.id));
            }
        }
    }
    match read.is_empty() {
        true => Err(DiffError::NoneFinished { experiment: experiment.to_owned() }.into()),
        false => Ok(read),
    }
}

fn settings(run: &LoadedRun) -> Result<BTreeMap<String, String>, ResultsError> {
    let counts =
        |key: &String| !NO_SETTING.contains(&key.as_str()) && !key.starts_with("visualize.");
    let mut settings: BTreeMap<String, String> =
        run.params()?.into_iter().filter(|(key, _)| counts(key)).collect();
    for column in ["dataset_hash", "weights_sha256", "precision"] {
        if let Some(value) = run.get(column).as_str() {
            settings.insert(column.to_owned(), value.chars().take(12).collect());
        }
    }
    Ok(settings)
}

fn one_setting(side: &str, runs: &[Read]) -> Result<(), DiffError> {
    let keys: BTreeSet<&String> = runs.iter().flat_map(|(_, settings)| settings.keys()).collect();
    let mut differences = Vec::new();
    for key in keys {
        let values: BTreeSet<&str> = runs
            .iter()
            .map(|(_, settings)| settings.get(key).map_or("nothing", String::as_str))
            .collect();
        if values.len() > 1 {
            let values: Vec<&str> = values.into_iter().collect();
            differences.push(format!("{key} is {}", values.join(" or ")));
        }
    }
    let more = differences.len().saturating_sub(SHOWN);
    differences.truncate(SHOWN);
    if more > 0 {
        differences.push(format!("and {more} more"));
    }
    match differences.is_empty() {
        true => Ok(()),
        false => Err(DiffError::NotOneSetting { side: side.to_owned(), differences }),
    }
}

/// The same seed again is the same run again: it tells nothing about other seeds. The newest stays.
fn one_of_each_seed(runs: Vec<Read>, notes: &mut Vec<String>) -> Vec<Read> {
    let mut kept: Vec<Read> = Vec::new();
    for (run, settings) in runs {
        let seed = run.get("seed").to_string();
        let same = kept.iter().position(|(other, _)| other.get("seed").to_string() == seed);
        if let Some(index) = same {
            let (old, _) = kept.remove(index);
            notes.push(format!("run {} is left out: {} has the same seed", old.id, run.id));
        }
        kept.push((run, settings));
    }
    kept.sort_by(|(a, _), (b, _)| a.get("seed").compare(b.get("seed")));
    kept
}
