//! Runs side by side: the parameters that differ, and the scores.

use std::collections::{BTreeMap, BTreeSet};

use crate::ResultsError;
use crate::load::{LoadedRun, UNREADABLE};
use crate::tables::{Cell, Record, cell};

/// Entries of the plan that describe the experiment and are not parameters.
const NOT_A_PARAMETER: [&str; 4] =
    ["experiment.name", "experiment.description", "experiment.tags", "run.keep_checkpoint"];

/// Scores: columns of `run.parquet`, and the last validation metrics.
const SCORES: [&str; 6] = [
    "validation_loss",
    "validation_accuracy",
    "best_validation_accuracy",
    "test_loss",
    "test_accuracy",
    "duration_s",
];

/// How to compare.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// Sort by this column, the best first: the lowest of losses and durations, the highest of
    /// everything else. By time where there is none.
    pub sort: Option<String>,
    /// The worst first.
    pub reverse: bool,
    /// Leave out columns that are the same everywhere.
    pub only_changed: bool,
    /// One row per plan: the mean and standard deviation over its seeds.
    pub group: bool,
}

/// A table of runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// Names of the columns.
    pub columns: Vec<String>,
    /// One row per run, or per group of runs.
    pub rows: Vec<Vec<Cell>>,
}

/// Compares runs: their changed parameters in front, their scores behind.
///
/// # Errors
///
/// [`ResultsError::NoSuchColumn`] for the column to sort by. A run whose tables cannot be read has a
/// row that says so, and belongs to no group.
pub fn compare(runs: &[LoadedRun], options: &Options) -> Result<Comparison, ResultsError> {
    let params: Vec<Option<BTreeMap<String, String>>> = runs.iter().map(entries).collect();
    let known: Vec<BTreeMap<String, String>> = params.iter().flatten().cloned().collect();
    let changed = changed(&known, options.group);
    let none = BTreeMap::new();
    let mut records: Vec<Record> = Vec::new();
    for (run, params) in runs.iter().zip(&params) {
        match params {
            Some(params) => records.push(record(run, params, &changed)),
            None if !options.group => records.push(record(run, &none, &changed)),
            None => {}
        }
    }
    if options.group {
        records = groups(&records, &known);
    }
    let mut columns: Vec<String> = records
        .first()
        .map(|r| r.iter().map(|(name, _)| name.clone()).collect())
        .unwrap_or_default();
    if let Some(sort) = &options.sort {
        if !columns.contains(sort) {
            return Err(ResultsError::NoSuchColumn { name: sort.clone(), columns });
        }
        let lowest_first = is_better_low(sort) != options.reverse;
        records.sort_by(|a, b| ordered(cell::get(a, sort), cell::get(b, sort), lowest_first));
    }
    if options.only_changed && records.len() > 1 {
        columns.retain(|name| name == "run_id" || differs(&records, name));
    }
    let row =
        |record: &Record| columns.iter().map(|name| cell::get(record, name).clone()).collect();
    Ok(Comparison { rows: records.iter().map(row).collect(), columns })
}

/// Every entry of the plan; `None` where a table of the run cannot be read.
fn entries(run: &LoadedRun) -> Option<BTreeMap<String, String>> {
    let readable = run.status() != UNREADABLE;
    readable.then(|| run.params().ok()).flatten().map(|entries| entries.into_iter().collect())
}

/// Keys whose values differ between the runs, or that some runs lack.
fn changed(params: &[BTreeMap<String, String>], group: bool) -> Vec<String> {
    let keys: BTreeSet<&String> = params.iter().flat_map(BTreeMap::keys).collect();
    keys.into_iter()
        .filter(|key| !NOT_A_PARAMETER.contains(&key.as_str()))
        .filter(|key| !(group && key.as_str() == "experiment.seed"))
        .filter(|key| params.windows(2).any(|pair| pair[0].get(*key) != pair[1].get(*key)))
        .cloned()
        .collect()
}

fn record(run: &LoadedRun, params: &BTreeMap<String, String>, changed: &[String]) -> Record {
    let last = run.last_epoch();
    let status = if params.is_empty() { UNREADABLE } else { run.status() };
    let mut record: Record = vec![
        ("run_id".to_owned(), Cell::Text(run.id.clone())),
        ("experiment".to_owned(), Cell::Text(run.experiment.clone())),
        ("status".to_owned(), Cell::Text(status.to_owned())),
    ];
    for key in changed {
        let value = params.get(key).map_or(Cell::Null, |value| Cell::Text(value.clone()));
        record.push((key.clone(), value));
    }
    for score in SCORES {
        let value = match cell::get(&last, score) {
            Cell::Null => run.get(score),
            value => value,
        };
        let value = if score == "duration_s" { run.get(score) } else { value };
        record.push((score.to_owned(), value.clone()));
    }
    record
}

