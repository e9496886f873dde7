//! Percentile bootstrap (Efron & Tibshirani 1993, chapter 13): a score of images that were drawn again
//! with replacement, as many as there are, many times; the interval holds the middle 95% of them.
//!
//! Photos of one patient, say, are alike. Where images have groups, whole groups are drawn.

use std::collections::HashMap;

use rayon::prelude::*;
use runner_random::{Key, Purpose};

use crate::tables::PredictionRow;

/// How often the images are drawn.
pub(super) const RESAMPLES: usize = 2_000;

/// What lies below the interval; as much lies above.
const TAIL: f64 = 0.025;

/// What is drawn: images, or groups of them.
pub(super) struct Units {
    /// The unit of each image.
    of: Vec<usize>,
    count: usize,
    are_groups: bool,
}

impl Units {
    /// An image of no group is a unit of its own.
    pub(super) fn of(rows: &[PredictionRow], groups: &HashMap<String, String>) -> Self {
        let mut known: HashMap<&str, usize> = HashMap::new();
        let mut count = 0;
        let mut are_groups = false;
        let mut next = || {
            count += 1;
            count - 1
        };
        let of = rows.iter().map(|row| match groups.get(&row.path) {
            Some(group) => {
                are_groups = true;
                *known.entry(group).or_insert_with(&mut next)
            }
            None => next(),
        });
        let of = of.collect();
        Self { of, count, are_groups }
    }

    /// Whether the middle 95% of what is drawn leave anything out: of three units, one is drawn three times
    /// in 1 of 27 cases, so that the ends would be the lowest and the highest score of a single unit.
    pub(super) fn are_enough(&self) -> bool {
        self.count > 3
    }

    /// How many groups are drawn, where groups are.
    pub(super) fn groups(&self) -> Option<usize> {
        self.are_groups.then_some(self.count)
    }
}

/// The 95% interval of each score. `scores` takes how often each image counts; `stream` is where the
/// draws start, and of which split they are.
pub(super) fn intervals(
    units: &Units,
    (seed, split): (u64, u64),
    scores: impl Fn(&[u32]) -> Vec<f64> + Sync,
) -> Vec<[f64; 2]> {
    let drawn = (0..RESAMPLES as u64).into_par_iter().map_init(
        || (vec![0_u32; units.count], vec![0_u32; units.of.len()]),
        |(counts, weights), sample| {
            let key = Key { stage: split, sample, ..Key::new(seed, Purpose::Resample) };
            let mut stream = key.stream();
            counts.fill(0);
            for _ in 0..units.count {
                counts[stream.below(units.count as u64) as usize] += 1;
            }
            for (weight, unit) in weights.iter_mut().zip(&units.of) {
                *weight = counts[*unit];
            }
            scores(weights)
        },
    );
    let drawn: Vec<Vec<f64>> = drawn.collect();
    let length = drawn.first().map_or(0, Vec::len);
    let ends = |score: usize| {
        let mut values: Vec<f64> = drawn.iter().map(|scores| scores[score]).collect();
        values.sort_by(f64::total_cmp);
        [quantile(&values, TAIL), quantile(&values, 1.0 - TAIL)]
    };
    (0..length).map(ends).collect()
}

/// Between the two nearest of some sorted values (Hyndman & Fan 1996, definition 7; NumPy's).
pub(super) fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len().saturating_sub(1)) as f64;
    let (below, above) = (place.floor() as usize, place.ceil() as usize);
    match (sorted.get(below), sorted.get(above)) {
        (Some(low), Some(high)) => low + (high - low) * place.fract(),
        _ => f64::NAN,
    }
}
