//! `runner show`: one run, its plan, its scores, its files.

use std::path::Path;

use clap::Args;
use runner_experiment::folder;
use runner_results::load::{self, LoadedRun};
use runner_results::tables::{self, Cell, cell};

use crate::arguments::ResultsArguments;
use crate::environment::show_size;
use crate::failure::Failure;
use crate::terminal;

/// `show`
#[derive(Debug, Args)]
pub struct ShowArguments {
    /// A run: its id, the start or end of it, or `last`.
    pub run: String,
    #[command(flatten)]
    pub results: ResultsArguments,
}

pub(super) fn show(arguments: &ShowArguments) -> Result<(), Failure> {
    let run = load::find(&arguments.results.results, &arguments.run)?;
    terminal::out(&format!("run {} of {}: {}\n", run.id, run.experiment, run.status()));
    let tags = run.tags();
    if !tags.is_empty() {
        terminal::out(&format!("tags: {}", tags.join(", ")));
    }
    if let Some(note) = &run.labels.note {
        terminal::out(&format!("note: {note}"));
    }
    if !tags.is_empty() || run.labels.note.is_some() {
        terminal::out("");
    }
    facts(&run);
    scores(&run);
    epochs(&run)?;
    terminal::out("\nplan:");
    let params = run.params()?;
    let rows = params.into_iter().map(|(key, value)| vec![key, value]).collect();
    terminal::out_table(&["key", "value"], rows);
    terminal::out(&format!("\nfiles in {}:", run.path.display()));
    terminal::out_table(&["file", "size"], files(&run)?);
    Ok(())
}

/// Everything in `run.parquet` that has a value.
fn facts(run: &LoadedRun) {
    let shown = run.run.iter().filter(|(name, value)| {
        !["run_id", "experiment", "status"].contains(&name.as_str()) && *value != Cell::Null
    });
    let rows = shown.map(|(name, value)| vec![name.clone(), value.to_string()]).collect();
    terminal::out_table(&["key", "value"], rows);
}

/// With their 95% intervals; runs of older versions have none.
fn scores(run: &LoadedRun) {
    let found = runner_results::scores::of_run(run);
    if found.is_empty() {
        return;
    }
    terminal::out("\nscores, with 95% intervals:");
    for score in found.iter().filter(|score| score.split != "train") {
        terminal::out(&score.line());
    }
}

fn epochs(run: &LoadedRun) -> Result<(), Failure> {
    let rows = tables::read(&run.path.join("epochs.parquet"))?;
    if rows.is_empty() {
        return Ok(());
    }
    let columns = [
        "stage",
        "epoch",
        "train_loss",
        "train_accuracy",
        "validation_loss",
        "validation_accuracy",
        "duration_s",
    ];
    let texts = rows
        .iter()
        .map(|row| columns.iter().map(|name| cell::get(row, name).to_string()).collect())
        .collect();
    terminal::out("\nepochs:");
    terminal::out_table(&columns, texts);
    Ok(())
}

/// Files anywhere below a folder.
fn count(folder: &Path) -> usize {
    folder::files(folder).map_or(0, |files| files.len())
}

fn files(run: &LoadedRun) -> Result<Vec<Vec<String>>, Failure> {
    let mut rows = Vec::new();
    for entry in std::fs::read_dir(&run.path)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') {
            let about = entry.metadata()?;
            rows.push(match about.is_dir() {
                true => vec![format!("{name}/"), format!("{} files", count(&entry.path()))],
                false => vec![name, show_size(about.len())],
            });
        }
    }
    rows.sort();
    Ok(rows)
}
