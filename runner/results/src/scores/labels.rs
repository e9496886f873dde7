//! Scores where an image has several labels: accuracy over all of them, F1, average precision.
//!
//! Average precision is Σ (R_n − R_{n−1}) P_n over the distinct probabilities from the highest down, as in
//! scikit-learn's `average_precision_score`; its mean over the labels that some image has is mAP. Where a
//! ratio divides by zero it counts as 0 (scikit-learn's `zero_division=0`).

use std::path::Path;

use super::measured::Measured;
use crate::tables::{self, LabelScoreRow, PredictionRow, Record, Row as _, cell, integer};

/// Above this probability an image counts as having a label.
const HALF: f64 = 0.5;

/// The images of a split, each with its labels.
pub(super) struct Labelled {
    /// Label by label: whether each image has it, and how probable that is.
    labels: Vec<Vec<(bool, f64)>>,
    /// Label by label: the images from the most probable one down.
    orders: Vec<Vec<usize>>,
    losses: Vec<f64>,
}

impl Labelled {
    /// `None` where images have no labels of this kind.
    pub(super) fn of(rows: &[PredictionRow], labels: usize) -> Option<Self> {
        let fits =
            |row: &PredictionRow| row.targets.len() == labels && row.probabilities.len() == labels;
        if rows.is_empty() || labels == 0 || !rows.iter().all(fits) {
            return None;
        }
        let pairs = |label: usize| {
            let pair =
                move |row: &PredictionRow| (row.targets[label] > 0.5, row.probabilities[label]);
            rows.iter().map(pair).collect::<Vec<_>>()
        };
        let labels: Vec<Vec<(bool, f64)>> = (0..labels).map(pairs).collect();
        let orders = labels.iter().map(|pairs| order(pairs)).collect();
        Some(Self { labels, orders, losses: rows.iter().map(|row| row.loss).collect() })
    }
}

fn order(pairs: &[(bool, f64)]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..pairs.len()).collect();
    order.sort_by(|a, b| pairs[*b].1.total_cmp(&pairs[*a].1));
    order
}

impl Measured for Labelled {
    fn names(&self) -> Vec<&'static str> {
        vec!["accuracy", "exact_match", "map", "macro_f1", "micro_f1", "loss"]
    }

    fn scores(&self, weights: &[u32]) -> Vec<f64> {
        let weight = |image: usize| f64::from(weights[image]);
        let images: f64 = weights.iter().map(|weight| f64::from(*weight)).sum();
        let counts: Vec<Counts> =
            self.labels.iter().map(|pairs| Counts::at(pairs, HALF, weights)).collect();
        let all = counts.iter().fold(Counts::default(), |sum, counts| sum.plus(counts));
        let exact = (0..weights.len()).filter(|image| {
            self.labels.iter().all(|pairs| pairs[*image].0 == (pairs[*image].1 > HALF))
        });
        let precisions: Vec<f64> = self
            .labels
            .iter()
            .zip(&self.orders)
            .filter_map(|(pairs, order)| average_precision(pairs, order, weights))
            .collect();
        let losses = self.losses.iter().enumerate().map(|(image, loss)| loss * weight(image));
        vec![
            (all.hits + all.rejected) / all.total(),
            exact.map(weight).sum::<f64>() / images,
            mean(&precisions),
            mean(&counts.iter().map(Counts::f1).collect::<Vec<_>>()),
            all.f1(),
            losses.sum::<f64>() / images,
        ]
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// `None` where no image has the label.
fn average_precision(pairs: &[(bool, f64)], order: &[usize], weights: &[u32]) -> Option<f64> {
    let (mut seen, mut hits, mut sum) = (0.0, 0.0, 0.0);
    for tied in order.chunk_by(|a, b| pairs[*a].1 == pairs[*b].1) {
        let before = hits;
        for image in tied {
            let weight = f64::from(weights[*image]);
            seen += weight;
            hits += if pairs[*image].0 { weight } else { 0.0 };
        }
        if seen > 0.0 {
            sum += (hits - before) * hits / seen;
        }
    }
    (hits > 0.0).then(|| sum / hits)
}

/// How often a label is there and said to be.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    hits: f64,
    misses: f64,
    false_alarms: f64,
    rejected: f64,
}

