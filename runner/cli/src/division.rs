//! Where the images of a folder that is divided were before: in the run that goes on, in an earlier run
//! of the experiment, or in the table that the file names.

use std::path::Path;

use runner_data::division::Earlier;
use runner_experiment::section::division::{LAST, NONE};
use runner_experiment::{Plan, fingerprint};
use runner_results::load::{self, LoadedRun};
use runner_results::splits::{self, Splits};

use crate::failure::Failure;
use crate::terminal;

/// What a plan builds on; `own` is the run that goes on, whose images stay where they are.
///
/// # Errors
///
/// A [`Failure`] where the run that the plan names is not there, or its table cannot be read.
pub fn earlier(plan: &Plan, results: &Path, own: Option<&LoadedRun>) -> Result<Earlier, Failure> {
    let Some(dataset) = &plan.dataset else { return Ok(Earlier::default()) };
    let Some(division) = &dataset.split else { return Ok(Earlier::default()) };
    if let Some(found) = own.map(splits::of_run).transpose()?.flatten() {
        return of(found);
    }
    let found = match division.from.as_str() {
        NONE => None,
        LAST => splits::newest(results, &plan.experiment.name, &fingerprint::entries(plan))?,
        file if Path::new(file).is_file() => Some(splits::read(Path::new(file))?),
        run => {
            let run = load::find(results, run)?;
            let found = splits::of_run(&run)?.ok_or_else(|| {
                Failure::usage(format!(
                    "run {} did not divide its images: it has no splits.parquet",
                    run.id
                ))
            })?;
            Some(found)
        }
    };
    let Some(found) = found else { return Ok(Earlier::default()) };
    let place = if dataset.folds.is_some() { "fold" } else { "split" };
    terminal::note(&format!(
        "{} images keep their {place}{}",
        found.images.len(),
        found.run.as_ref().map_or(String::new(), |run| format!(" in run {run}"))
    ));
    of(found)
}

fn of(splits: Splits) -> Result<Earlier, Failure> {
    let mut earlier = Earlier { fold: splits.fold, ..Earlier::default() };
    for (hash, split, fold) in splits.images {
        let hash = blake3::Hash::from_hex(&hash)
            .map_err(|_| Failure::data(format!("`{hash}` in splits.parquet is no BLAKE3 hash")))?;
        earlier.images.insert(*hash.as_bytes(), (split, fold));
    }
    Ok(earlier)
}
