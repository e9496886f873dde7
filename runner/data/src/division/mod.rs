//! From one folder of images to train, validation and test, by the content of the images.
//!
//! | module | what |
//! |---|---|
//! | `unit` | images that must stay together |
//! | `assign` | units into parts with given shares |
//! | `fill` | parts that would have nothing |
//!
//! Neither the names of the files nor their order matters. Where images have been divided before, those
//! keep their place, and new ones fill up.

mod assign;
mod fill;
mod unit;

use std::collections::HashMap;

use regex::Regex;
use runner_experiment::group_of;
use runner_experiment::listing::Target;
use runner_experiment::plan::Dataset;
use runner_experiment::section::division::Division;
use runner_experiment::section::task::Task;
use runner_record::SplitRecord;

use crate::error::DataError;
use crate::scan::{ContentHash, ImageFile, ScannedSplit};
use assign::{Shares, assign};
use unit::{Unit, units};

/// The splits that a folder is divided into.
const SPLITS: [&str; 3] = ["train", "validation", "test"];

/// In which order shares are laid end to end: the test first, so that another share for validation leaves
/// it as it is.
const ORDER: [usize; 3] = [2, 1, 0];

/// Where images went when they were divided before.
#[derive(Debug, Clone, Default)]
pub struct Earlier {
    /// Which fold was the test split then.
    pub fold: Option<usize>,
    /// Split and fold of each image.
    pub images: HashMap<ContentHash, (String, Option<usize>)>,
}

impl Earlier {
    fn split(&self, hash: &ContentHash) -> Option<usize> {
        let (split, _) = self.images.get(hash)?;
        SPLITS.iter().position(|name| name == split)
    }

    fn fold(&self, hash: &ContentHash) -> Option<usize> {
        self.images.get(hash)?.1?.checked_sub(1)
    }
}

/// The splits, and which image is in which: one row per image, sorted by path.
#[derive(Debug, Clone)]
pub struct Divided {
    /// Train and validation, and test where it has a share.
    pub splits: Vec<ScannedSplit>,
    /// One row per image.
    pub rows: Vec<SplitRecord>,
}

/// Divides the images below a folder as a data set says; those that `earlier` knows stay where they
/// were. What is wrong with images is said of the first split.
///
/// # Errors
///
/// [`DataError::Division`] where the expression for groups is none; a plan that was checked has one.
pub fn divide(
    dataset: &Dataset,
    folder: &str,
    whole: ScannedSplit,
    earlier: &Earlier,
) -> Result<Divided, DataError> {
    let division = dataset.split.clone().unwrap_or_default();
    let expression = division.group.as_deref().map(Regex::new).transpose();
    let expression = expression.map_err(|error| DataError::Division(error.to_string()))?;
    let group = |image: &ImageFile| match &expression {
        Some(expression) => group_of(expression, &image.path, folder),
        None => image.group.clone(),
    };
    let strata = strata(&whole.images);
    let units = units((&whole.images, &strata), group, division.seed);
    let known = Known { earlier, images: &whole.images };
    // A class that is too rare for that stays where it is in a table.
    let each_class = dataset.table.is_none() && dataset.task == Task::Classification;
    let folds = dataset.folds.map(|count| {
        let shares = vec![1.0 / count as f64; count];
        // What is beside one of two folds is the other, of which there is something to train on and to
        // validate with.
        let least = if count == 2 && division.validation > 0.0 { 2 } else { 1 };
        let shares = Shares { shares, stratify: division.stratify, each_class, least };
        assign(&units.iter().collect::<Vec<_>>(), &shares, |unit| known.fold(unit))
    });
    let rules = Rules { division: &division, each_class };
    let split_of_unit = match (&folds, dataset.fold) {
        (Some(folds), Some(fold)) => beside_fold(&units, folds, fold, (&rules, &known)),
        _ => by_shares(&units.iter().collect::<Vec<_>>(), division.test, (&rules, &known)),
    };
    let mut split_of = vec![0; whole.images.len()];
    for (unit, split) in units.iter().zip(&split_of_unit) {
        unit.images.iter().for_each(|image| split_of[*image] = *split);
    }
    let rows = rows(&whole, (&units, folds.as_deref()), &split_of);
    let has_test = division.test > 0.0 || folds.is_some();
    Ok(Divided { splits: splits(whole, &split_of, has_test), rows })
}

/// How a data set is divided.
struct Rules<'a> {
    division: &'a Division,
    /// Whether every split needs an image of every class.
    each_class: bool,
}

/// What is known of the images of a unit from an earlier division.
struct Known<'a> {
    earlier: &'a Earlier,
    images: &'a [ImageFile],
}

impl Known<'_> {
    fn split(&self, unit: &Unit) -> Option<usize> {
        unit.images.iter().find_map(|image| self.earlier.split(&self.images[*image].hash))
    }

    fn fold(&self, unit: &Unit) -> Option<usize> {
        unit.images.iter().find_map(|image| self.earlier.fold(&self.images[*image].hash))
    }
}

