//! What differs between two runs, or between two groups of seeds: parameters, scores, images, and
//! whether it is more than chance. Plain data, for the terminal and for reports.
//!
//! Owns how runs are matched and what the findings are called; the tests are `significance`'s.

mod answers;
mod classes;
mod disagreement;
pub mod error;
mod folds;
mod images;
mod other_folds;
mod parameters;
mod scores;
mod side;
mod verdict;
mod words;

use std::path::Path;

use serde::Serialize;

pub use classes::ClassRow;
pub use disagreement::{Disagreement, Disagreements, Opinion};
pub use parameters::Changed;
pub use scores::{Score, Summary};
pub use side::{RunName, Side};
pub use verdict::Verdict;

use crate::ResultsError;
use crate::significance;
use answers::Answers;
use error::DiffError;
use images::Shared;

/// How to compare.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// The images to compare on: `test` or `validation`.
    pub split: String,
    /// How many of the images on which the two disagree are listed.
    pub top: usize,
    /// Standard deviation of the accuracy between seeds, 0 to 1, for single runs;
    /// [`significance::seed_spread`] where there is none.
    pub seed_spread: Option<f64>,
}

/// Two sides, and what differs between them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Diff {
    /// The first side.
    pub a: Side,
    /// The second side.
    pub b: Side,
    /// What was left out, and what should be known.
    pub notes: Vec<String>,
    /// Parameters whose values differ; seeds and folds of single runs among them.
    pub parameters: Vec<Changed>,
    /// Losses and accuracies.
    pub scores: Vec<Score>,
    /// The images: `test` or `validation`.
    pub split: String,
    /// How many both sides have.
    pub images: usize,
    /// How many only A has, and only B: where sides are folds, and not the same ones.
    pub unpaired: [usize; 2],
    /// Whether images have any of several labels, so that an image is right where all of them are.
    pub labels: bool,
    /// Accuracy per class, or per label.
    pub classes: Vec<ClassRow>,
    /// Images that the two call differently.
    pub disagreements: Disagreements,
    /// Whether one is better.
    pub verdict: Verdict,
}

const LABELS: &str = "An image counts as right where all of its labels are.";

/// Compares two sides; each is a run, an experiment, or a list of both with commas.
///
/// # Errors
///
/// [`ResultsError`] where a name stands for no run, where a run is not finished or cannot be read, where
/// the runs of one side differ in more than seeds and folds, and where the sides have other images.
pub fn diff(results: &Path, a: &str, b: &str, options: &Options) -> Result<Diff, ResultsError> {
    let (mut a, mut b) =
        (side::resolve(results, a, &options.split)?, side::resolve(results, b, &options.split)?);
    if let Some(run) = a.runs.iter().find(|run| b.runs.iter().any(|other| other.id == run.id)) {
        return Err(DiffError::OnBothSides { run: run.id.clone() }.into());
    }
    let shared = match folds::are_compared(&a, &b, &options.split).map_err(DiffError::from)? {
        true => folds::shared(&mut a, &mut b, &options.split)?,
        false => images::shared(&mut a, &mut b, &options.split)?,
    };
    let notes = a.notes.iter().chain(&b.notes).chain(&shared.notes).cloned().collect();
    Ok(Diff {
        notes,
        parameters: parameters::changed(&a, &b),
        scores: scores::scores(&a, &b),
        split: options.split.clone(),
        images: shared.labels.len(),
        unpaired: shared.unpaired,
        labels: shared.has_labels(),
        classes: classes::per_class(&shared),
        disagreements: disagreement::disagreements(&shared, options.top),
        verdict: verdict(results, (&a, &b), &shared, options),
        a,
        b,
    })
}

fn verdict(results: &Path, (a, b): (&Side, &Side), shared: &Shared, options: &Options) -> Verdict {
    if shared.labels.is_empty() {
        return other_folds::verdict(a, b, &options.split);
    }
    let correct = |side: &[Answers]| -> Vec<Vec<bool>> {
        side.iter().map(|answers| answers.iter().map(|answer| answer.correct).collect()).collect()
    };
    let (right_a, right_b) = (correct(&shared.a), correct(&shared.b));
    let finding = significance::compare(&right_a, &right_b, options.seed_spread);
    let mut verdict = verdict::verdict(finding.as_ref(), &options.split, folds::several(a, b));
    if shared.has_labels() {
        verdict.explanation.insert(0, LABELS.to_owned());
    }
    if verdict.outcome == significance::Outcome::CannotTell {
        let other_seeds = [a, b].map(|side| side::other_seeds(results, side));
        let seeds = [a, b].map(|side| side.seeds().len());
        verdict.advice.extend(verdict::more_seeds(seeds, other_seeds));
    }
    verdict
}
