//! `dataset.table`: one row per image, in place of folders.
//!
//! | module | what |
//! |---|---|
//! | `columns` | which column is which |
//! | `rows` | images, splits, groups and weights, row by row |
//! | `files` | from names to files, and what may have been meant |
//! | `targets` | from cells to classes, labels or numbers |
//! | `problems` | what is wrong with rows, all at once |
//! | `together` | groups that are apart, classes that are perhaps one |

mod columns;
mod files;
mod problems;
mod rows;
mod targets;
mod together;

use std::path::Path;

use crate::diagnostic::Diagnostics;
use crate::listing::Split;
use crate::section::dataset::DatasetSection;
use crate::section::task::Task;
use crate::sheet::{self, EXTENSIONS};
use crate::suggest::join;
use crate::value::Located;

use super::path::missing_help;

/// Refuses keys that say nothing without a table, and those that contradict one.
pub(super) fn check_keys(section: &DatasetSection, diagnostics: &mut Diagnostics) {
    let of_table = [
        ("images", section.images.as_ref().map(|key| &key.span)),
        ("columns", section.columns.as_ref().map(|key| &key.span)),
        ("separator", section.separator.as_ref().map(|key| &key.span)),
        ("classes", section.classes.as_ref().map(|key| &key.span)),
    ];
    if !section.present.iter().any(|key| key == "table") {
        for (name, span) in of_table.into_iter().filter_map(|(name, span)| Some((name, span?))) {
            diagnostics
                .error(
                    span.clone(),
                    format!("dataset.{name}"),
                    format!("`dataset.{name}` is about `dataset.table`, and there is none"),
                )
                .help("give the table as `table = \"labels.csv\"`, or leave this out");
        }
        if let Some(task) = section.task.as_ref().filter(|task| task.value != Task::Classification)
        {
            diagnostics
                .error(
                    task.span.clone(),
                    "dataset.task",
                    format!("`{}` needs labels from a table: folders are classes", task.value),
                )
                .help("give them as `table = \"labels.csv\"`");
        }
        return;
    }
    check_folders(section, diagnostics);
}

/// Folders beside a table.
fn check_folders(section: &DatasetSection, diagnostics: &mut Diagnostics) {
    let folders = [
        ("path", &section.path),
        ("train", &section.train),
        ("validation", &section.validation),
        ("test", &section.test),
    ];
    for (name, given) in
        folders.into_iter().filter_map(|(name, given)| Some((name, given.as_ref()?)))
    {
        diagnostics
            .error(
                given.span.clone(),
                format!("dataset.{name}"),
                format!("`dataset.{name}` and `dataset.table` exclude each other"),
            )
            .label("leave this out, or `table`")
            .help("`images` is the folder that paths in the table start from");
    }
}

/// The images of a table.
#[derive(Default)]
pub(super) struct Listing {
    /// Its splits, or all its images as one.
    pub(super) splits: Vec<Split>,
    /// The column that `dataset.split.group` names, where it names one.
    pub(super) group: Option<String>,
}

/// Reads the table; there are no splits where something is wrong with it.
pub(super) fn list(section: &DatasetSection, diagnostics: &mut Diagnostics) -> Listing {
    let Some(table) = &section.table else { return Listing::default() };
    let folder = folder(section, table, diagnostics);
    let Some(sheet) = read(table, diagnostics) else { return Listing::default() };
    let group = columns::group(section, &sheet);
    let columns = columns::find(section, table, &sheet, diagnostics);
    let (Some(folder), Some(columns)) = (folder, columns) else {
        return Listing { group, ..Listing::default() };
    };
    let splits = rows::splits(section, table, (&sheet, &columns, &folder), diagnostics);
    Listing { splits: splits.unwrap_or_default(), group }
}

/// The folder that paths start from.
fn folder(
    section: &DatasetSection,
    table: &Located<String>,
    diagnostics: &mut Diagnostics,
) -> Option<String> {
    let Some(images) = &section.images else {
        let parent = Path::new(&table.value).parent().filter(|path| !path.as_os_str().is_empty());
        return Some(parent.map_or(".".to_owned(), |path| path.display().to_string()));
    };
    if Path::new(&images.value).is_dir() {
        return Some(images.value.clone());
    }
    let what = if Path::new(&images.value).exists() { "is not a folder" } else { "does not exist" };
    diagnostics
        .error(
            images.span.clone(),
            "dataset.images",
            format!("the folder `{}` {what}", images.value),
        )
        .label("no such folder")
        .help(missing_help(&images.value));
    None
}

fn read(table: &Located<String>, diagnostics: &mut Diagnostics) -> Option<sheet::Sheet> {
    let (path, key) = (Path::new(&table.value), "dataset.table");
    if !path.is_file() {
        let what = if path.exists() { "is not a file" } else { "does not exist" };
        diagnostics
            .error(table.span.clone(), key, format!("the table `{}` {what}", table.value))
            .label("no such file")
            .help(missing_help(&table.value));
        return None;
    }
    let extension = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    if !EXTENSIONS.contains(&extension.as_str()) {
        diagnostics
            .error(
                table.span.clone(),
                key,
                format!("`{}` is no table that can be read", table.value),
            )
            .help(format!("the name of a table ends in {}", join(EXTENSIONS)));
        return None;
    }
    match sheet::read(path) {
        Ok(sheet) if sheet.rows.is_empty() => {
            diagnostics
                .error(table.span.clone(), key, format!("the table `{}` has no rows", table.value))
                .help("its first line names the columns, and each line after it is an image");
            None
        }
        Ok(sheet) => Some(sheet),
        Err(reason) => {
            diagnostics.error(
                table.span.clone(),
                key,
                format!("the table `{}` cannot be read: {reason}", table.value),
            );
            None
        }
    }
}

#[cfg(test)]
mod tests;
