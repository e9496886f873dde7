//! The scores of held-out images, with what chance leaves open about each.

use serde::Serialize;

use super::subject::{Name, Subject};
use crate::scores::{self, Shown};

/// One score of one run.
#[derive(Debug, Serialize)]
pub(super) struct Interval {
    name: Name,
    split: String,
    title: String,
    value: String,
    /// Empty where there is none.
    interval: String,
    images: String,
}

/// Those of the test images; where there are none, those of validation. Runs of older versions have none.
pub(super) fn of(subjects: &[Subject]) -> Vec<Interval> {
    subjects.iter().flat_map(of_run).collect()
}

fn of_run(subject: &Subject) -> Vec<Interval> {
    let all = scores::of_run(&subject.run);
    let is_tested = all.iter().any(|score| score.split == "test");
    let split = if is_tested { "test" } else { "validation" };
    let shown = all.into_iter().filter(|score| score.split == split || score.name == "temperature");
    shown.map(|score| interval(subject, score)).collect()
}

fn interval(subject: &Subject, score: Shown) -> Interval {
    let groups = score.groups.map_or(String::new(), |groups| format!(" in {groups} groups"));
    Interval {
        name: subject.name.clone(),
        split: score.split,
        title: score.name,
        value: score.value,
        interval: score.interval,
        images: format!("{}{groups}", score.n),
    }
}