/// The split of each unit, by the shares of validation and `test`.
fn by_shares(units: &[&Unit], test: f64, (rules, known): (&Rules<'_>, &Known<'_>)) -> Vec<usize> {
    let Rules { division, each_class } = *rules;
    let shares = vec![test, division.validation, 1.0 - division.validation - test];
    let shares = Shares { shares, stratify: division.stratify, each_class, least: 1 };
    let parts = assign(units, &shares, |unit| {
        let split = known.split(unit)?;
        ORDER.iter().position(|part| *part == split).filter(|part| *part != 0 || test > 0.0)
    });
    parts.into_iter().map(|part| ORDER[part]).collect()
}

/// The split of each unit where one fold is the test split, and the others are divided.
fn beside_fold(
    units: &[Unit],
    folds: &[usize],
    fold: usize,
    (rules, known): (&Rules<'_>, &Known<'_>),
) -> Vec<usize> {
    // What is trained on beside one fold may validate beside another.
    let nothing = Earlier::default();
    let same = known.earlier.fold == Some(fold);
    let known = Known { earlier: if same { known.earlier } else { &nothing }, ..*known };
    let is_held = |unit: &usize| folds[*unit] + 1 == fold;
    let rest: Vec<usize> = (0..units.len()).filter(|unit| !is_held(unit)).collect();
    let of_rest: Vec<&Unit> = rest.iter().map(|unit| &units[*unit]).collect();
    let mut splits = vec![2; units.len()];
    let divided = by_shares(&of_rest, 0.0, (rules, &known));
    rest.iter().zip(divided).for_each(|(unit, split)| splits[*unit] = split);
    splits
}

/// So many equal parts of the range of ranks are strata of numbers.
const QUANTILES: usize = 10;

/// What each image counts for where parts are to be alike: its class, its labels, or the tenth of the
/// images that its first number is in.
fn strata(images: &[ImageFile]) -> Vec<Vec<usize>> {
    let number = |index: &usize| match &images[*index].target {
        Target::Values(values) => values.first().copied(),
        _ => None,
    };
    let mut order: Vec<usize> = (0..images.len()).filter(|index| number(index).is_some()).collect();
    order.sort_by(|a, b| {
        let (first, second) = (number(a).unwrap_or(0.0), number(b).unwrap_or(0.0));
        first.total_cmp(&second).then(images[*a].hash.cmp(&images[*b].hash))
    });
    let mut strata: Vec<Vec<usize>> =
        images.iter().map(|image| image.target.classes().collect()).collect();
    let count = order.len().max(1);
    for (rank, index) in order.into_iter().enumerate() {
        strata[index] = vec![rank * QUANTILES / count];
    }
    strata
}

fn rows(
    whole: &ScannedSplit,
    (units, folds): (&[Unit], Option<&[usize]>),
    split_of: &[usize],
) -> Vec<SplitRecord> {
    let mut rows: Vec<SplitRecord> = Vec::with_capacity(whole.images.len());
    for (number, unit) in units.iter().enumerate() {
        for image in &unit.images {
            let file = &whole.images[*image];
            rows.push(SplitRecord {
                path: file.path.clone(),
                label: file.target.text(&whole.classes),
                split: SPLITS[split_of[*image]].to_owned(),
                fold: folds.map(|folds| folds[number] + 1),
                group: unit.group.clone(),
                image_hash: blake3::Hash::from_bytes(file.hash).to_hex().to_string(),
            });
        }
    }
    rows.sort_by(|a, b| a.path.cmp(&b.path));
    rows
}

fn splits(whole: ScannedSplit, split_of: &[usize], has_test: bool) -> Vec<ScannedSplit> {
    let ScannedSplit { classes, images, mut bad, mut narrow, .. } = whole;
    let names = &SPLITS[..if has_test { 3 } else { 2 }];
    let mut splits: Vec<ScannedSplit> = Vec::new();
    for name in names {
        splits.push(ScannedSplit {
            name,
            classes: classes.clone(),
            images: Vec::new(),
            bad: std::mem::take(&mut bad),
            narrow: std::mem::take(&mut narrow),
        });
    }
    for (image, split) in images.into_iter().zip(split_of) {
        splits[*split].images.push(image);
    }
    splits
}

/// BLAKE3 of folds, classes and contents: the same for every fold of a cross-validation.
#[must_use]
pub fn folds_hash(rows: &[SplitRecord]) -> String {
    let mut lines: Vec<String> = rows
        .iter()
        .map(|row| format!("{:?} {:?} {}\n", row.fold, row.label, row.image_hash))
        .collect();
    lines.sort_unstable();
    blake3::hash(lines.concat().as_bytes()).to_hex().to_string()
}

#[cfg(test)]
mod tests;
