//! Accuracy per class.

use serde::Serialize;

use super::answers::{Answer, Answers};
use super::images::Shared;

/// One class.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClassRow {
    /// Its name.
    pub class: String,
    /// How many images belong to it; of labels, how many have it.
    pub images: usize,
    /// Accuracy of A on these, 0 to 1, the mean over its seeds; of nothing where there is no image. Of
    /// labels that of having it or not, on all images.
    pub a: Option<f64>,
    /// The same of B.
    pub b: Option<f64>,
    /// B less A.
    pub difference: Option<f64>,
}

pub(super) fn per_class(shared: &Shared) -> Vec<ClassRow> {
    if shared.has_labels() {
        return per_label(shared);
    }
    shared
        .classes
        .iter()
        .map(|class| {
            let images = shared.labels.iter().filter(|label| *label == class).count();
            let right = |runs: &[Answers]| {
                let right = |answers: &Answers| {
                    let of_class = answers.iter().zip(&shared.labels);
                    of_class.filter(|(answer, label)| answer.correct && *label == class).count()
                };
                let right: usize = runs.iter().map(right).sum();
                (images > 0).then(|| right as f64 / (runs.len() * images) as f64)
            };
            let (a, b) = (right(&shared.a), right(&shared.b));
            let difference = a.zip(b).map(|(a, b)| b - a);
            ClassRow { class: class.clone(), images, a, b, difference }
        })
        .collect()
}

fn per_label(shared: &Shared) -> Vec<ClassRow> {
    let row = |(label, class): (usize, &String)| {
        let has = |answer: &&Answer| answer.targets.get(label).is_some_and(|target| *target > 0.5);
        let right = |runs: &[Answers]| {
            let answers = runs.iter().flatten();
            let right = answers.filter(|answer| answer.is_right_about(label)).count();
            let all = runs.len() * shared.labels.len();
            (all > 0).then(|| right as f64 / all as f64)
        };
        let (a, b) = (right(&shared.a), right(&shared.b));
        ClassRow {
            class: class.clone(),
            images: shared.a.first().into_iter().flatten().filter(has).count(),
            a,
            b,
            difference: a.zip(b).map(|(a, b)| b - a),
        }
    };
    shared.classes.iter().enumerate().map(row).collect()
}
