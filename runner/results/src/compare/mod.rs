//! Runs side by side: the parameters that differ, and the scores.
//!
//! Owns what is shown, in which order, and what it is called. How it is printed belongs to the
//! command line.

mod choose;
mod comparison;
mod filter;
mod group;
mod names;
mod options;
mod order;
mod params;
mod score;
mod sheet;
mod table;

use crate::ResultsError;
use crate::load::LoadedRun;
use choose::{in_groups, of_runs};
use filter::Filter;
use table::Table;

pub use comparison::Comparison;
pub use options::{Options, run_columns};
pub use order::is_score;
pub use score::is_lower_better;

/// Compares runs: their changed parameters in front, their scores behind.
///
/// # Errors
///
/// [`ResultsError::NoSuchColumn`] for a column to sort by or to show, [`ResultsError::Filter`] for a
/// filter that cannot be understood. A run whose tables cannot be read has a row that says so, and
/// belongs to no group.
pub fn compare(runs: &[LoadedRun], options: &Options) -> Result<Comparison, ResultsError> {
    let table = Table::of(runs);
    let filter = options.filter.as_deref().map(|text| Filter::parse(text, &table)).transpose()?;
    let passes = |row: &usize| filter.as_ref().is_none_or(|filter| filter.passes(&table, *row));
    let rows: Vec<usize> = (0..runs.len()).filter(passes).collect();
    match options.group {
        true => in_groups(&table, &rows, options),
        false => of_runs(&table, &rows, options),
    }
}
