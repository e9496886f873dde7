//! Whether there is enough to divide: images that stay together count once.

use std::collections::HashSet;
use std::ops::Range;

use regex::Regex;

use crate::diagnostic::Diagnostics;
use crate::listing::Split;
use crate::section::division::Division;

use super::division::below;

/// What images are divided into.
pub(super) struct Parts<'a> {
    /// Where the folder or the table of all images is named.
    pub(super) span: &'a Range<usize>,
    /// How many folds, and where that is said.
    pub(super) folds: Option<(usize, &'a Range<usize>)>,
    /// Whether classes are folders, each of which every split needs an image of.
    pub(super) are_folders: bool,
}

/// Refuses a division into more parts than there are groups.
pub(super) fn check(
    division: &Division,
    Parts { span, folds, are_folders }: Parts<'_>,
    listed: &Split,
    diagnostics: &mut Diagnostics,
) {
    let images = listed.images.len();
    let units = units(division, listed);
    // A class or a folder without images has been said.
    if images == 0 {
        return;
    }
    let is_validated = usize::from(division.validation > 0.0);
    let splits = 1 + is_validated + usize::from(division.test > 0.0);
    if are_folders && folds.is_none() && check_classes(splits, span, listed, diagnostics) {
        return;
    }
    let (needed, what, span) = match folds {
        // Beside a fold there is something to train on, and to validate with: beside one of two only
        // where that has two groups.
        Some((folds, span)) => {
            let rest = 1 + is_validated;
            let needed = folds.max(if folds == 2 { 2 * rest } else { 1 + rest });
            (needed, format!("{folds} folds"), span)
        }
        None => (splits, format!("{splits} splits"), span),
    };
    if units >= needed {
        return;
    }
    let there = match units < images {
        true => format!("the {images} images are of {}", count(units, "group")),
        false => {
            format!("there {} {}", if images == 1 { "is" } else { "are" }, count(images, "image"))
        }
    };
    let of_what = if units < images { "groups" } else { "images" };
    let help = "images of one group are never in two splits; `split = { test = 0.0 }` makes one split less";
    diagnostics
        .error(
            span.clone(),
            "dataset.split",
            format!("{what} need at least {needed} {of_what}, and {there}"),
        )
        .maybe_help((units < images).then(|| help.to_owned()));
}

/// Whether a class has too few images.
fn check_classes(
    splits: usize,
    span: &Range<usize>,
    listed: &Split,
    diagnostics: &mut Diagnostics,
) -> bool {
    let counts = listed.classes.iter().zip(listed.counts());
    let mut are_few = false;
    for (class, there) in counts.filter(|(_, count)| (1..splits).contains(count)) {
        are_few = true;
        diagnostics
            .error(
                span.clone(),
                "dataset.split",
                format!(
                    "{splits} splits need {splits} images of each class, and `{class}` has {there}"
                ),
            )
            .label("each split has an image of each class");
    }
    are_few
}

fn count(number: usize, one: &str) -> String {
    format!("{number} {one}{}", if number == 1 { "" } else { "s" })
}

/// How many things there are that can be in different splits.
fn units(division: &Division, listed: &Split) -> usize {
    let expression = division.group.as_deref().and_then(|group| Regex::new(group).ok());
    let mut groups = HashSet::new();
    let mut alone = 0;
    for image in &listed.images {
        let group = match &expression {
            Some(expression) => {
                let below = below(&image.path, &listed.folder);
                let found = expression.captures(&below);
                let found = found.as_ref().and_then(|found| found.get(1).or_else(|| found.get(0)));
                found.map(|found| found.as_str().to_owned())
            }
            None => image.group.clone(),
        };
        match group {
            Some(group) => {
                groups.insert(group);
            }
            None => alone += 1,
        }
    }
    alone + groups.len()
}
