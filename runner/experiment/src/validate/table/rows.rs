//! The rows of a table as the images of splits.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::diagnostic::Diagnostics;
use crate::listing::{Listed, SPLITS, Split, WHOLE, split_of};
use crate::section::dataset::DatasetSection;
use crate::section::task::Task;
use crate::sheet::{Cell, Sheet};
use crate::suggest::{closest, join};
use crate::value::Located;

use super::columns::Found;
use super::files::Files;
use super::problems::{Kind, Problems};
use super::targets::{Reading, Said, number, shown};
use super::together;

/// A row as far as it can be read by itself.
struct Row {
    number: usize,
    path: PathBuf,
    said: Said,
    split: &'static str,
    group: Option<String>,
    weight: f64,
}

/// Every row as an image of its split; `None` where a row is wrong.
pub(super) fn splits(
    section: &DatasetSection,
    table: &Located<String>,
    (sheet, columns, folder): (&Sheet, &Found, &str),
    diagnostics: &mut Diagnostics,
) -> Option<Vec<Split>> {
    let reading = Reading::new(section, columns);
    let mut problems = Problems::default();
    let (rows, learned) = read((sheet, columns, folder), &reading, &mut problems);
    let classes = reading.classes(section, &learned);
    let mut found = empty(folder, &classes);
    for Row { number, path, said, split, group, weight } in rows {
        let Some(target) = reading.target((number, said), &classes, &mut problems) else {
            continue;
        };
        if let Some(found) = found.iter_mut().find(|found| found.name == split) {
            found.images.push(Listed { path, target, group, weight });
        }
    }
    found.retain(|split| !split.images.is_empty());
    let is_right = problems.is_empty();
    problems.report((&table.value, &table.span), &classes, diagnostics);
    let is_right = is_right && check_classes(section, table, &classes, diagnostics);
    if is_right {
        let of = (table.value.as_str(), &table.span);
        together::warn_of_groups(&found, of, diagnostics);
        together::warn_of_case(&classes, of, diagnostics);
    }
    is_right.then_some(found)
}

/// The rows that are right by themselves, and what those that are trained on say, be they right or not, so
/// that their labels are known.
fn read(
    (sheet, columns, folder): (&Sheet, &Found, &str),
    reading: &Reading<'_>,
    problems: &mut Problems,
) -> (Vec<Row>, Vec<Said>) {
    let mut rows: Vec<Row> = Vec::with_capacity(sheet.rows.len());
    let mut learned: Vec<Said> = Vec::new();
    let mut files = Files::new(folder);
    let mut seen: HashMap<PathBuf, usize> = HashMap::new();
    for (number, cells) in sheet.rows.iter().enumerate() {
        // A line without anything ends many tables.
        if cells.iter().all(|cell| *cell == Cell::Empty) {
            continue;
        }
        let path = path(&cells[columns.image], (number, &mut files), problems);
        if let Some(path) = &path {
            let first = *seen.entry(path.clone()).or_insert(number);
            if first != number {
                let what = repeated(path, (sheet, columns), [first, number]);
                problems.add(Kind::Repeated, number, what);
            }
        }
        let said = reading.row(sheet, number, problems);
        let split = split(sheet, columns, number, problems);
        let weight = weight(sheet, columns, number, problems);
        let group = columns.group.and_then(|place| text(&cells[place]));
        if let (Some(said), Some(WHOLE | "train")) = (&said, split) {
            learned.push(said.clone());
        }
        if let (Some(path), Some(said), Some(split), Some(weight)) = (path, said, split, weight) {
            rows.push(Row { number, path, said, split, group, weight });
        }
    }
    (rows, learned)
}

/// Every split that there may be, without images.
fn empty(folder: &str, classes: &[String]) -> Vec<Split> {
    let split = |name| Split {
        name,
        folder: folder.to_owned(),
        classes: classes.to_vec(),
        images: Vec::new(),
    };
    [WHOLE].into_iter().chain(SPLITS).map(split).collect()
}

/// Where the image of a row is.
fn path(
    cell: &Cell,
    (row, files): (usize, &mut Files),
    problems: &mut Problems,
) -> Option<PathBuf> {
    let Some(name) = text(cell) else {
        problems.add(Kind::NoImage, row, "");
        return None;
    };
    let found = files.find(&name, problems.is_listed(Kind::MissingFile));
    found.map_err(|what| problems.add(Kind::MissingFile, row, what)).ok()
}

/// That a row names the image of an earlier one, and whether the labels contradict each other.
fn repeated(path: &Path, (sheet, columns): (&Sheet, &Found), [first, row]: [usize; 2]) -> String {
    let labels = |row: usize| {
        let labels = columns.labels.iter().map(|(place, _)| shown(&sheet.rows[row][*place]));
        labels.collect::<Vec<_>>().join(", ")
    };
    let (one, other) = (labels(first), labels(row));
    let contradicts = match one == other {
        true => String::new(),
        false => format!(", but with another label: {other}, not {one}"),
    };
    format!("`{}`, as row {}{contradicts}", path.display(), first + 1)
}

fn text(cell: &Cell) -> Option<String> {
    match cell {
        Cell::Text(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
        _ => None,
    }
}

fn split(
    sheet: &Sheet,
    columns: &Found,
    row: usize,
    problems: &mut Problems,
) -> Option<&'static str> {
    let Some(place) = columns.split else { return Some(WHOLE) };
    let cell = &sheet.rows[row][place];
    let word = text(cell).unwrap_or_default().to_lowercase();
    let found = split_of(&word);
    if found.is_none() {
        let meant =
            closest(&word, SPLITS).map_or(String::new(), |c| format!("; did you mean `{c}`?"));
        problems.add(Kind::Split, row, format!("{}{meant}", shown(cell)));
    }
    found
}

fn weight(sheet: &Sheet, columns: &Found, row: usize, problems: &mut Problems) -> Option<f64> {
    let Some(place) = columns.weight else { return Some(1.0) };
    let cell = &sheet.rows[row][place];
    let found = number(cell).filter(|weight| *weight > 0.0);
    if found.is_none() {
        problems.add(Kind::Weight, row, shown(cell));
    }
    found
}

/// Enough classes to tell apart, each once.
fn check_classes(
    section: &DatasetSection,
    table: &Located<String>,
    classes: &[String],
    diagnostics: &mut Diagnostics,
) -> bool {
    let span = section.classes.as_ref().map_or(&table.span, |classes| &classes.span);
    let repeated: Vec<&str> = classes
        .iter()
        .enumerate()
        .filter(|(index, class)| classes[..*index].contains(class))
        .map(|(_, class)| class.as_str())
        .collect();
    if !repeated.is_empty() {
        let message = format!("{} is there more than once", join(repeated));
        diagnostics.error(span.clone(), "dataset.classes", message);
        return false;
    }
    let (task, least) = (section.task(), 2);
    if task == Task::Regression || classes.len() >= least {
        return true;
    }
    let what = if task == Task::Multilabel { "label" } else { "class" };
    let found = match classes {
        [] => format!("no {what}"),
        [only, ..] => format!("one {what} only, `{only}`"),
    };
    diagnostics
        .error(
            span.clone(),
            "dataset.columns.label",
            format!("the training images of `{}` have {found}", table.value),
        )
        .label("needs at least two");
    false
}
