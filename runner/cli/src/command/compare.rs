//! `runner compare`: changed parameters beside scores.

use clap::{Args, ValueEnum};
use comfy_table::{ContentArrangement, Table, presets};
use runner_results::compare::{Comparison, Options, compare as compare_runs};
use runner_results::load;

use crate::arguments::ResultsArguments;
use crate::failure::Failure;
use crate::terminal;

/// `compare`
#[derive(Debug, Args)]
pub struct CompareArguments {
    /// Runs or experiments; every run where there is none.
    #[arg(value_name = "RUN|EXPERIMENT")]
    pub names: Vec<String>,
    /// Sort by a column, the best first: losses and durations rise, everything else falls.
    #[arg(long, value_name = "COLUMN")]
    pub sort: Option<String>,
    /// The worst first.
    #[arg(long)]
    pub reverse: bool,
    /// Leave out columns that are the same everywhere.
    #[arg(long)]
    pub only_changed: bool,
    /// One row per plan: mean and standard deviation over its seeds.
    #[arg(long)]
    pub group: bool,
    /// How to print.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
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
}

pub(super) fn compare(arguments: &CompareArguments) -> Result<(), Failure> {
    let runs = load::select(&arguments.results.results, &arguments.names)?;
    if runs.is_empty() {
        terminal::note(&format!("there are no runs in {}", arguments.results.results.display()));
        return Ok(());
    }
    let options = Options {
        sort: arguments.sort.clone(),
        reverse: arguments.reverse,
        only_changed: arguments.only_changed,
        group: arguments.group,
    };
    let comparison = compare_runs(&runs, &options)?;
    match arguments.format {
        Format::Table => table(&comparison),
        Format::Csv => terminal::out_data(&csv(&comparison)),
        Format::Json => terminal::out_json(&json(&comparison)),
        Format::Markdown => terminal::out(&markdown(&comparison)),
    }
    Ok(())
}

fn texts(comparison: &Comparison) -> Vec<Vec<String>> {
    comparison.rows.iter().map(|row| row.iter().map(ToString::to_string).collect()).collect()
}

fn table(comparison: &Comparison) {
    let header: Vec<&str> = comparison.columns.iter().map(String::as_str).collect();
    terminal::out_table(&header, texts(comparison));
}

fn markdown(comparison: &Comparison) -> String {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(&comparison.columns);
    for row in texts(comparison) {
        table.add_row(row.iter().map(|text| text.replace('|', "\\|")));
    }
    table.to_string()
}

fn csv(comparison: &Comparison) -> String {
    let quoted = |text: &String| match text.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.clone(),
    };
    let line = |cells: &[String]| cells.iter().map(quoted).collect::<Vec<_>>().join(",");
    let exact = |value: &runner_results::tables::Cell| match value {
        runner_results::tables::Cell::Float(number) => number.to_string(),
        other => other.to_string(),
    };
    let rows = comparison.rows.iter().map(|row| row.iter().map(exact).collect::<Vec<_>>());
    let lines: Vec<String> =
        std::iter::once(line(&comparison.columns)).chain(rows.map(|row| line(&row))).collect();
    lines.join("\n")
}

fn json(comparison: &Comparison) -> String {
    let rows: Vec<serde_json::Value> = comparison
        .rows
        .iter()
        .map(|row| {
            let pairs =
                comparison.columns.iter().cloned().zip(row.iter().map(|cell| cell.to_json()));
            serde_json::Value::Object(pairs.collect())
        })
        .collect();
    format!("{:#}", serde_json::Value::Array(rows))
}
