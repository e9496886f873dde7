//! From what the user wrote to the runs of one side.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Serialize;

use super::answers::{self, Answers};
use super::error::DiffError;
use crate::ResultsError;
use crate::load::{self, LoadedRun, UNREADABLE};
use crate::parameter::{DEVICE, FOLD, SEED, describes, is_drawn};
use crate::tables::Cell;

/// How many differences of a group that is none are named.
const SHOWN: usize = 8;

/// One run, or several that differ in their seed alone, or in their fold too.
#[derive(Debug, Clone, Serialize)]
pub struct Side {
    /// As it was asked for.
    pub name: String,
    /// By their seeds and folds.
    pub runs: Vec<RunName>,
    /// Entries of the plan that results depend on, seed and fold aside, and hashes of weights and
    /// images.
    #[serde(skip)]
    pub(super) settings: BTreeMap<String, String>,
    #[serde(skip)]
    pub(super) loaded: Vec<LoadedRun>,
    /// Of each run; taken out where sides are put together, and then of each seed.
    #[serde(skip)]
    pub(super) answers: Vec<Answers>,
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
    /// Its fold, from 1, where it is one of a cross-validation.
    pub fold: Option<usize>,
}

impl Side {
    /// The seeds of its runs, each once.
    #[must_use]
    pub fn seeds(&self) -> Vec<&str> {
        let mut seeds: Vec<&str> = self.runs.iter().map(|run| run.seed.as_str()).collect();
        seeds.dedup();
        seeds
    }

    /// The folds of its runs, each once; none where they are no cross-validation.
    #[must_use]
    pub fn folds(&self) -> Vec<usize> {
        let folds: BTreeSet<usize> = self.runs.iter().filter_map(|run| run.fold).collect();
        folds.into_iter().collect()
    }
}

/// A run with its settings, and what it says about images.
struct Read {
    run: LoadedRun,
    settings: BTreeMap<String, String>,
    fold: Option<usize>,
    answers: Answers,
}

impl Read {
    fn new(run: LoadedRun, split: &str) -> Result<Self, ResultsError> {
        let (mut settings, answers) = (settings(&run)?, answers::read(&run, split)?);
        let fold = settings.remove(FOLD).and_then(|fold| fold.parse().ok());
        Ok(Self { run, settings, fold, answers })
    }

    fn seed(&self) -> &Cell {
        self.run.get("seed")
    }
}

/// The side called `text`: a run, an experiment (its finished runs), or several with commas.
pub(super) fn resolve(results: &Path, text: &str, split: &str) -> Result<Side, ResultsError> {
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
            true => runs.push(named(load::find(results, name)?, split)?),
            false => runs.extend(members(name, of_experiment, split, &mut notes)?),
        }
    }
    runs.sort_by(|a, b| a.run.id.cmp(&b.run.id));
    runs.dedup_by(|a, b| a.run.path == b.run.path);
    one_setting(text, &runs)?;
    let runs = one_of_each_repetition(runs, &mut notes);
    let settings = runs.first().map(|read| read.settings.clone()).unwrap_or_default();
    let name = |read: &Read| RunName {
        id: read.run.id.clone(),
        experiment: read.run.experiment.clone(),
        seed: read.seed().to_string(),
        fold: read.fold,
    };
    let names = runs.iter().map(name).collect();
    let (loaded, answers) = runs.into_iter().map(|read| (read.run, read.answers)).unzip();
    Ok(Side { name: text.to_owned(), runs: names, settings, loaded, answers, notes })
}

/// How many runs of its experiment a single run could form a group with: finished, with its settings and
/// other seeds. None for a group.
pub(super) fn other_seeds(results: &Path, side: &Side) -> usize {
    let [run] = side.loaded.as_slice() else { return 0 };
    let Ok(wanted) = settings(run) else { return 0 };
    let mut seeds = BTreeSet::new();
    for other in load::of_experiment(results, &run.experiment) {
        let seed = other.get("seed").to_string();
        let fits = || settings(&other).is_ok_and(|settings| settings == wanted);
        if seed != run.get("seed").to_string() && other.status() == "finished" && fits() {
            seeds.insert(seed);
        }
    }
    seeds.len()
}

/// A run that was asked for.
fn named(run: LoadedRun, split: &str) -> Result<Read, ResultsError> {
    match run.status() {
        "finished" => Read::new(run, split),
        status => {
            let status = status.to_owned();
            Err(DiffError::NotFinished { run: run.id, status }.into())
        }
    }
}

/// The finished runs of an experiment.
fn members(
    experiment: &str,
    runs: Vec<LoadedRun>,
    split: &str,
    notes: &mut Vec<String>,
) -> Result<Vec<Read>, ResultsError> {
    let mut members = Vec::new();
    for run in runs {
        let (id, status) = (run.id.clone(), run.status().to_owned());
        let read = (status == "finished").then(|| Read::new(run, split));
        let status = match read {
            Some(Ok(read)) => {
                members.push(read);
                continue;
            }
            Some(Err(error @ ResultsError::Diff(_))) => return Err(error),
            Some(Err(_)) => UNREADABLE,
            None => &status,
        };
        notes.push(format!("run {id} of {experiment} is left out: it is {status}"));
    }
    match members.is_empty() {
        true => Err(DiffError::NoneFinished { experiment: experiment.to_owned() }.into()),
        false => Ok(members),
    }
}

fn settings(run: &LoadedRun) -> Result<BTreeMap<String, String>, ResultsError> {
    let counts = |key: &String| !describes(key) && !is_drawn(key) && key != SEED && key != DEVICE;
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
    let keys: BTreeSet<&String> = runs.iter().flat_map(|read| read.settings.keys()).collect();
    let mut differences = Vec::new();
    for key in keys {
        let values: BTreeSet<&str> = runs
            .iter()
            .map(|read| read.settings.get(key).map_or("nothing", String::as_str))
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

/// The same seed and fold again are the same run again: it tells nothing new. The newest stays.
fn one_of_each_repetition(runs: Vec<Read>, notes: &mut Vec<String>) -> Vec<Read> {
    let mut kept: Vec<Read> = Vec::new();
    for read in runs {
        let same = |other: &Read| other.seed() == read.seed() && other.fold == read.fold;
        if let Some(index) = kept.iter().position(same) {
            let (old, new) = (kept.remove(index).run.id, &read.run.id);
            let fold = if read.fold.is_some() { " and fold" } else { "" };
            notes.push(format!("run {old} is left out: {new} has the same seed{fold}"));
        }
        kept.push(read);
    }
    kept.sort_by(|a, b| a.seed().compare(b.seed()).then(a.fold.cmp(&b.fold)));
    kept
}
