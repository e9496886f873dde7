//! Runs that differ in their seed or fold alone: mean and deviation of what came out.

use std::collections::BTreeMap;

use serde::Serialize;

use super::scores::{SCORES, Score};
use super::subject::Subject;
use super::text;
use crate::parameter::{FOLD, SEED, describes, is_drawn};
use crate::statistics::mean_and_deviation;

/// Scores that are averaged: the first of the list.
const AVERAGED: usize = 4;

/// Two or more runs that differ in their seed or fold alone.
#[derive(Debug, Serialize)]
pub(super) struct Group {
    /// What the runs are called: the letters of their names.
    letters: Vec<String>,
    label: String,
    /// Title, mean and deviation.
    scores: Vec<Averaged>,
}

/// A score over seeds.
#[derive(Debug, Serialize)]
struct Averaged {
    title: &'static str,
    mean: String,
    deviation: String,
}

/// Groups of runs that differ in their seed or fold alone, in the order of their first run.
pub(super) fn groups(subjects: &[Subject]) -> Vec<Group> {
    let several = by_setting(subjects.iter()).into_iter().filter(|group| differ_in_seed(group));
    several.map(|members| group(&members)).collect()
}

/// Runs with the same plan but for names, seed and fold, in the order of the first of each.
pub(super) fn by_setting<'a>(subjects: impl Iterator<Item = &'a Subject>) -> Vec<Vec<&'a Subject>> {
    let mut groups: Vec<(BTreeMap<&str, &str>, Vec<&Subject>)> = Vec::new();
    for subject in subjects.filter(|subject| !subject.parameters.is_empty()) {
        let key = plan(subject);
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, members)) => members.push(subject),
            None => groups.push((key, vec![subject])),
        }
    }
    groups.into_iter().map(|(_, members)| members).collect()
}

/// Entries of the plan, names, seed and fold aside.
fn plan(subject: &Subject) -> BTreeMap<&str, &str> {
    let entries = subject.parameters.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    entries
        .filter(|(key, _)| !describes(key) && !is_drawn(key) && ![SEED, FOLD].contains(key))
        .collect()
}

/// Runs with the same seed and fold are one measurement, made twice.
fn differ_in_seed(members: &[&Subject]) -> bool {
    members.windows(2).any(|two| repetition(two[0]) != repetition(two[1]))
}

/// Its seed and its fold.
fn repetition(subject: &Subject) -> [Option<&str>; 2] {
    [SEED, FOLD].map(|key| subject.parameter(key))
}

fn group(members: &[&Subject]) -> Group {
    let mut distinct: Vec<&Subject> = Vec::new();
    for member in members {
        if distinct.iter().all(|known| repetition(known) != repetition(member)) {
            distinct.push(member);
        }
    }
    let first = members[0];
    let label = match first.run.get("member").as_str() {
        Some(member) => without_seed(member),
        None => first.name.experiment.clone(),
    };
    Group {
        letters: distinct.iter().map(|member| member.name.letter.clone()).collect(),
        label: if label.is_empty() { first.name.experiment.clone() } else { label },
        scores: SCORES[..AVERAGED].iter().map(|score| averaged(&distinct, score)).collect(),
    }
}

/// `learning_rate=1e-5, fold=1, seed=2` is `learning_rate=1e-5`.
fn without_seed(member: &str) -> String {
    let repeats = |part: &&str| part.starts_with("seed=") || part.starts_with("fold=");
    let parts = member.split(", ").filter(|part| !repeats(part));
    parts.collect::<Vec<_>>().join(", ")
}

fn averaged(members: &[&Subject], score: &Score) -> Averaged {
    let numbers: Vec<f64> = members.iter().filter_map(|m| m.number(score.column)).collect();
    let (mean, deviation) = mean_and_deviation(&numbers);
    Averaged {
        title: score.title,
        mean: mean.map(text::number).unwrap_or_default(),
        deviation: deviation.map(|deviation| format!("{deviation:.4}")).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mean_and_sample_deviation_by_hand() {
        // Squares 1 + 0 + 1, over 2.
        assert_eq!(mean_and_deviation(&[1.0, 2.0, 3.0]), (Some(2.0), Some(1.0)));
        assert_eq!(mean_and_deviation(&[2.0]), (Some(2.0), None));
        assert_eq!(without_seed("learning_rate=1e-5, seed=2"), "learning_rate=1e-5");
        assert_eq!(without_seed("seed=2"), "");
    }
}
