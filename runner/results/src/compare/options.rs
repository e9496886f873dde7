//! What is asked of a comparison.

use super::score::SCORES;
use crate::tables::{Row, RunRow};

/// How to compare.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// Sort by this column, the best first: the lowest of losses and durations, the highest of
    /// other scores; parameters rise. By time where there is none.
    pub sort: Option<String>,
    /// The other way round.
    pub reverse: bool,
    /// Also show what is the same everywhere.
    pub all: bool,
    /// One row per plan: the mean, standard deviation and confidence interval over its seeds.
    pub group: bool,
    /// Only the runs for which this is true: `test_accuracy > 0.9 and seed == 1`.
    pub filter: Option<String>,
    /// Exactly these columns behind the run's id; where there are none, those that differ.
    pub columns: Vec<String>,
    /// Only the first ones.
    pub top: Option<usize>,
}

/// What the runs of a group share besides their plan.
pub(super) const DATA: [&str; 2] = ["dataset_hash", "weights_sha256"];

/// The columns of `run.parquet` that a comparison with these options looks at.
#[must_use]
pub fn run_columns(options: &Options) -> Vec<String> {
    let texts = options.sort.iter().chain(&options.filter).chain(&options.columns);
    let asked = texts.map(String::as_str).collect::<Vec<_>>().join(" ");
    let is_wanted = |name: &String| {
        name == "status"
            || (options.group && DATA.contains(&name.as_str()))
            || SCORES.contains(&name.as_str())
            || asked.contains(name.as_str())
    };
    names_of_run().into_iter().filter(is_wanted).collect()
}

/// Every column of `run.parquet`.
pub(super) fn names_of_run() -> Vec<String> {
    let columns = RunRow::columns(Vec::new());
    columns.iter().map(|column| column.name().to_string()).collect()
}
