//! `runner list`: runs, newest first.

use runner_results::load::{self, LoadedRun};

use super::submit::{Waiting, queued};
use crate::arguments::ResultsArguments;
use crate::failure::Failure;
use crate::terminal;

pub(super) fn list(arguments: &ResultsArguments) -> Result<(), Failure> {
    let runs = load::runs(&arguments.results);
    let queued = queued(&arguments.results, &runs);
    if runs.is_empty() && queued.waiting.is_empty() {
        terminal::note(&format!("there are no runs in {}", arguments.results.display()));
        return Ok(());
    }
    let header = ["run", "experiment", "status", "seed", "best validation", "test", "seconds"];
    let of_run = |run: &LoadedRun| row(run, queued.again.get(&run.id).copied());
    let rows = queued.waiting.into_iter().map(row_of_waiting);
    terminal::out_table(&header, rows.chain(runs.iter().map(of_run)).collect());
    Ok(())
}

/// A member that was submitted and has no run yet.
fn row_of_waiting(waiting: Waiting) -> Vec<String> {
    let Waiting { task, experiment, status, member } = waiting;
    let task = format!("{task} {member}");
    let mut row = vec![task.trim_end().to_owned(), experiment, status.to_owned()];
    row.resize(7, String::new());
    row
}

fn row(run: &LoadedRun, queued: Option<&str>) -> Vec<String> {
    let seconds = run.get("duration_s").as_f64().map_or(String::new(), |s| format!("{s:.1}"));
    vec![
        run.id.clone(),
        run.experiment.clone(),
        queued.unwrap_or(run.status()).to_owned(),
        run.get("seed").to_string(),
        run.get("best_validation_accuracy").to_string(),
        run.get("test_accuracy").to_string(),
        seconds,
    ]
}
