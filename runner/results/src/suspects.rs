//! Which labels are probably wrong, by confident learning (Northcutt, Jiang & Chuang 2021, "Confident
//! Learning: Estimating Uncertainty in Dataset Labels", JAIR 70).
//!
//! An image is confidently of a class where its probability is at least the mean probability of that
//! class over the images labelled so; of several such classes it is of the most probable one. It counts
//! as mislabelled where that is not its label and its label is not the most probable class either: the
//! off-diagonal of the confident joint, as `cleanlab` has it with `filter_by = "confident_learning"`.
//! All images are ranked by the margin, the probability of the label less that of the best other class.
//!
//! The probabilities must come from models that did not see the label.

use crate::tables::{SuspectRow, integer};

/// Rounding that a threshold gives way to; `cleanlab`'s.
const ROUNDING: f64 = 1e-6;

/// What a model says of an image that it was not trained on.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// The file.
    pub path: String,
    /// Index of its class.
    pub label: usize,
    /// The fold it was left out with, from 1.
    pub fold: Option<usize>,
    /// One per class.
    pub probabilities: Vec<f64>,
}

/// All images, the most suspicious label first; those without a probability per class are left out.
#[must_use]
pub fn ranked(judged: &[Judged], classes: &[String]) -> Vec<SuspectRow> {
    let count = classes.len();
    let usable: Vec<&Judged> = judged
        .iter()
        .filter(|image| count > 1 && image.probabilities.len() == count && image.label < count)
        .collect();
    let thresholds = thresholds(&usable, count);
    let mut rows: Vec<SuspectRow> =
        usable.iter().map(|image| row(image, &thresholds, classes)).collect();
    rows.sort_by(|a, b| a.margin.total_cmp(&b.margin).then_with(|| a.path.cmp(&b.path)));
    for (place, row) in rows.iter_mut().enumerate() {
        row.rank = integer(place + 1);
    }
    rows
}

/// The mean probability of each class over the images labelled so; no image is confidently of a class
/// that nothing is labelled as.
fn thresholds(images: &[&Judged], classes: usize) -> Vec<f64> {
    let threshold = |class: usize| {
        let of_class = images.iter().filter(|image| image.label == class);
        let said: Vec<f64> = of_class.map(|image| image.probabilities[class]).collect();
        match said.is_empty() {
            true => f64::INFINITY,
            false => said.iter().sum::<f64>() / said.len() as f64,
        }
    };
    (0..classes).map(threshold).collect()
}

fn row(image: &Judged, thresholds: &[f64], classes: &[String]) -> SuspectRow {
    let said = &image.probabilities;
    let others = (0..said.len()).filter(|class| *class != image.label);
    // The first of several equal ones.
    let best = others.reduce(|a, b| if said[b] > said[a] { b } else { a }).unwrap_or(image.label);
    let self_confidence = said[image.label];
    SuspectRow {
        job: None,
        setting: String::new(),
        rank: 0,
        split: None,
        path: image.path.clone(),
        label: classes[image.label].clone(),
        suggested: classes[best].clone(),
        self_confidence,
        margin: self_confidence - said[best],
        fold: image.fold.map(integer),
        is_issue: confident(said, thresholds).is_some_and(|class| class != image.label)
            && said[best] > self_confidence,
    }
}

/// The class that an image is confidently of.
fn confident(said: &[f64], thresholds: &[f64]) -> Option<usize> {
    let enough = |class: &usize| said[*class] >= thresholds[*class] - ROUNDING;
    let classes: Vec<usize> = (0..said.len()).filter(enough).collect();
    match classes[..] {
        [] => None,
        [class] => Some(class),
        _ => (0..said.len()).reduce(|a, b| if said[b] > said[a] { b } else { a }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 60 images in 3 classes, as the reference was computed with.
    fn images() -> Vec<Judged> {
        let image = |i: usize| {
            let label = i * i % 3;
            let logit = |class: usize| {
                let (i, c) = (i as f64, class as f64);
                let wave = (1.7 * i + 2.3 * c + 0.01 * i * c).sin();
                3.0 * wave + if class == label { 1.0 } else { 0.0 }
            };
            let weights: Vec<f64> = (0..3).map(|class| logit(class).exp()).collect();
            let sum: f64 = weights.iter().sum();
            let probabilities = weights.into_iter().map(|weight| weight / sum).collect();
            Judged { path: format!("{i:02}"), label, fold: None, probabilities }
        };
        (0..60).map(image).collect()
    }

    #[test]
    fn issues_and_their_order_are_those_of_cleanlab() {
        // cleanlab 2.9.0, find_label_issues(filter_by="confident_learning",
        // return_indices_ranked_by="normalized_margin"). No image is labelled as the third class.
        let expected =
            [51, 18, 36, 3, 1, 23, 33, 34, 8, 19, 56, 21, 38, 16, 49, 54, 5, 53, 0, 41, 52, 48];
        let classes = ["a", "b", "c"].map(str::to_owned);
        let rows = ranked(&images(), &classes);
        let issues = rows.iter().filter(|row| row.is_issue);
        let found: Vec<usize> = issues.filter_map(|row| row.path.parse().ok()).collect();
        assert_eq!(found, expected);
        let first = rows.iter().find(|row| row.path == "00");
        // get_self_confidence_for_each_label, and 2 · get_normalized_margin_for_each_label - 1.
        let [confidence, margin] = first.map_or([0.0; 2], |row| [row.self_confidence, row.margin]);
        assert!((confidence - 0.223_997_969_586_459_5).abs() < 1e-12);
        assert!((margin - (2.0 * 0.226_088_497_858_976_1 - 1.0)).abs() < 1e-12);
        assert_eq!(
            rows.iter().map(|row| row.rank).collect::<Vec<_>>(),
            (1..=60).collect::<Vec<_>>()
        );
    }

    #[test]
    fn thresholds_by_hand() {
        let judged = |label, probabilities: [f64; 2]| Judged {
            path: String::new(),
            label,
            fold: None,
            probabilities: probabilities.to_vec(),
        };
        let images = [judged(0, [0.9, 0.1]), judged(0, [0.2, 0.8]), judged(1, [0.3, 0.7])];
        let all: Vec<&Judged> = images.iter().collect();
        let found = thresholds(&all, 2);
        assert!((found[0] - 0.55).abs() < 1e-12 && (found[1] - 0.7).abs() < 1e-12);
        let classes = ["a", "b"].map(str::to_owned);
        let issues: Vec<bool> = ranked(&images, &classes).iter().map(|row| row.is_issue).collect();
        assert_eq!(issues, [true, false, false]);
        assert!(ranked(&images, &classes[..1]).is_empty());
    }
}
