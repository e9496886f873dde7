//! Scores of a split's predictions, each with what chance leaves open about it.
//!
//! Owns which scores there are and their intervals; `metrics` has confusion and what two classes have
//! beside it. Everything comes from the rows of `predictions.parquet`: nothing is asked of a network.
//!
//! | module | what |
//! |---|---|
//! | `measured` | what all of these have in common |
//! | `outcomes` | what each image adds, and from that to scores, of classes |
//! | `labels` | the same of several labels, and of each of them |
//! | `numbers` | the same of numbers |
//! | `calibration` | the temperature, and probabilities after it |
//! | `bootstrap` | the intervals |

mod bootstrap;
pub mod calibration;
pub mod labels;
mod measured;
mod numbers;
mod outcomes;
mod shown;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use crate::tables::{PredictionRow, ScoreRow, integer};
use bootstrap::{RESAMPLES, Units};
use labels::Labelled;
use measured::Measured;
use numbers::Numbers;
use outcomes::Outcomes;
pub use shown::{Shown, of_run};

/// The temperature among the scores; the validation images have it.
pub(crate) const TEMPERATURE: &str = "temperature";

/// What the scores of a split depend on besides its predictions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct About<'a> {
    /// The names of the classes, in order.
    pub classes: &'a [String],
    /// Where the run's random draws start.
    pub seed: i64,
    /// By path, what an image stays together with; images without a group stand alone.
    pub groups: &'a HashMap<String, String>,
    /// What the logits are divided by, where one was fitted.
    pub temperature: Option<f64>,
}

/// The scores of a split in the order of the table; none where its images have no class.
///
/// Images that were trained on have no interval: it would be about images of their kind, and the network
/// has seen these. Nor have images of three groups or fewer.
pub(crate) fn of_split(split: &str, rows: &[PredictionRow], about: &About<'_>) -> Vec<ScoreRow> {
    let Some(outcomes) = measured(rows, about) else { return Vec::new() };
    let names = outcomes.names();
    let values = outcomes.scores(&vec![1; rows.len()]);
    let units = Units::of(rows, about.groups);
    let place = ["train", "validation", "test"].iter().position(|name| *name == split);
    let intervals = (split != "train" && units.are_enough()).then(|| {
        let stream = (about.seed.cast_unsigned(), place.unwrap_or(0) as u64);
        bootstrap::intervals(&units, stream, |weights| outcomes.scores(weights))
    });
    let row = |(index, (score, value)): (usize, (&&str, &f64))| {
        let ends = intervals.as_ref().and_then(|ends| ends.get(index));
        ScoreRow {
            split: split.to_owned(),
            score: (*score).to_owned(),
            value: *value,
            lower: ends.map(|ends| ends[0]),
            upper: ends.map(|ends| ends[1]),
            n: integer(rows.len()),
            groups: units.groups().map(integer),
            resamples: if ends.is_some() { integer(RESAMPLES) } else { 0 },
        }
    };
    names.iter().zip(&values).enumerate().map(row).collect()
}

/// What is measured of the rows of a split.
fn measured(rows: &[PredictionRow], about: &About<'_>) -> Option<Box<dyn Measured>> {
    if rows.iter().all(|row| row.targets.is_empty()) {
        let found = Outcomes::of(rows, about.classes, about.temperature)?;
        return Some(Box::new(found));
    }
    let of = about.classes.len();
    match Numbers::of(rows, of) {
        Some(found) => Some(Box::new(found)),
        None => Labelled::of(rows, of).map(|found| Box::new(found) as Box<dyn Measured>),
    }
}

/// The row of the temperature, which is fitted to the validation images.
pub(crate) fn temperature_row(temperature: f64, images: usize) -> ScoreRow {
    ScoreRow {
        split: "validation".to_owned(),
        score: TEMPERATURE.to_owned(),
        value: temperature,
        lower: None,
        upper: None,
        n: integer(images),
        groups: None,
        resamples: 0,
    }
}
