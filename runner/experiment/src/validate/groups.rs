//! Whether there is enough to divide: images that stay together count once.

use std::collections::HashSet;
use std::ops::Range;

use regex::Regex;

use crate::diagnostic::Diagnostics;
use crate::listing::{Listed, Split};
use crate::section::division::Division;

use super::division::group_of;

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
    let groups = groups(division, listed);
    let units = units(&groups);
    // A class or a folder without images has been said.
    if images == 0 {
        return;
    }
    let is_validated = usize::from(division.validation > 0.0);
    let splits = 1 + is_validated + usize::from(division.test > 0.0);
    let parts = match folds {
        Some((count, span)) => (count, "folds", span),
        None => (splits, "splits", span),
    };
    if are_folders && check_classes(parts, (listed, &groups), diagnostics) {
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
    let there = there(units, images);
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

/// What there is to divide.
fn there(units: usize, images: usize) -> String {
    match units < images {
        true => format!("the {images} images are of {}", count(units, "group")),
        false => {
            format!("there {} {}", if images == 1 { "is" } else { "are" }, count(images, "image"))
        }
    }
}

/// Whether a class has too few images, or groups of them.
fn check_classes(
    (parts, what, span): (usize, &str, &Range<usize>),
    (listed, groups): (&Split, &[Option<String>]),
    diagnostics: &mut Diagnostics,
) -> bool {
    let mut are_few = false;
    for (index, class) in listed.classes.iter().enumerate() {
        let of_class = listed.images.iter().zip(groups);
        let of_class =
            of_class.filter(|(image, _)| image.target.classes().any(|class| class == index));
        let of_class: Vec<&Option<String>> = of_class.map(|(_, group)| group).collect();
        let there = units(of_class.iter().copied());
        // Of folds, too few images have been said.
        let is_said = what == "folds" && of_class.len() < parts;
        if is_said || !(1..parts).contains(&there) {
            continue;
        }
        are_few = true;
        let each = what.trim_end_matches('s');
        let (needed, has) = match there < of_class.len() {
            true => (
                format!("{parts} groups of images"),
                format!("the {} of `{class}` are of {there}", of_class.len()),
            ),
            false => (format!("{parts} images"), format!("`{class}` has {there}")),
        };
        let key = if what == "folds" { "dataset.folds" } else { "dataset.split" };
        diagnostics
            .error(
                span.clone(),
                key,
                format!("{parts} {what} need {needed} of each class, and {has}"),
            )
            .label(format!("each {each} has an image of each class"));
    }
    are_few
}

fn count(number: usize, one: &str) -> String {
    format!("{number} {one}{}", if number == 1 { "" } else { "s" })
}

/// How many things there are that can be in different splits.
fn units<'a>(groups: impl IntoIterator<Item = &'a Option<String>>) -> usize {
    let (mut known, mut alone) = (HashSet::new(), 0);
    for group in groups {
        match group {
            Some(group) => {
                known.insert(group);
            }
            None => alone += 1,
        }
    }
    alone + known.len()
}

/// The group of each image that has one.
fn groups(division: &Division, listed: &Split) -> Vec<Option<String>> {
    let expression = division.group.as_deref().and_then(|group| Regex::new(group).ok());
    let group = |image: &Listed| match &expression {
        Some(expression) => group_of(expression, &image.path, &listed.folder),
        None => image.group.clone(),
    };
    listed.images.iter().map(group).collect()
}
