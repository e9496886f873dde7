//! Every file of the data set looked at before anything is computed.

use runner_data::DataError;
use runner_data::division::{self, Earlier};
use runner_data::scan::{self, ScannedSplit};
use runner_experiment::plan::Dataset;
use runner_experiment::section::dataset::OnBadImage;
use runner_experiment::section::task::Task;
use runner_record::{BadImage, Duplicate, Event, SplitRecord};

use super::request::Request;
use crate::error::LearnError;

/// Reads every file of the data set; bad ones end the run or are left out, as the experiment says.
/// Without a data set there are none.
///
/// # Errors
///
/// [`LearnError::Data`] or [`LearnError::Interrupted`].
pub fn scan_splits(
    request: &Request<'_>,
    observe: &mut dyn FnMut(Event),
) -> Result<Vec<ScannedSplit>, LearnError> {
    let checked = request.checked;
    let Some(dataset) = &checked.plan.dataset else { return Ok(Vec::new()) };
    let mut splits =
        scan::scan_with(&checked.splits, &request.shared.seen, &request.interrupt, observe)?;
    let bad: Vec<BadImage> = splits.iter().flat_map(|split| split.bad.clone()).collect();
    if !bad.is_empty() && dataset.on_bad_image == OnBadImage::Fail {
        return Err(DataError::BadDataset(bad).into());
    }
    if !bad.is_empty() {
        observe(Event::Skipped(bad));
    }
    doubtful(&splits, observe);
    let folder = checked.splits.first().map_or("", |split| split.folder.as_str());
    let divided = divide((dataset, folder), &mut splits, &request.earlier)?;
    check_counts(dataset, &splits, &checked.classes)?;
    let is_doubtful = |found: &Duplicate| found.is_leak() || found.is_contradiction();
    let found: Vec<_> = scan::duplicates(&splits).into_iter().filter(is_doubtful).collect();
    if !found.is_empty() {
        observe(Event::Duplicates(found));
    }
    let count = |name| splits.iter().find(|split| split.name == name).map(|s| s.images.len());
    observe(Event::Dataset {
        images: ["train", "validation", "test"].map(count),
        hash: match &divided {
            Some(rows) if dataset.folds.is_some() => division::folds_hash(rows),
            _ => scan::dataset_hash(&splits),
        },
    });
    divided.into_iter().for_each(|rows| observe(Event::Splits(rows)));
    Ok(splits)
}

/// Says what is odd about images that can be read.
fn doubtful(splits: &[ScannedSplit], observe: &mut dyn FnMut(Event)) {
    let narrow: Vec<_> = splits.iter().flat_map(|split| split.narrow.clone()).collect();
    if !narrow.is_empty() {
        observe(Event::Narrow(narrow));
    }
    let pages = scan::of_several_pages(splits);
    if !pages.is_empty() {
        observe(Event::Pages(pages));
    }
}

/// Every class has images where it needs some.
fn check_counts(
    dataset: &Dataset,
    splits: &[ScannedSplit],
    classes: &[String],
) -> Result<(), DataError> {
    if dataset.task == Task::Classification {
        // A table may have classes that are too rare for every split.
        let is_needed = |name| name == "train" || dataset.table.is_none();
        for split in splits.iter().filter(|split| is_needed(split.name)) {
            let found = split.images.iter().filter_map(|image| image.target.class());
            check_classes(split.name, found, classes)?;
        }
    }
    match splits.iter().find(|split| split.images.is_empty()) {
        Some(split) => Err(DataError::EmptySplit(split.name)),
        None => Ok(()),
    }
}

/// Puts the splits of a folder that is divided in its place; which image went where.
fn divide(
    (dataset, folder): (&Dataset, &str),
    splits: &mut Vec<ScannedSplit>,
    earlier: &Earlier,
) -> Result<Option<Vec<SplitRecord>>, LearnError> {
    let Some(whole) = splits.pop_if(|_| dataset.is_divided()) else { return Ok(None) };
    let divided = division::divide(dataset, folder, whole, earlier)?;
    *splits = divided.splits;
    Ok(Some(divided.rows))
}

fn check_classes(
    split: &'static str,
    images: impl Iterator<Item = usize>,
    classes: &[String],
) -> Result<(), DataError> {
    let mut counts = vec![0_usize; classes.len()];
    for class in images {
        counts[class] += 1;
    }
    match counts.iter().position(|count| *count == 0) {
        Some(empty) => Err(DataError::EmptyClass { split, class: classes[empty].clone() }),
        None => Ok(()),
    }
}
