//! Which column names the images, and which has the labels.

use std::path::{Path, PathBuf};

use runner_experiment::sheet::Sheet;
use runner_experiment::text::shown;

use super::super::paths::{folders, text};
use super::cells::{are_flags, listed, texts};
use super::{IMAGE, OTHERS};
use crate::failure::Failure;

/// What people call the column of labels, in small letters.
const LABELS: [&str; 6] = ["label", "labels", "class", "category", "target", "kind"];

/// So many cells of a column are looked up as files.
const TRIED: usize = 20;

/// The first column most of whose cells are files, and the folder that they start from, where it is not
/// that of the table.
pub(super) fn image_column(
    path: &Path,
    sheet: &Sheet,
) -> Result<(String, Option<String>), Failure> {
    let beside = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let beside = beside.unwrap_or(Path::new(".")).to_path_buf();
    let inside = folders(&beside)?;
    let places: Vec<PathBuf> =
        [beside.clone(), PathBuf::from(".")].into_iter().chain(inside).collect();
    let mut best: Option<(usize, usize, &PathBuf)> = None;
    for column in sheet.column(IMAGE).into_iter().chain(0..sheet.columns.len()) {
        let names: Vec<PathBuf> = texts(sheet, column).take(TRIED).map(file).collect();
        for place in &places {
            let count = names.iter().filter(|name| place.join(name).is_file()).count();
            if count > best.map_or(0, |(most, ..)| most) {
                best = Some((count, column, place));
            }
        }
        if best.is_some_and(|(count, ..)| 2 * count > names.len()) {
            break;
        }
    }
    let Some((_, column, place)) = best else { return Err(no_images(path, &beside, sheet)) };
    let name = &sheet.columns[column];
    if place.join(file(name)).is_file() {
        return Err(Failure::usage(format!(
            "the first line of {} names an image, `{name}`; put one above it that names the columns, such \
             as `image,label`",
            shown(path)
        )));
    }
    let folder = (*place != beside).then(|| text(place)).transpose()?;
    Ok((name.clone(), folder))
}

/// A cell as a path.
fn file(text: &str) -> PathBuf {
    PathBuf::from(text.trim().replace('\\', "/"))
}

fn no_images(path: &Path, beside: &Path, sheet: &Sheet) -> Failure {
    let place = sheet.column(IMAGE).unwrap_or_default();
    let tried = texts(sheet, place).next().map_or(String::new(), |text| {
        format!(" (`{}` is not there, for one)", beside.join(file(text)).display())
    });
    Failure::usage(format!(
        "no column of the table {} names image files{tried}; its columns are {}. Paths start from the \
         folder of the table or one inside it: move the table there, or write longer paths",
        shown(path),
        listed(sheet.columns.iter())
    ))
}

/// The columns that were named; else the one that is called as labels are, or the only one that is left,
/// or all that are left where each says yes or no.
pub(super) fn label_columns(
    name: &str,
    sheet: &Sheet,
    (image, given): (&str, &[String]),
) -> Result<Vec<String>, Failure> {
    check_given(name, sheet, (image, given))?;
    if !given.is_empty() {
        return Ok(given.to_vec());
    }
    let is_left =
        |column: &&String| *column != image && !OTHERS.contains(&column.to_lowercase().as_str());
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
            "which column of {name} is to be learned: {}? Name it: `--label {}`; several numbers, or several \
             columns of 0 and 1: `--label {} --label {}`",
            listed(several.iter().copied()),
            several[0],
            several[0],
            several[1]
        ))),
    }
}

/// Columns that were named are there, each once, and are not that of the images.
fn check_given(
    name: &str,
    sheet: &Sheet,
    (image, given): (&str, &[String]),
) -> Result<(), Failure> {
    if let Some(missing) = given.iter().find(|given| sheet.column(given).is_none()) {
        return Err(Failure::usage(format!(
            "the table {name} has no column `{missing}`; it has {}",
            listed(sheet.columns.iter())
        )));
    }
    if given.iter().any(|given| given == image) {
        return Err(Failure::usage(format!(
            "the column `{image}` of {name} names the images; `--label` is what is learned about them"
        )));
    }
    if let Some(twice) = given.iter().enumerate().find(|(at, label)| given[..*at].contains(label)) {
        return Err(Failure::usage(format!("`--label {}` is said twice", twice.1)));
    }
    Ok(())
}
