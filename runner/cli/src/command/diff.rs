//! `runner diff`: what changed between two runs or groups, what came out, whether it is more than chance.

mod text;

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use runner_results::diff::{Options, diff as compare_sides};

use crate::arguments::ResultsArguments;
use crate::failure::Failure;
use crate::terminal;

/// `diff`
///
/// A and B are runs, or groups whose runs differ in their seed or fold alone: an experiment, or several
/// runs with commas between them.
#[derive(Debug, Args)]
pub struct DiffArguments {
    /// A run (its id, the start or end of it, `last`), an experiment, or several runs: `RUN,RUN`.
    pub a: String,
    /// The same.
    pub b: String,
    /// The images to compare on.
    #[arg(long, value_enum, default_value_t = Split::Test)]
    pub split: Split,
    /// How many of the images on which the two disagree are listed.
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub top: usize,
    /// Where a side is one run: how much another seed would change its accuracy, in percentage points
    /// (standard deviation). Half a point at an accuracy of 90 %, less above, where it is not given.
    #[arg(long, value_name = "POINTS")]
    pub seed_spread: Option<f64>,
    /// How to print.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    #[command(flatten)]
    pub results: ResultsArguments,
}

/// Images that a run did not learn from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Split {
    /// The test images.
    Test,
    /// The validation images; checkpoints may have been chosen by these.
    Validation,
}

/// How to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

pub(super) fn diff(arguments: &DiffArguments) -> Result<(), Failure> {
    let spread = arguments.seed_spread;
    if spread.is_some_and(|points| !(0.0..=100.0).contains(&points)) {
        return Err(Failure::usage("`--seed-spread` is in percentage points, from 0 to 100"));
    }
    let split = match arguments.split {
        Split::Test => "test",
        Split::Validation => "validation",
    };
    let options = Options {
        split: split.to_owned(),
        top: arguments.top,
        seed_spread: spread.map(|points| points / 100.0),
    };
    let results: &PathBuf = &arguments.results.results;
    let found = compare_sides(results, &arguments.a, &arguments.b, &options)?;
    for note in &found.notes {
        terminal::note(note);
    }
    match arguments.format {
        Format::Text => text::print(&found),
        Format::Json => {
            let json = serde_json::to_string_pretty(&found)
                .map_err(|error| Failure::internal(format!("cannot write JSON: {error}")))?;
            terminal::out_json(&json);
        }
    }
    Ok(())
}
