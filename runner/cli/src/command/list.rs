//! `runner list`: runs, newest first.

use clap::Args;
use runner_results::load::{self, LoadedRun};

use super::submit::{Waiting, queued};
use crate::arguments::ResultsArguments;
use crate::failure::Failure;
use crate::terminal;

/// `list`
#[derive(Debug, Args)]
pub struct ListArguments {
    /// Runs, experiments, tags or patterns such as 'feature_*'; every run where there is none.
    #[arg(value_name = "RUN|EXPERIMENT|TAG|GLOB")]
    pub names: Vec<String>,
    /// Only runs of this status: running, finished, failed, interrupted, unreadable.
    #[arg(long, value_name = "STATUS,...", value_delimiter = ',')]
    pub status: Vec<String>,
    /// Only the newest.
    #[arg(long, value_name = "N")]
    pub top: Option<usize>,
    #[command(flatten)]
    pub results: ResultsArguments,
}

/// What the list shows of `run.parquet`.
const COLUMNS: [&str; 5] =
    ["status", "seed", "best_validation_accuracy", "test_accuracy", "duration_s"];

/// Longer notes are cut off.
const NOTE: usize = 40;

pub(super) fn list(arguments: &ListArguments) -> Result<(), Failure> {
    let results = &arguments.results.results;
    let mut runs = match arguments.names.is_empty() {
        true => load::runs_with(results, &COLUMNS),
        false => load::select_with(results, &arguments.names, &COLUMNS)?,
    };
    let mut queued = queued(results, &runs);
    let names = &arguments.names;
    queued.waiting.retain(|waiting| names.is_empty() || names.contains(&waiting.experiment));
    if runs.is_empty() && queued.waiting.is_empty() {
        terminal::note(&format!("there are no runs in {}", results.display()));
        return Ok(());
    }
    runs.sort_by(|a, b| b.id.cmp(&a.id));
    let again = queued.again;
    let status = |run: &LoadedRun| again.get(&run.id).copied().unwrap_or(run.status()).to_owned();
    let is_wanted = |status: &str| {
        arguments.status.is_empty() || arguments.status.iter().any(|wanted| wanted == status)
    };
    runs.retain(|run| is_wanted(&status(run)));
    queued.waiting.retain(|waiting| is_wanted(waiting.status));
    runs.truncate(arguments.top.unwrap_or(usize::MAX));
    let tags = load::tags(&runs);
    let mut header =
        vec!["run", "experiment", "status", "seed", "best validation", "test", "seconds"];
    let mut rows: Vec<Vec<String>> = runs.iter().map(|run| row(run, status(run))).collect();
    if tags.iter().any(|tags| !tags.is_empty()) {
        header.push("tags");
        rows.iter_mut().zip(&tags).for_each(|(row, tags)| row.push(tags.join(", ")));
    }
    if runs.iter().any(|run| run.labels.note.is_some()) {
        header.push("note");
        rows.iter_mut().zip(&runs).for_each(|(row, run)| row.push(note(run)));
    }
    let waiting = queued.waiting.into_iter().map(|waiting| row_of_waiting(waiting, header.len()));
    terminal::out_table(&header, waiting.chain(rows).collect());
    Ok(())
}

/// A member that was submitted and has no run yet.
fn row_of_waiting(waiting: Waiting, columns: usize) -> Vec<String> {
    let Waiting { task, experiment, status, member } = waiting;
    let task = format!("{task} {member}");
    let mut row = vec![task.trim_end().to_owned(), experiment, status.to_owned()];
    row.resize(columns, String::new());
    row
}

fn row(run: &LoadedRun, status: String) -> Vec<String> {
    let seconds = run.get("duration_s").as_f64().map_or(String::new(), |s| format!("{s:.1}"));
    vec![
        run.id.clone(),
        run.experiment.clone(),
        status,
        run.get("seed").to_string(),
        run.get("best_validation_accuracy").to_string(),
        run.get("test_accuracy").to_string(),
        seconds,
    ]
}

/// The start of the first line.
fn note(run: &LoadedRun) -> String {
    let note = run.labels.note.as_deref().unwrap_or_default();
    let line = note.lines().next().unwrap_or_default();
    let cut: String = line.chars().take(NOTE).collect();
    if cut.len() < note.len() { format!("{cut}…") } else { cut }
}
