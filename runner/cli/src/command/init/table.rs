//! A table of labels as it is found: which column names the images, which the labels, and what can be
//! learned from them.

mod cells;
mod columns;
mod task;

use std::path::Path;

use runner_experiment::listing::split_of;
use runner_experiment::section::task::Task;
use runner_experiment::sheet::{EXTENSIONS, Sheet};
use runner_experiment::text::shown;

use super::paths::{quoted, text};
use crate::failure::Failure;
use cells::{has_text, numbers, texts};
use columns::{image_column, label_columns};
use task::task;

/// Names of columns that experiments take by themselves.
const IMAGE: &str = "image";
const LABEL: &str = "label";
const OTHERS: [&str; 3] = ["split", "group", "weight"];

/// A table with one row per image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Table {
    /// The file.
    pub(super) path: String,
    /// The folder that paths start from, where it is not that of the table.
    pub(super) images: Option<String>,
    /// The column that names the images.
    pub(super) image: String,
    /// Those with the labels.
    pub(super) labels: Vec<String>,
    /// What is learned.
    pub(super) task: Task,
    /// Whether whole numbers are taken for classes.
    pub(super) are_whole_numbers: bool,
    /// Those of splits, groups and weights, where there are such.
    others: [Option<String>; 3],
    /// Those that say nothing to an experiment.
    pub(super) unused: Vec<String>,
}

impl Table {
    /// Whether the table says which image is in which split.
    pub(super) fn is_split(&self) -> bool {
        self.others[0].is_some()
    }

    /// The column of groups.
    pub(super) fn group(&self) -> Option<&str> {
        self.others[1].as_deref()
    }

    /// The keys of `[dataset]` that say where the images and labels are, with their values.
    pub(super) fn keys(&self) -> Vec<(&'static str, String)> {
        let mut keys = vec![("table", quoted(&self.path))];
        keys.extend(self.images.as_deref().map(|images| ("images", quoted(images))));
        keys.extend(self.columns().map(|columns| ("columns", columns)));
        if self.task != Task::Classification {
            keys.push(("task", quoted(self.task.as_str())));
        }
        keys
    }

    /// The columns that are not called as they are by default.
    fn columns(&self) -> Option<String> {
        let mut columns = Vec::new();
        if self.image != IMAGE {
            columns.push(format!("image = {}", quoted(&self.image)));
        }
        match &self.labels[..] {
            [label] if label == LABEL => {}
            [label] => columns.push(format!("label = {}", quoted(label))),
            labels => {
                let labels: Vec<String> = labels.iter().map(|label| quoted(label)).collect();
                columns.push(format!("label = [{}]", labels.join(", ")));
            }
        }
        for (name, column) in OTHERS.iter().zip(&self.others) {
            if let Some(column) = column.as_ref().filter(|column| column != name) {
                columns.push(format!("{name} = {}", quoted(column)));
            }
        }
        (!columns.is_empty()).then(|| format!("{{ {} }}", columns.join(", ")))
    }
}

/// Whether `--data` names a table.
pub(super) fn is_table(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    path.is_file() && EXTENSIONS.contains(&extension.as_str())
}

/// Looks at a table; `labels` are the columns that were named for them, if any were.
///
/// # Errors
///
/// A [`Failure`] where it cannot be read, or no columns of images and labels are found.
pub(super) fn look(path: &Path, labels: &[String]) -> Result<Table, Failure> {
    let name = shown(path);
    let sheet = runner_results::sheet::read(path)
        .map_err(|reason| Failure::usage(format!("the table {name} cannot be read: {reason}")))?;
    if sheet.rows.is_empty() {
        return Err(Failure::usage(format!(
            "the table {name} has no rows; its first line names the columns, and each line after it is \
             an image"
        )));
    }
    let (image, images) = image_column(path, &sheet)?;
    let labels = label_columns(&name, &sheet, (&image, labels))?;
    let task = task(&name, &sheet, &labels)?;
    let others = OTHERS.map(|other| other_column(&sheet, other));
    if let Some(split) = &others[0] {
        check_splits(&name, &sheet, split)?;
    }
    let is_used = |column: &&String| {
        **column == image
            || labels.contains(column)
            || others.iter().flatten().any(|o| o == *column)
    };
    let unused = sheet.columns.iter().filter(|column| !is_used(column)).cloned().collect();
    let place = labels.first().and_then(|label| sheet.column(label)).unwrap_or_default();
    let are_whole_numbers = task == Task::Classification && numbers(&sheet, place).is_some();
    let path = text(path)?;
    Ok(Table { path, images, image, labels, task, are_whole_numbers, others, unused })
}

/// The column of this name in capitals or small letters, where something stands in it.
fn other_column(sheet: &Sheet, name: &str) -> Option<String> {
    let mut called = sheet.columns.iter().filter(|column| column.to_lowercase() == name);
    called.find(|column| sheet.column(column).is_some_and(|place| has_text(sheet, place))).cloned()
}

/// Stages need images to train on and to validate on.
fn check_splits(name: &str, sheet: &Sheet, split: &str) -> Result<(), Failure> {
    let place = sheet.column(split).unwrap_or_default();
    let has = |name| texts(sheet, place).any(|word| split_of(word) == Some(name));
    let Some(missing) = ["train", "validation"].into_iter().find(|name| !has(name)) else {
        return Ok(());
    };
    Err(Failure::usage(format!(
        "no row of {name} is of the split `{missing}`, by its column `{split}`, and training needs `train` \
         and `validation`; add such rows, or rename the column, and images are divided"
    )))
}
