//! What is said about pairs of settings: whether their accuracies differ by more than chance.

use serde::Serialize;

use super::seeds;
use super::subject::Subject;
use crate::diff::{self, Diff, Options};

/// What is said about a pair.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Which pair, and what came out.
    pub heading: String,
    /// Sentences about it.
    pub texts: Vec<String>,
}

/// More settings than this have too many pairs to read; `runner diff` says it of any two.
const MOST: usize = 5;

/// A verdict per pair of settings: runs that differ in their seed alone are one.
pub(super) fn of(subjects: &[Subject]) -> Vec<Verdict> {
    let finished = subjects.iter().filter(|subject| subject.name.status == "finished");
    let settings = seeds::by_setting(finished);
    if settings.len() > MOST {
        return Vec::new();
    }
    let pairs = settings.iter().enumerate().flat_map(|(index, a)| {
        settings[index + 1..].iter().map(move |b| (a.as_slice(), b.as_slice()))
    });
    pairs.filter_map(|(a, b)| verdict(a, b)).collect()
}

/// `None` where there is nothing to test: other images, or none.
fn verdict(a: &[&Subject], b: &[&Subject]) -> Option<Verdict> {
    let results = a.first()?.run.path.parent()?.parent()?;
    let ids = |side: &[&Subject]| {
        side.iter().map(|subject| subject.run.id.as_str()).collect::<Vec<_>>().join(",")
    };
    let options = Options { split: "test".to_owned(), top: 0, seed_spread: None };
    let Diff { verdict, .. } = diff::diff(results, &ids(a), &ids(b), &options).ok()?;
    let letters = |side: &[&Subject]| {
        side.iter().map(|subject| subject.name.letter.as_str()).collect::<Vec<_>>().join(", ")
    };
    let (first, second) = (letters(a), letters(b));
    let outcome = match verdict.headline() {
        "A is better" => format!("{first} is better"),
        "B is better" => format!("{second} is better"),
        other => other.to_owned(),
    };
    let found = verdict.difference.zip(verdict.interval).zip(verdict.p_value);
    let numbers = found.map(|((difference, [low, high]), p)| {
        format!(
            "{second} less {first}: {difference:+.2} points on the test images, 95% interval {low:+.2} \
             to {high:+.2}; p = {p:.3}."
        )
    });
    let test = (!verdict.test.is_empty()).then(|| format!("{}.", verdict.test));
    // What a sentence calls A and B are the two sides here.
    let named = (first != "A" || second != "B")
        .then(|| format!("Below, A stands for {first} and B for {second}."));
    let texts = numbers.into_iter().chain(test).chain(named).chain(verdict.explanation);
    Some(Verdict {
        heading: format!("{first} and {second}: {outcome}"),
        texts: texts.chain(verdict.advice).collect(),
    })
}
