//! The runs of a page, read once, with what they are called on it.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::load::LoadedRun;
use crate::tables::{self, Cell, Record};

/// As many colours as the style sheet has.
const COLOURS: usize = 8;
/// Parameters that a label names at most.
const NAMED: usize = 2;

/// What a run is called.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Name {
    /// From 0.
    pub index: usize,
    /// A, B, …: short enough for charts and headers.
    pub letter: String,
    /// What tells it from the others.
    pub label: String,
    /// Which of the colours of the style sheet.
    pub colour: usize,
    /// Its id.
    pub id: String,
    /// Its experiment.
    pub experiment: String,
    /// As [`LoadedRun::status`].
    pub status: String,
    /// Why it failed.
    pub error: Option<String>,
}

/// A run on a page.
#[derive(Debug)]
pub(super) struct Subject {
    pub name: Name,
    pub run: LoadedRun,
    /// Entries of its plan; none where the table cannot be read.
    pub parameters: BTreeMap<String, String>,
    /// Rows of `epochs.parquet`; none where the table cannot be read.
    pub epochs: Vec<Record>,
}

impl Subject {
    /// An entry of its plan.
    pub(super) fn parameter(&self, key: &str) -> Option<&str> {
        self.parameters.get(key).map(String::as_str)
    }

    /// A column of `run.parquet`, where it is a finite number.
    pub(super) fn number(&self, column: &str) -> Option<f64> {
        self.run.get(column).as_f64().filter(|number| number.is_finite())
    }

    /// A column of `epochs.parquet`; what is missing is not a number.
    pub(super) fn epochs(&self, column: &str) -> Vec<f64> {
        let value = |row: &Record| tables::cell::get(row, column).as_f64().unwrap_or(f64::NAN);
        self.epochs.iter().map(value).collect()
    }
}

/// Reads what several parts of a page need.
pub(super) fn all(runs: &[LoadedRun]) -> Vec<Subject> {
    let mut subjects: Vec<Subject> = runs.iter().enumerate().map(read).collect();
    let labels: Vec<String> = subjects.iter().map(|subject| label(subject, &subjects)).collect();
    for (subject, label) in subjects.iter_mut().zip(labels) {
        subject.name.label = label;
    }
    subjects
}

fn read((index, run): (usize, &LoadedRun)) -> Subject {
    let error = run.get("error").as_str().map(str::to_owned);
    let name = Name {
        index,
        letter: letter(index),
        label: String::new(),
        colour: index % COLOURS,
        id: run.id.clone(),
        experiment: run.experiment.clone(),
        status: run.status().to_owned(),
        error,
    };
    let parameters = run.params().unwrap_or_default().into_iter().collect();
    let epochs = tables::read(&run.path.join("epochs.parquet")).unwrap_or_default();
    Subject { name, run: run.clone(), parameters, epochs }
}

/// A to Z, then AA, AB, …
fn letter(index: usize) -> String {
    let last = char::from(b'A' + u8::try_from(index % 26).unwrap_or(0));
    match index / 26 {
        0 => last.to_string(),
        more => format!("{}{last}", letter(more - 1)),
    }
}

/// What it is called in its sweep; the experiment, where there are several; else what differs.
fn label(subject: &Subject, all: &[Subject]) -> String {
    if let Cell::Text(member) = subject.run.get("member") {
        return member.clone();
    }
    let experiment = &subject.name.experiment;
    if all.iter().any(|other| other.name.experiment != *experiment) || all.len() == 1 {
        return experiment.clone();
    }
    let differing = super::parameters::differing(all);
    let named = differing.iter().filter(|key| !key.starts_with("visualize.")).take(NAMED);
    let named = named.map(|key| {
        let short = key.rsplit('.').next().unwrap_or(key);
        format!("{short}={}", subject.parameter(key).unwrap_or("none"))
    });
    let named: Vec<String> = named.collect();
    match named.is_empty() {
        true => subject.run.get("started_at").to_string(),
        false => named.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_go_on_after_z_as_columns_of_a_spreadsheet() {
        assert_eq!(
            [0, 25, 26, 51, 52, 701, 702].map(letter),
            ["A", "Z", "AA", "AZ", "BA", "ZZ", "AAA"]
        );
    }
}
