//! A table of labels as it is found: which column names the images, which the labels, and what can be
//! learned from them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use runner_experiment::section::task::Task;
use runner_experiment::sheet::{Cell, EXTENSIONS, Sheet};
use runner_experiment::text::shown;

use super::layout::{folders, quoted, text};
use crate::failure::Failure;

/// Names of columns that experiments take by themselves.
const IMAGE: &str = "image";
const LABEL: &str = "label";
const OTHERS: [&str; 3] = ["split", "group", "weight"];

/// What people call the column of labels, in small letters.
const LABELS: [&str; 6] = ["label", "labels", "class", "category", "target", "kind"];

/// So many cells of a column are looked up as files.
const TRIED: usize = 20;

/// More whole numbers than these are measured, not classes.
const MOST_CLASSES: usize = 30;

/// What stands between several labels of an image where nothing else is said.
const SEPARATOR: char = '|';

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
    /// Whether the table says which image is in which split.
    pub(super) is_split: bool,
}

impl Table {
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
    let is_split = sheet.column(OTHERS[0]).is_some_and(|split| has_text(&sheet, split));
    Ok(Table { path: text(path)?, images, image, labels, task, is_split })
}

/// The first column whose cells are files, and the folder that they start from, where it is not that of
/// the table.
fn image_column(path: &Path, sheet: &Sheet) -> Result<(String, Option<String>), Failure> {
    let beside = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let beside = beside.unwrap_or(Path::new(".")).to_path_buf();
    let inside = folders(&beside)?;
    let places: Vec<PathBuf> =
        [beside.clone(), PathBuf::from(".")].into_iter().chain(inside).collect();
    let first = sheet.column(IMAGE).into_iter();
    for column in first.chain(0..sheet.columns.len()) {
        let cells = texts(sheet, column).take(TRIED);
        let names: Vec<String> = cells.map(|text| text.replace('\\', "/")).collect();
        let is_place = |place: &&PathBuf| names.iter().any(|name| place.join(name).is_file());
        if let Some(place) = places.iter().find(is_place) {
            let folder = (*place != beside).then(|| text(place)).transpose()?;
            return Ok((sheet.columns[column].clone(), folder));
        }
    }
    Err(Failure::usage(format!(
        "no column of the table {} names files, neither below {} nor below a folder in it; paths of \
         images start there, and its columns are {}",
        shown(path),
        shown(&beside),
        listed(sheet.columns.iter())
    )))
}

/// The columns that were named; else the one that is called as labels are, or the only one that is left,
/// or all that are left where each says yes or no.
fn label_columns(
    name: &str,
    sheet: &Sheet,
    (image, given): (&str, &[String]),
) -> Result<Vec<String>, Failure> {
    if let Some(missing) = given.iter().find(|given| sheet.column(given).is_none()) {
        return Err(Failure::usage(format!(
            "the table {name} has no column `{missing}`; it has {}",
            listed(sheet.columns.iter())
        )));
    }
    if !given.is_empty() {
        return Ok(given.to_vec());
    }
    let is_left = |column: &&String| *column != image && !OTHERS.contains(&column.as_str());
    let left: Vec<&String> = sheet.columns.iter().filter(is_left).collect();
    let called = LABELS.iter().find_map(|label| {
        left.iter().find(|column| column.to_lowercase() == *label).map(|column| (*column).clone())
    });
    if let Some(column) = called {
        return Ok(vec![column]);
    }
    let place = |column: &&String| sheet.column(column).unwrap_or_default();
    match &left[..] {
        [] => Err(Failure::usage(format!("the table {name} has no column beside `{image}`"))),
        [one] => Ok(vec![(*one).clone()]),
        several if several.iter().all(|column| are_flags(sheet, place(column))) => {
            Ok(several.iter().map(|column| (*column).clone()).collect())
        }
        several => Err(Failure::usage(format!(
            "which column of {name} is to be learned: {}? Say `--label {}`, say",
            listed(several.iter().copied()),
            several[0]
        ))),
    }
}

