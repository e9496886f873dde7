//! The images that the two sides call differently.

use serde::Serialize;

use super::answers::Answers;
use super::images::Shared;

/// All of them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Disagreements {
    /// How many there are.
    pub total: usize,
    /// The first ones: those where the probabilities of the true class are furthest apart.
    pub images: Vec<Disagreement>,
}

/// One image.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Disagreement {
    /// The file, as A has it.
    pub path: String,
    /// The class it belongs to.
    pub label: String,
    /// What A says.
    pub a: Opinion,
    /// What B says.
    pub b: Opinion,
}

/// What one side says about an image.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Opinion {
    /// The most probable class, over several seeds that of the highest mean probability.
    pub says: String,
    /// Probability of the true class, 0 to 1, the mean over seeds; of several labels the mean probability of
    /// what is true of each.
    pub probability: f64,
    /// How many of its seeds are right.
    pub right: usize,
}

pub(super) fn disagreements(shared: &Shared, top: usize) -> Disagreements {
    let image = |index: usize| Disagreement {
        path: shared.paths[index].clone(),
        label: shared.labels[index].clone(),
        a: opinion(shared, &shared.a, index),
        b: opinion(shared, &shared.b, index),
    };
    let mut images: Vec<Disagreement> =
        (0..shared.paths.len()).map(image).filter(|image| image.a.says != image.b.says).collect();
    let apart = |image: &Disagreement| (image.a.probability - image.b.probability).abs();
    // By path where they are as far apart: the order is that of the images.
    images.sort_by(|first, second| apart(second).total_cmp(&apart(first)));
    let total = images.len();
    images.truncate(top);
    Disagreements { total, images }
}

fn opinion(shared: &Shared, runs: &[Answers], index: usize) -> Opinion {
    let mean = |class: usize| {
        let of = |answers: &Answers| answers[index].probabilities.get(class).copied();
        runs.iter().map(|answers| of(answers).unwrap_or(f64::NAN)).sum::<f64>() / runs.len() as f64
    };
    let means: Vec<f64> = (0..shared.classes.len()).map(mean).collect();
    let label = shared.classes.iter().position(|class| *class == shared.labels[index]);
    let targets = runs.first().map_or(&[][..], |answers| &answers[index].targets);
    Opinion {
        says: said(shared, runs, index, &means),
        probability: match targets.is_empty() {
            true => label.map_or(f64::NAN, |label| means[label]),
            false => of_labels(targets, &means),
        },
        right: runs.iter().filter(|answers| answers[index].correct).count(),
    }
}

fn of_labels(targets: &[f64], means: &[f64]) -> f64 {
    let of = |(target, mean): (&f64, &f64)| if *target > 0.5 { *mean } else { 1.0 - mean };
    targets.iter().zip(means).map(of).sum::<f64>() / targets.len() as f64
}

fn said(shared: &Shared, runs: &[Answers], index: usize, means: &[f64]) -> String {
    if let [answers] = runs {
        return answers[index].predicted.clone();
    }
    if shared.has_labels() {
        let named = shared.classes.iter().zip(means).filter(|(_, mean)| **mean > 0.5);
        return named.map(|(class, _)| class.as_str()).collect::<Vec<_>>().join("|");
    }
    // The first of equal ones, as runs have it: half and half is the first class.
    let mut best = 0;
    for (class, mean) in means.iter().enumerate() {
        if *mean > means[best] {
            best = class;
        }
    }
    shared.classes.get(best).cloned().unwrap_or_default()
}
