//! Accuracy per class.

use serde::Serialize;

use super::answers::Answers;
use super::images::Shared;

/// One class.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClassRow {
    /// Its name.
    pub class: String,
    /// How many images belong to it.
    pub images: usize,
    /// Accuracy of A on these, 0 to 1, the mean over its seeds; of nothing where there is no image.
    pub a: Option<f64>,
    /// The same of B.
    pub b: Option<f64>,
    /// B less A.
    pub difference: Option<f64>,
}

pub(super) fn per_class(shared: &Shared) -> Vec<ClassRow> {
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
