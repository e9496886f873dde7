//! `dataset.split`, `folds`: one folder, or the images of a table, that are divided.

use std::ops::Range;
use std::path::Path;

use regex::Regex;

use crate::diagnostic::Diagnostics;
use crate::listing::{Split, WHOLE};
use crate::section::dataset::{Dataset, DatasetSection};
use crate::section::division::{Division, DivisionSection, LAST, NONE};
use crate::section::task::Task;
use crate::section::visualize::SplitName;
use crate::value::{Located, Plain};

use super::groups::{self, Parts};

/// Refuses keys that contradict each other: folders per split, or one that is divided.
pub(super) fn check_keys(section: &DatasetSection, diagnostics: &mut Diagnostics) {
    let spans = [
        ("split", section.split.as_ref().map(|split| &split.span)),
        ("folds", section.folds.as_ref().map(|folds| &folds.span)),
        // Where folds are declared, that has been said of them.
        ("fold", section.fold.as_ref().filter(|_| section.folds.is_none()).map(|fold| &fold.span)),
    ];
    let Some(path) = &section.path else {
        if section.present.iter().any(|key| key == "path" || key == "table") {
            check_fold(section, diagnostics);
            return;
        }
        for (name, span) in spans.into_iter().filter_map(|(name, span)| Some((name, span?))) {
            diagnostics
                .error(span.clone(), format!("dataset.{name}"), format!("`dataset.{name}` divides the images of `dataset.path`, and there is none"))
                .help("give the folder of all images as `path`, in place of `train`, `validation` and `test`");
        }
        return;
    };
    for (name, given) in folders(section) {
        if let Some(folder) = given {
            diagnostics
                .error(
                    folder.span.clone(),
                    format!("dataset.{name}"),
                    format!("`dataset.{name}` and `dataset.path` exclude each other"),
                )
                .label("leave this out, or `path`")
                .help(format!("the images of `{}` are divided as `split` says", path.value));
        }
    }
    check_fold(section, diagnostics);
}