impl Counts {
    fn at(pairs: &[(bool, f64)], threshold: f64, weights: &[u32]) -> Self {
        let mut counts = Self::default();
        for ((is, probability), weight) in pairs.iter().zip(weights) {
            let place = match (*is, *probability > threshold) {
                (true, true) => &mut counts.hits,
                (true, false) => &mut counts.misses,
                (false, true) => &mut counts.false_alarms,
                (false, false) => &mut counts.rejected,
            };
            *place += f64::from(*weight);
        }
        counts
    }

    fn plus(self, other: &Self) -> Self {
        Self {
            hits: self.hits + other.hits,
            misses: self.misses + other.misses,
            false_alarms: self.false_alarms + other.false_alarms,
            rejected: self.rejected + other.rejected,
        }
    }

    fn total(&self) -> f64 {
        self.hits + self.misses + self.false_alarms + self.rejected
    }

    fn precision(&self) -> f64 {
        ratio(self.hits, self.hits + self.false_alarms)
    }

    fn recall(&self) -> f64 {
        ratio(self.hits, self.hits + self.misses)
    }

    fn f1(&self) -> f64 {
        ratio(2.0 * self.hits, 2.0 * self.hits + self.misses + self.false_alarms)
    }
}

fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

/// What each label comes to in a split; none where images have classes or numbers. The threshold of a
/// label is the one with the highest F1 on the validation images: that of `earlier` for other splits.
pub(crate) fn each(
    split: &str,
    rows: &[PredictionRow],
    labels: &[String],
    earlier: &[LabelScoreRow],
) -> Vec<LabelScoreRow> {
    let Some(found) = Labelled::of(rows, labels.len()) else { return Vec::new() };
    let even = vec![1; rows.len()];
    let row = |(index, label): (usize, &String)| {
        let (pairs, order) = (&found.labels[index], &found.orders[index]);
        let known = earlier.iter().find(|row| row.split == "validation" && row.label == *label);
        let threshold = match split {
            "validation" => best_threshold(pairs, order),
            _ => known.map_or(HALF, |row| row.threshold),
        };
        let (half, best) = (Counts::at(pairs, HALF, &even), Counts::at(pairs, threshold, &even));
        LabelScoreRow {
            split: split.to_owned(),
            label: label.clone(),
            images: integer(pairs.iter().filter(|(is, _)| *is).count()),
            average_precision: average_precision(pairs, order, &even),
            precision: half.precision(),
            recall: half.recall(),
            f1: half.f1(),
            threshold,
            threshold_precision: best.precision(),
            threshold_recall: best.recall(),
            threshold_f1: best.f1(),
        }
    };
    labels.iter().enumerate().map(row).collect()
}

/// The threshold of each label that the validation images of a run in `folder` gave it, one half where
/// they gave none.
#[must_use]
pub fn thresholds(folder: &Path, labels: &[String]) -> Vec<f64> {
    let rows = tables::read(&folder.join(LabelScoreRow::FILE)).unwrap_or_default();
    let of = |label: &String| {
        let is = |row: &&Record| {
            let text = |name| cell::get(row, name).as_str();
            text("split") == Some("validation") && text("label") == Some(label)
        };
        rows.iter().find(is).and_then(|row| cell::get(row, "threshold").as_f64()).unwrap_or(HALF)
    };
    labels.iter().map(of).collect()
}

/// The threshold with the highest F1, halfway between two probabilities; one half where no image has the
/// label.
fn best_threshold(pairs: &[(bool, f64)], order: &[usize]) -> f64 {
    let positives = pairs.iter().filter(|(is, _)| *is).count() as f64;
    let (mut best, mut threshold) = (0.0, HALF);
    let (mut said, mut hits) = (0.0, 0.0);
    let groups: Vec<&[usize]> = order.chunk_by(|a, b| pairs[*a].1 == pairs[*b].1).collect();
    for (index, tied) in groups.iter().enumerate() {
        said += tied.len() as f64;
        hits += tied.iter().filter(|image| pairs[**image].0).count() as f64;
        let f1 = ratio(2.0 * hits, positives + said);
        if f1 > best {
            let here = pairs[tied[0]].1;
            let next = groups.get(index + 1).map_or(0.0, |next| pairs[next[0]].1);
            (best, threshold) = (f1, f64::midpoint(here, next));
        }
    }
    threshold
}
