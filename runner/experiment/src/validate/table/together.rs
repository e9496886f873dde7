//! What should not be apart, or not be two, and is: warnings about a table whose rows are right.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::diagnostic::Diagnostics;
use crate::listing::Split;
use crate::suggest::join;

/// So many are listed.
const LISTED: usize = 10;

/// Groups that the column of splits takes apart: what is tested was seen in training.
pub(super) fn warn_of_groups(
    splits: &[Split],
    (table, span): (&str, &Range<usize>),
    diagnostics: &mut Diagnostics,
) {
    let mut found: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for split in splits {
        for group in split.images.iter().filter_map(|image| image.group.as_deref()) {
            let of_group = found.entry(group).or_default();
            if of_group.last() != Some(&split.name) {
                of_group.push(split.name);
            }
        }
    }
    found.retain(|_, splits| splits.len() > 1);
    if found.is_empty() {
        return;
    }
    let mut lines: Vec<String> = found
        .iter()
        .take(LISTED)
        .map(|(group, splits)| format!("`{group}` is in {}", join(splits.iter().copied())))
        .collect();
    lines.extend(and_more(found.len()));
    lines.push(
        "put each group into one split, or leave the column of splits out: then the runner does"
            .to_owned(),
    );
    let what = match found.len() {
        1 => "1 group is".to_owned(),
        count => format!("{count} groups are"),
    };
    diagnostics
        .warning(
            span.clone(),
            "dataset.table",
            format!("in `{table}` {what} in more than one split"),
        )
        .label("scores of images whose group was trained on are too high")
        .help(lines.join("\n"));
}

/// Classes that differ in upper and lower case alone.
pub(super) fn warn_of_case(
    classes: &[String],
    (table, span): (&str, &Range<usize>),
    diagnostics: &mut Diagnostics,
) {
    let mut spellings: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for class in classes {
        spellings.entry(class.to_lowercase()).or_default().push(class);
    }
    spellings.retain(|_, classes| classes.len() > 1);
    if spellings.is_empty() {
        return;
    }
    let mut lines: Vec<String> =
        spellings.values().take(LISTED).map(|classes| join(classes.iter().copied())).collect();
    lines.extend(and_more(spellings.len()));
    diagnostics
        .warning(
            span.clone(),
            "dataset.columns.label",
            format!("labels of `{table}` differ in upper and lower case alone, and are taken for different ones"),
        )
        .help(lines.join("\n"));
}

fn and_more(count: usize) -> Option<String> {
    (count > LISTED).then(|| format!("… and {} more", count - LISTED))
}