/// The folders of splits that are given as such.
pub(super) fn folders(section: &DatasetSection) -> [(&'static str, &Option<Located<String>>); 3] {
    [("train", &section.train), ("validation", &section.validation), ("test", &section.test)]
}

fn check_fold(section: &DatasetSection, diagnostics: &mut Diagnostics) {
    let Some(folds) = &section.folds else {
        if let Some(fold) =
            section.fold.as_ref().filter(|_| !section.present.iter().any(|key| key == "folds"))
        {
            diagnostics
                .error(
                    fold.span.clone(),
                    "dataset.fold",
                    "`dataset.fold` is one of `dataset.folds`, and there are none",
                )
                .help("say into how many folds the images are divided, such as `folds = 5`");
        }
        return;
    };
    let count = folds.plain();
    if count < 2 {
        diagnostics
            .error(folds.span.clone(), "dataset.folds", "`dataset.folds` must be at least 2")
            .help("`split = { test = 0.2 }` divides once");
    }
    if let Some(fold) = section.fold.as_ref().filter(|fold| fold.plain() > count) {
        diagnostics
            .error(fold.span.clone(), "dataset.fold", format!("there is no fold {}", fold.plain()))
            .label(format!("the folds are 1 to {count}"));
    }
}

/// The splits that a table names: those that stages need, and no division beside them.
pub(super) fn check_table(
    section: &DatasetSection,
    splits: &[Split],
    trains: bool,
    diagnostics: &mut Diagnostics,
) {
    let Some(table) = section.table.as_ref().filter(|_| is_named(splits)) else { return };
    let given = [
        ("split", section.split.as_ref().map(|split| split.span.clone())),
        ("folds", section.folds.as_ref().map(|folds| folds.span.clone())),
    ];
    for (name, span) in given.into_iter().filter_map(|(name, span)| Some((name, span?))) {
        diagnostics
            .error(
                span,
                format!("dataset.{name}"),
                format!(
                    "the images of `{}` are divided already, by its column of splits",
                    table.value
                ),
            )
            .help(format!("leave `{name}` out, or rename the column in the table"));
    }
    for name in ["train", "validation"].into_iter().filter(|_| trains) {
        if !splits.iter().any(|split| split.name == name) {
            diagnostics
                .error(
                    table.span.clone(),
                    "dataset.columns.split",
                    format!(
                        "no row of `{}` is of the split `{name}`, which stages need",
                        table.value
                    ),
                )
                .help("without a column of splits the images are divided as `split` says");
        }
    }
}

/// Whether splits are given as such.
fn is_named(splits: &[Split]) -> bool {
    splits.iter().any(|split| split.name != WHOLE)
}

/// How images that are given as one are divided.
pub(super) fn resolve(
    section: &DatasetSection,
    (splits, is_column): (&[Split], bool),
    trains: bool,
    diagnostics: &mut Diagnostics,
) -> Option<Division> {
    let is_table = section.table.is_some() && !is_named(splits);
    if section.path.is_none() && !is_table {
        return None;
    }
    let listed = splits.first();
    let found = section.split.as_ref();
    let mut division = found.map(|split| split.value.plain()).unwrap_or_default();
    if is_column {
        // The table says it.
        division.group = None;
    }
    let is_crossed = section.folds.is_some();
    if let Some(split) = found {
        check_shares(split, &division, (is_crossed, trains), diagnostics);
        check_from(&split.value, diagnostics);
        if let Some(group) = split.value.group.as_ref().filter(|_| !is_column) {
            check_group(group, listed, diagnostics);
        }
    }
    if let (Some(folds), Some(listed)) = (&section.folds, listed) {
        let is_of_classes = section.task.as_ref().is_none_or(|t| t.value == Task::Classification);
        check_size(folds.plain(), (&folds.span, is_of_classes), listed, diagnostics);
    }
    let place = section.path.as_ref().or(section.table.as_ref()).map(|key| &key.span);
    if let (true, Some(listed), Some(span)) = (trains, listed, place) {
        let folds = section.folds.as_ref().map(|folds| (folds.plain(), &folds.span));
        let parts = Parts { span, folds, are_folders: section.table.is_none() };
        groups::check(&division, parts, listed, diagnostics);
    }
    Some(division)
}

fn check_shares(
    split: &Located<DivisionSection>,
    division: &Division,
    (is_crossed, trains): (bool, bool),
    diagnostics: &mut Diagnostics,
) {
    let test = if is_crossed { 0.0 } else { division.test };
    if division.validation + test >= 1.0 {
        diagnostics
            .error(
                split.span.clone(),
                "dataset.split",
                format!(
                    "validation ({}) and test ({test}) leave nothing to train on",
                    division.validation
                ),
            )
            .label("their sum must be less than 1");
    }
    if trains && division.validation == 0.0 {
        let span =
            split.value.validation.as_ref().map_or(split.span.clone(), |share| share.span.clone());
        diagnostics
            .error(
                span,
                "dataset.split.validation",
                "stages need validation images, and this share is 0",
            )
            .label("must be greater than 0");
    }
}

fn check_from(split: &DivisionSection, diagnostics: &mut Diagnostics) {
    let Some(from) = &split.from else { return };
    let is_file = from.value.contains(['/', '\\']) || from.value.ends_with(".parquet");
    if [LAST, NONE].contains(&from.value.as_str()) || !is_file || Path::new(&from.value).exists() {
        return;
    }
    diagnostics
        .error(
            from.span.clone(),
            "dataset.split.from",
            format!("the file `{}` does not exist", from.value),
        )
        .label("no such file")
        .help("give the `splits.parquet` of a run, the id of a run, `last` or `none`");
}

fn check_group(group: &Located<String>, listed: Option<&Split>, diagnostics: &mut Diagnostics) {
    let key = "dataset.split.group";
    let expression = match Regex::new(&group.value) {
        Ok(expression) => expression,
        Err(error) => {
            let reason = error.to_string();
            let reason = reason.lines().last().unwrap_or_default().trim_start_matches("error: ");
            diagnostics
                .error(group.span.clone(), key, format!("this is no regular expression: {reason}"))
                .help("such as 'patient_(\\d+)', in single quotes");
            return;
        }
    };
    let Some(listed) = listed else { return };
    let below = |path: &Path| below(path, &listed.folder);
    let mut files = listed.images.iter().map(|image| &image.path);
    if files.clone().any(|path| expression.is_match(&below(path))) {
        return;
    }
    if let Some(example) = files.next() {
        diagnostics
            .error(group.span.clone(), key, "no path matches this regular expression")
            .help(format!("paths below the folder look like `{}`", below(example)));
    }
}

/// The group of an image: what the first group of an expression finds in its path below a folder, or
/// else all of the match.
#[must_use]
pub fn group_of(expression: &Regex, path: &Path, folder: &str) -> Option<String> {
    let below = below(path, folder);
    let found = expression.captures(&below)?;
    Some(found.get(1).or_else(|| found.get(0))?.as_str().to_owned())
}

/// A path below a folder, with `/` between its parts.
fn below(path: &Path, folder: &str) -> String {
    let rest = path.strip_prefix(folder).unwrap_or(path);
    let parts = rest.components().map(|part| part.as_os_str().to_string_lossy().into_owned());
    parts.collect::<Vec<_>>().join("/")
}

fn check_size(
    folds: usize,
    (span, is_of_classes): (&Range<usize>, bool),
    listed: &Split,
    diagnostics: &mut Diagnostics,
) {
    if !is_of_classes && listed.images.len() < folds {
        let count = listed.images.len();
        diagnostics
            .error(
                span.clone(),
                "dataset.folds",
                format!("{folds} folds need {folds} images, and there are {count}"),
            )
            .label("each fold tests an image");
    }
    let counts = listed.classes.iter().zip(listed.counts()).filter(|_| is_of_classes);
    for (class, count) in counts.filter(|(_, count)| (1..folds).contains(count)) {
        diagnostics
            .error(
                span.clone(),
                "dataset.folds",
                format!(
                    "{folds} folds need {folds} images of each class, and `{class}` has {count}"
                ),
            )
            .label("each fold tests an image of each class");
    }
}

/// Whether images of this split come out of a division.
pub(super) fn has_share(dataset: &Dataset, division: &Division, name: SplitName) -> bool {
    match name {
        SplitName::Train => true,
        SplitName::Validation => division.validation > 0.0,
        SplitName::Test => division.test > 0.0 || dataset.folds.is_some(),
    }
}
