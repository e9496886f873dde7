//! `runner compare`: changed parameters beside scores.

mod data;
mod fit;
mod text;

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use runner_results::compare::{Comparison, Options, compare as compare_runs, run_columns};
use runner_results::{atomic, load};

use crate::arguments::ResultsArguments;
use crate::failure::Failure;
use crate::terminal;

/// `compare`
#[derive(Debug, Args)]
pub struct CompareArguments {
    /// Runs, experiments, tags or patterns such as 'feature_*'; every run where there is none.
    #[arg(value_name = "RUN|EXPERIMENT|TAG|GLOB")]
    pub names: Vec<String>,
    /// Sort by a column: the best score first, parameters from small to large.
    #[arg(long, value_name = "COLUMN")]
    pub sort: Option<String>,
    /// The other way round; without `--sort`, the newest first.
    #[arg(long)]
    pub reverse: bool,
    /// Only runs for which this is true: 'test_accuracy > 0.9 and seed in [1, 2]'.
    #[arg(long, value_name = "EXPRESSION")]
    pub filter: Option<String>,
    /// Exactly these columns, behind the run's id.
    #[arg(long, value_name = "COLUMN,...", value_delimiter = ',')]
    pub columns: Vec<String>,
    /// Only the first rows.
    #[arg(long, value_name = "N")]
    pub top: Option<usize>,
    /// Also columns that are the same everywhere.
    #[arg(long)]
    pub all: bool,
    /// What is the default now.
    #[arg(long, hide = true)]
    pub only_changed: bool,
    /// One row per plan: mean, deviation and 95% interval of the mean over its seeds.
    #[arg(long)]
    pub group: bool,
    /// How to print.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
    /// Write to a file instead.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    pub results: ResultsArguments,
}

/// How to print a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Table,
    /// For spreadsheets.
    Csv,
    /// For programs.
    Json,
    /// For documents.
    Markdown,
    /// For DuckDB, pandas and Polars.
    Parquet,
}

pub(super) fn compare(arguments: &CompareArguments) -> Result<(), Failure> {
    let to_terminal = arguments.out.is_none() && std::io::stdout().is_terminal();
    if arguments.format == Format::Parquet && to_terminal {
        let message = "Parquet is nothing that a terminal can show: name a file with `--out`";
        return Err(Failure::usage(message));
    }
    let options = Options {
        sort: arguments.sort.clone(),
        reverse: arguments.reverse,
        all: arguments.all,
        group: arguments.group,
        filter: arguments.filter.clone(),
        columns: arguments.columns.iter().map(|name| name.trim().to_owned()).collect(),
        top: arguments.top,
    };
    let results = &arguments.results.results;
    let columns = run_columns(&options);
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    let runs = load::select_with(results, &arguments.names, &columns)?;
    if runs.is_empty() {
        terminal::note(&format!("there are no runs in {}", results.display()));
        return Ok(());
    }
    let comparison = compare_runs(&runs, &options)?;
    if comparison.rows.is_empty() && options.filter.is_some() {
        terminal::note(&format!("none of {} runs passes the filter", runs.len()));
    }
    print(&comparison, arguments, results)?;
    for note in &comparison.notes {
        terminal::note(note);
    }
    Ok(())
}

fn print(
    comparison: &Comparison,
    arguments: &CompareArguments,
    results: &Path,
) -> Result<(), Failure> {
    let width = match arguments.out {
        Some(_) => fit::DEFAULT_WIDTH,
        None => terminal::width().unwrap_or(fit::DEFAULT_WIDTH),
    };
    let bold = arguments.out.is_none() && terminal::bold_on_stdout();
    let shown = || text::Shown::of(comparison, results);
    let bytes = match arguments.format {
        Format::Table if comparison.rows.is_empty() => Vec::new(),
        Format::Table => shown().table(width, bold).into_bytes(),
        Format::Markdown => shown().markdown().into_bytes(),
        Format::Csv => data::csv(comparison).into_bytes(),
        Format::Json => data::json(comparison).into_bytes(),
        Format::Parquet => comparison.to_parquet()?,
    };
    if let Some(file) = &arguments.out {
        let end: &[u8] = if arguments.format == Format::Parquet { b"" } else { b"\n" };
        atomic::write(file, &[&bytes, end].concat())?;
        terminal::note(&format!("{}: {} rows", file.display(), comparison.rows.len()));
        return Ok(());
    }
    let text = String::from_utf8_lossy(&bytes);
    match arguments.format {
        Format::Parquet => terminal::out_bytes(&bytes),
        Format::Csv => terminal::out_data(&text),
        Format::Json => terminal::out_json(&text),
        Format::Table if bytes.is_empty() => {}
        Format::Table => terminal::out_safe(&text),
        Format::Markdown => terminal::out(&text),
    }
    Ok(())
}
