//! From what the user typed to runs: ids and parts of them, experiments, tags, patterns.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

use glob::Pattern;
use rayon::prelude::*;

use super::found::{Found, found};
use super::{LoadedRun, load, load_all};
use crate::ResultsError;
use crate::suggest::closest;
use crate::tables::cell;

/// The run called `name`: its id, the start or end of it, its folder, or `last`.
///
/// # Errors
///
/// [`ResultsError::NoSuchRun`] or [`ResultsError::Ambiguous`].
pub fn find(results: &Path, name: &str) -> Result<LoadedRun, ResultsError> {
    let all = found(results);
    let missing = || no_such_run(results, &all, &[], name);
    if name == "last" {
        let newest = all.iter().find_map(|run| load(run.clone(), None));
        return newest.ok_or_else(missing);
    }
    let named = exact(&all, name).map_or_else(|| by_part(&all, name), |run| Ok(Some(run)))?;
    named.and_then(|run| load(run.clone(), None)).ok_or_else(missing)
}

/// The run of that id or in that folder.
fn exact<'a>(all: &'a [Found], name: &str) -> Option<&'a Found> {
    let folder = Path::new(name).components().collect::<PathBuf>();
    let mut fits =
        all.iter().filter(|run| run.id == name || run.path.components().eq(folder.components()));
    let first = fits.find(|run| run.is_run())?;
    // The same id below two experiments is for the caller to tell apart.
    fits.all(|run| !run.is_run()).then_some(first)
}

/// The one run whose id starts or ends like that.
fn by_part<'a>(all: &'a [Found], name: &str) -> Result<Option<&'a Found>, ResultsError> {
    let fits = |run: &&Found| run.id.starts_with(name) || run.id.ends_with(name);
    let matches: Vec<&Found> = all.iter().filter(fits).filter(|run| run.is_run()).collect();
    match matches[..] {
        [] => Ok(None),
        [one] => Ok(Some(one)),
        _ => Err(ResultsError::Ambiguous {
            name: name.to_owned(),
            matches: matches.iter().map(|run| run.id.clone()).collect(),
        }),
    }
}

/// The runs that the names stand for, each a run, an experiment, a tag, the id of a sweep, or a
/// pattern such as `feature_*` for ids and experiments; all where there is no name. Oldest first, each
/// once.
///
/// # Errors
///
/// As [`find`].
pub fn select(results: &Path, names: &[String]) -> Result<Vec<LoadedRun>, ResultsError> {
    Ok(load_all(named(results, names)?, None))
}

/// The same, with some columns of `run.parquet` at hand; any other is read when it is asked for.
///
/// # Errors
///
/// As [`find`].
pub fn select_with(
    results: &Path,
    names: &[String],
    columns: &[&str],
) -> Result<Vec<LoadedRun>, ResultsError> {
    Ok(load_all(named(results, names)?, Some(columns)))
}

fn named(results: &Path, names: &[String]) -> Result<Vec<Found>, ResultsError> {
    let all = found(results);
    let tagged = OnceCell::new();
    let mut chosen: Vec<Found> = if names.is_empty() { all.clone() } else { Vec::new() };
    for name in names {
        let matches = matches(&all, name, &tagged)?;
        if matches.is_empty() {
            let tags = tagged.get_or_init(|| tags(&all));
            let tags: Vec<&str> = tags.keys().map(String::as_str).collect();
            return Err(no_such_run(results, &all, &tags, name));
        }
        chosen.extend(matches.into_iter().cloned());
    }
    chosen.sort_by(|a, b| a.id.cmp(&b.id).then_with(|| a.path.cmp(&b.path)));
    chosen.dedup_by(|a, b| a.path == b.path);
    Ok(chosen)
}

/// Tags, and the indices of the runs that have them.
type Tags = HashMap<String, Vec<usize>>;

/// In this order: the id of a run, an experiment, a tag or a sweep, a pattern, a part of a run's id.
fn matches<'a>(
    all: &'a [Found],
    name: &str,
    tagged: &OnceCell<Tags>,
) -> Result<Vec<&'a Found>, ResultsError> {
    if name == "last" {
        return Ok(all.iter().find(|run| run.is_run()).into_iter().collect());
    }
    if let Some(run) = exact(all, name) {
        return Ok(vec![run]);
    }
    let of_experiment: Vec<&Found> = all.iter().filter(|run| run.experiment == name).collect();
    if !of_experiment.is_empty() {
        return Ok(of_experiment);
    }
    if let Some(indices) = tagged.get_or_init(|| tags(all)).get(name) {
        return Ok(indices.iter().filter_map(|index| all.get(*index)).collect());
    }
    if name.contains(['*', '?', '[']) {
        let Ok(pattern) = Pattern::new(name) else { return Ok(Vec::new()) };
        let fits = |run: &&Found| pattern.matches(&run.id) || pattern.matches(&run.experiment);
        return Ok(all.iter().filter(fits).filter(|run| run.is_run()).collect());
    }
    Ok(by_part(all, name)?.into_iter().collect())
}

/// The id of its sweep counts as a tag of a run.
fn tags(all: &[Found]) -> Tags {
    let of_run = |run: &Found| {
        let run = load(run.clone(), Some(&["status", "sweep"]))?;
        let sweep = cell::get(&run.run, "sweep").as_str().map(str::to_owned);
        Some(run.tags().into_iter().chain(sweep).collect::<Vec<String>>())
    };
    let found: Vec<Vec<String>> =
        all.par_iter().map(|run| of_run(run).unwrap_or_default()).collect();
    let mut tags = Tags::new();
    for (index, names) in found.into_iter().enumerate() {
        for name in names {
            tags.entry(name).or_default().push(index);
        }
    }
    tags
}

fn no_such_run(results: &Path, runs: &[Found], tags: &[&str], name: &str) -> ResultsError {
    let names = runs.iter().flat_map(|run| [run.id.as_str(), run.experiment.as_str()]);
    let close = closest(name, names.chain(tags.iter().copied())).map(str::to_owned);
    ResultsError::NoSuchRun { name: name.to_owned(), results: results.to_path_buf(), close }
}