/// What the cells can teach.
fn task(name: &str, sheet: &Sheet, labels: &[String]) -> Result<Task, Failure> {
    let places: Vec<usize> = labels.iter().filter_map(|label| sheet.column(label)).collect();
    if let [place] = places[..] {
        let is_list = sheet.rows.iter().any(|row| matches!(row[place], Cell::List(_)));
        let is_several = texts(sheet, place).any(|text| text.contains(SEPARATOR));
        return Ok(match () {
            () if is_list || is_several => Task::Multilabel,
            () if are_measured(sheet, place) => Task::Regression,
            () => Task::Classification,
        });
    }
    match () {
        () if places.iter().all(|place| are_flags(sheet, *place)) => Ok(Task::Multilabel),
        () if places.iter().all(|place| numbers(sheet, *place).is_some()) => Ok(Task::Regression),
        () => Err(Failure::usage(format!(
            "{} of {name} are neither all 0 or 1 nor all numbers; several columns are either labels \
             that an image has or has not, or numbers",
            listed(labels.iter())
        ))),
    }
}

/// Numbers with fractions, or more whole numbers than there are classes.
fn are_measured(sheet: &Sheet, column: usize) -> bool {
    let Some(numbers) = numbers(sheet, column) else { return false };
    let different: BTreeSet<u64> = numbers.iter().map(|number| number.to_bits()).collect();
    numbers.iter().any(|number| number.fract() != 0.0) || different.len() > MOST_CLASSES
}

/// The cells as numbers, where all are.
fn numbers(sheet: &Sheet, column: usize) -> Option<Vec<f64>> {
    let numbers: Option<Vec<f64>> =
        texts(sheet, column).map(|text| text.trim().parse().ok()).collect();
    numbers.filter(|numbers| !numbers.is_empty())
}

/// Whether every cell says yes or no as a number.
fn are_flags(sheet: &Sheet, column: usize) -> bool {
    let flags = ["0", "1", "0.0", "1.0", "true", "false"];
    has_text(sheet, column)
        && texts(sheet, column).all(|text| flags.contains(&text.trim().to_lowercase().as_str()))
}

fn has_text(sheet: &Sheet, column: usize) -> bool {
    texts(sheet, column).next().is_some()
}

/// The cells of a column that have something in them.
fn texts(sheet: &Sheet, column: usize) -> impl Iterator<Item = &str> {
    sheet.rows.iter().filter_map(move |row| match &row[column] {
        Cell::Text(text) => Some(text.as_str()),
        Cell::Empty | Cell::List(_) => None,
    })
}

fn listed<'a>(names: impl Iterator<Item = &'a String>) -> String {
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet(columns: &[&str], rows: &[&[&str]]) -> Sheet {
        let cell = |text: &&str| match *text {
            "" => Cell::Empty,
            text => Cell::Text(text.to_owned()),
        };
        Sheet {
            columns: columns.iter().map(|name| (*name).to_owned()).collect(),
            rows: rows.iter().map(|row| row.iter().map(cell).collect()).collect(),
        }
    }

    fn learned(columns: &[&str], rows: &[&[&str]]) -> Result<(Vec<String>, Task), String> {
        let sheet = sheet(columns, rows);
        let labels =
            label_columns("t.csv", &sheet, ("image", &[])).map_err(|failure| failure.message())?;
        let task = task("t.csv", &sheet, &labels).map_err(|failure| failure.message())?;
        Ok((labels, task))
    }

    #[test]
    fn what_is_learned_follows_from_the_cells() {
        let one = |cells: &[&[&str]]| learned(&["image", "Category"], cells).map(|found| found.1);
        assert_eq!(one(&[&["a", "cat"], &["b", "dog"]]), Ok(Task::Classification));
        assert_eq!(one(&[&["a", "3"], &["b", "7"]]), Ok(Task::Classification));
        assert_eq!(one(&[&["a", "3.5"], &["b", "7"]]), Ok(Task::Regression));
        assert_eq!(one(&[&["a", "red|round"], &["b", ""]]), Ok(Task::Multilabel));
        let (labels, task) = learned(
            &["image", "red", "round", "split", "weight"],
            &[&["a", "0", "1", "train", "2"], &["b", "1", "1", "test", "3"]],
        )
        .unwrap();
        assert_eq!((labels, task), (vec!["red".to_owned(), "round".to_owned()], Task::Multilabel));
        let said = learned(&["image", "age", "name"], &[&["a", "3", "x"]]).unwrap_err();
        assert!(said.contains("`age`, `name`? Say `--label age`"), "{said}");
    }
}