/// One record per plan, seeds aside: mean and sample standard deviation of every score.
fn groups(records: &[Record], params: &[BTreeMap<String, String>]) -> Vec<Record> {
    let mut groups: Vec<(BTreeMap<String, String>, Vec<&Record>)> = Vec::new();
    for (record, entries) in records.iter().zip(params) {
        let mut key = entries.clone();
        key.retain(|name, _| {
            !NOT_A_PARAMETER.contains(&name.as_str()) && name != "experiment.seed"
        });
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, members)) => members.push(record),
            None => groups.push((key, vec![record])),
        }
    }
    groups.iter().map(|(_, members)| aggregate(members)).collect()
}

fn aggregate(members: &[&Record]) -> Record {
    let first = members[0];
    let mut result = Record::new();
    for (name, value) in first.iter().filter(|(name, _)| name != "run_id" && name != "status") {
        if name == "experiment" {
            result.push((name.clone(), value.clone()));
            let count = i64::try_from(members.len()).unwrap_or(i64::MAX);
            result.push(("runs".to_owned(), Cell::Integer(count)));
        } else if SCORES.contains(&name.as_str()) {
            let numbers: Vec<f64> =
                members.iter().filter_map(|member| cell::get(member, name).as_f64()).collect();
            let (mean, deviation) = statistics(&numbers);
            result.push((name.clone(), mean.map_or(Cell::Null, Cell::Float)));
            result.push((format!("{name}_std"), deviation.map_or(Cell::Null, Cell::Float)));
        } else {
            result.push((name.clone(), value.clone()));
        }
    }
    result
}

/// Mean, and the sample standard deviation of two or more numbers.
fn statistics(numbers: &[f64]) -> (Option<f64>, Option<f64>) {
    let count = numbers.len() as f64;
    if numbers.is_empty() {
        return (None, None);
    }
    let mean = numbers.iter().sum::<f64>() / count;
    let squares: f64 = numbers.iter().map(|x| (x - mean).powi(2)).sum();
    (Some(mean), (numbers.len() > 1).then(|| (squares / (count - 1.0)).sqrt()))
}

/// Whether less of a column is better.
fn is_better_low(column: &str) -> bool {
    let name = column.strip_suffix("_std").unwrap_or(column);
    column.ends_with("_std") || name.ends_with("_loss") || name == "duration_s"
}

/// Cells without a value come last in either direction.
fn ordered(a: &Cell, b: &Cell, lowest_first: bool) -> std::cmp::Ordering {
    let nothing = |cell: &Cell| match cell {
        Cell::Float(number) => number.is_nan(),
        other => *other == Cell::Null,
    };
    match (nothing(a), nothing(b)) {
        (false, false) if lowest_first => a.compare(b),
        (false, false) => b.compare(a),
        (a, b) => a.cmp(&b),
    }
}

fn differs(records: &[Record], name: &str) -> bool {
    records.windows(2).any(|pair| cell::get(&pair[0], name) != cell::get(&pair[1], name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_by_hand() {
        assert_eq!(statistics(&[]), (None, None));
        assert_eq!(statistics(&[2.0]), (Some(2.0), None));
        // Squares 1 + 0 + 1, over 2.
        assert_eq!(statistics(&[1.0, 2.0, 3.0]), (Some(2.0), Some(1.0)));
    }

    #[test]
    fn the_best_comes_first_and_what_has_no_value_last() {
        let sorted = |column: &str, reverse: bool| {
            let mut cells = [Cell::Null, Cell::Float(2.0), Cell::Float(f64::NAN), Cell::Float(1.0)];
            let lowest = is_better_low(column) != reverse;
            cells.sort_by(|a, b| ordered(a, b, lowest));
            cells[..2].to_vec()
        };
        let (one, two) = (Cell::Float(1.0), Cell::Float(2.0));
        assert_eq!(sorted("test_loss", false), [one.clone(), two.clone()]);
        assert_eq!(sorted("test_loss", true), [two.clone(), one.clone()]);
        assert_eq!(sorted("test_accuracy", false), [two.clone(), one.clone()]);
        assert_eq!(sorted("duration_s", false), [one, two]);
    }

    #[test]
    fn only_what_differs_has_changed() {
        let plan = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
        };
        let a =
            plan(&[("experiment.name", "a"), ("experiment.seed", "1"), ("rate", "2"), ("x", "3")]);
        let b = plan(&[("experiment.name", "b"), ("experiment.seed", "2"), ("rate", "2")]);
        assert_eq!(changed(&[a.clone(), b.clone()], false), ["experiment.seed", "x"]);
        assert_eq!(changed(&[a, b], true), ["x"]);
    }
}
