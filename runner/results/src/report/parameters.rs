//! What was declared: the parameters that differ between the runs, and those that do not.

use std::collections::BTreeSet;

use serde::Serialize;

use super::subject::Subject;
use crate::parameter::{describes, is_drawn};

/// With more that differ, those that only some runs have are set apart.
const MANY: usize = 16;

/// The parameters of some runs.
#[derive(Debug, Default, Serialize)]
pub(super) struct Parameters {
    /// Those that differ, a value per run.
    differing: Vec<Row>,
    /// With many that differ, those that only some runs have.
    partial: Vec<Row>,
    /// Those of visualize jobs that differ: they change no score.
    drawn: Vec<Row>,
    /// Those that all runs share.
    shared: Vec<(String, String)>,
}

/// One parameter; a run that lacks it has no value.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    key: String,
    values: Vec<Option<String>>,
}

impl Parameters {
    /// Whether no plan could be read.
    pub(super) fn is_empty(&self) -> bool {
        self.differing.is_empty()
            && self.partial.is_empty()
            && self.drawn.is_empty()
            && self.shared.is_empty()
    }
}

/// The parameters of some runs.
pub(super) fn of(subjects: &[Subject]) -> Parameters {
    let differing = differing(subjects);
    let known: BTreeSet<&String> = subjects.iter().flat_map(|s| s.parameters.keys()).collect();
    let value = |subject: &Subject, key: &str| subject.parameter(key).map(str::to_owned);
    let row = |key: &String| Row {
        key: key.clone(),
        values: subjects.iter().map(|subject| value(subject, key)).collect(),
    };
    let shared = known.into_iter().filter(|key| !differing.contains(key) && is_parameter(key));
    let shared = shared.filter_map(|key| {
        let value = subjects.iter().find_map(|subject| value(subject, key))?;
        Some((key.clone(), value))
    });
    let (drawn, other): (Vec<&String>, Vec<&String>) =
        differing.iter().partition(|key| is_drawn(key));
    let many = other.len() > MANY;
    let (partial, differing): (Vec<Row>, Vec<Row>) =
        other.into_iter().map(row).partition(|row| many && row.values.contains(&None));
    Parameters {
        differing,
        partial,
        drawn: drawn.into_iter().map(row).collect(),
        shared: shared.collect(),
    }
}

/// Keys whose values differ between the runs whose plan can be read, or that some of them lack.
pub(super) fn differing(subjects: &[Subject]) -> Vec<String> {
    let read: Vec<&Subject> = subjects.iter().filter(|s| !s.parameters.is_empty()).collect();
    let keys: BTreeSet<&String> = read.iter().flat_map(|s| s.parameters.keys()).collect();
    keys.into_iter()
        .filter(|key| is_parameter(key))
        .filter(|key| read.windows(2).any(|two| two[0].parameter(key) != two[1].parameter(key)))
        .cloned()
        .collect()
}

fn is_parameter(key: &str) -> bool {
    !describes(key)
}

/// The last word of each key, or the whole key where two end in the same word.
pub(super) fn short(keys: &[String]) -> Vec<String> {
    let last = |key: &String| key.rsplit('.').next().unwrap_or(key).to_owned();
    let words: Vec<String> = keys.iter().map(last).collect();
    let once = |word: &String| words.iter().filter(|other| *other == word).count() == 1;
    let short = words.iter().zip(keys);
    short.map(|(word, key)| if once(word) { word.clone() } else { key.clone() }).collect()
}
