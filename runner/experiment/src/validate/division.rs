//! `dataset.path`, `split`, `folds`: one folder that is divided.

use std::ops::Range;
use std::path::Path;

use regex::Regex;

use crate::diagnostic::Diagnostics;
use crate::folder::Split;
use crate::section::dataset::DatasetSection;
use crate::section::division::{Division, DivisionSection, LAST, NONE};
use crate::section::visualize::SplitName;
use crate::value::{Located, Plain};

/// Refuses keys that contradict each other: folders per split, or one that is divided.
pub(super) fn check_keys(section: &DatasetSection, diagnostics: &mut Diagnostics) {
    let spans = [
        ("split", section.split.as_ref().map(|split| &split.span)),
        ("folds", section.folds.as_ref().map(|folds| &folds.span)),
        // Where folds are declared, that has been said of them.
        ("fold", section.fold.as_ref().filter(|_| section.folds.is_none()).map(|fold| &fold.span)),
    ];
    let Some(path) = &section.path else {
        if section.present.iter().any(|key| key == "path") {
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

/// How the images of `listed` are divided.
pub(super) fn resolve(
    section: &DatasetSection,
    listed: Option<&Split>,
    trains: bool,
    diagnostics: &mut Diagnostics,
) -> Option<Division> {
    section.path.as_ref()?;
    let found = section.split.as_ref();
    let division = found.map(|split| split.value.plain()).unwrap_or_default();
    let is_crossed = section.folds.is_some();
    if let Some(split) = found {
        check_shares(split, &division, (is_crossed, trains), diagnostics);
        check_from(&split.value, diagnostics);
        if let Some(group) = &split.value.group {
            check_group(group, section, listed, diagnostics);
        }
    }
    if let (Some(folds), Some(listed)) = (&section.folds, listed) {
        check_size(folds.plain(), &folds.span, listed, diagnostics);
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

fn check_group(
    group: &Located<String>,
    section: &DatasetSection,
    listed: Option<&Split>,
    diagnostics: &mut Diagnostics,
) {
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
    let (Some(listed), Some(folder)) = (listed, &section.path) else { return };
    let below = |path: &Path| below(path, &folder.value);
    let files = || listed.classes.iter().flat_map(|class| &class.files);
    if files().any(|path| expression.is_match(&below(path))) {
        return;
    }
    if let Some(example) = files().next() {
        diagnostics
            .error(group.span.clone(), key, "no path matches this regular expression")
            .help(format!("paths below the folder look like `{}`", below(example)));
    }
}

/// A path below a folder, with `/` between its parts.
#[must_use]
pub fn below(path: &Path, folder: &str) -> String {
    let rest = path.strip_prefix(folder).unwrap_or(path);
    let parts = rest.components().map(|part| part.as_os_str().to_string_lossy().into_owned());
    parts.collect::<Vec<_>>().join("/")
}

fn check_size(folds: usize, span: &Range<usize>, listed: &Split, diagnostics: &mut Diagnostics) {
    let small = listed.classes.iter().filter(|class| class.files.len() < folds);
    for class in small.filter(|class| !class.files.is_empty()) {
        let count = class.files.len();
        diagnostics
            .error(
                span.clone(),
                "dataset.folds",
                format!(
                    "{folds} folds need {folds} images of each class, and `{}` has {count}",
                    class.name
                ),
            )
            .label("each fold tests an image of each class");
    }
}

/// Whether images of this split are to be had.
pub(super) fn has_split(section: &DatasetSection, name: SplitName) -> bool {
    if !section.present.iter().any(|key| key == "path") {
        return section.present.iter().any(|key| key == name.as_str());
    }
    let division = section.split.as_ref().map(|split| split.value.plain()).unwrap_or_default();
    match name {
        SplitName::Train => true,
        SplitName::Validation => division.validation > 0.0,
        SplitName::Test => division.test > 0.0 || section.folds.is_some(),
    }
}
