//! What is wrong with the rows of a table: each kind once, with the numbers of its rows.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::diagnostic::Diagnostics;
use crate::suggest::join;

/// So many rows of a kind are listed.
const LISTED: usize = 20;

/// What can be wrong with a row, in the order in which it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    NoImage,
    MissingFile,
    Repeated,
    NoLabel,
    UnknownLabel,
    NoNumber,
    NoFlag,
    Split,
    Weight,
}

impl Kind {
    /// What is said of so many rows.
    fn says(self, count: usize) -> String {
        let (one, many) = match self {
            Self::NoImage => ("names no image", "name no image"),
            Self::MissingFile => {
                ("names an image that does not exist", "name images that do not exist")
            }
            Self::Repeated => {
                ("names an image that an earlier row names", "name images that earlier rows name")
            }
            Self::NoLabel => ("has no label", "have no label"),
            Self::UnknownLabel => ("has an unknown label", "have unknown labels"),
            Self::NoNumber => ("has a label that is no number", "have labels that are no numbers"),
            Self::NoFlag => {
                ("has a label that is neither 0 nor 1", "have labels that are neither 0 nor 1")
            }
            Self::Split => ("is of no known split", "are of no known split"),
            Self::Weight => (
                "has a weight that is no positive number",
                "have weights that are no positive numbers",
            ),
        };
        match count {
            1 => format!("1 row {one}"),
            count => format!("{count} rows {many}"),
        }
    }

    fn key(self) -> &'static str {
        match self {
            Self::NoImage | Self::MissingFile | Self::Repeated => "dataset.table",
            Self::NoLabel | Self::UnknownLabel | Self::NoNumber | Self::NoFlag => {
                "dataset.columns.label"
            }
            Self::Split => "dataset.columns.split",
            Self::Weight => "dataset.columns.weight",
        }
    }

    fn advice(self) -> Option<&'static str> {
        match self {
            Self::MissingFile => Some("`images` is the folder that paths in the table start from"),
            Self::NoImage => Some("leave such rows out"),
            Self::Repeated => Some(
                "an image has one row; with `task = \"multilabel\"` that can have several labels, such as `a|b`",
            ),
            Self::NoLabel => Some("leave images without a label out"),
            Self::NoNumber => Some("numbers are written like 1.5; leave images without one out"),
            Self::NoFlag => Some("1 is for images that have the label of the column, 0 for others"),
            Self::Split => Some("a split is `train`, `validation` or `test`"),
            Self::Weight => Some("leave out images that are not to count"),
            Self::UnknownLabel => None,
        }
    }
}

/// Rows with something wrong, by kind.
#[derive(Debug, Default)]
pub(super) struct Problems {
    found: BTreeMap<Kind, Vec<(usize, String)>>,
}

impl Problems {
    /// Notes a row, counted from 0.
    pub(super) fn add(&mut self, kind: Kind, row: usize, what: impl Into<String>) {
        self.found.entry(kind).or_default().push((row, what.into()));
    }

    /// Whether another row of a kind is listed.
    pub(super) fn is_listed(&self, kind: Kind) -> bool {
        self.found.get(&kind).is_none_or(|rows| rows.len() < LISTED)
    }

    /// Whether nothing is wrong.
    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Tells all of them; `labels` are those that are known.
    pub(super) fn report(
        self,
        (table, span): (&str, &Range<usize>),
        labels: &[String],
        diagnostics: &mut Diagnostics,
    ) {
        for (kind, rows) in self.found {
            let mut lines: Vec<String> = rows
                .iter()
                .take(LISTED)
                .map(|(row, what)| match what.is_empty() {
                    true => format!("row {}", row + 1),
                    false => format!("row {}: {what}", row + 1),
                })
                .collect();
            if rows.len() > LISTED {
                lines.push(format!("… and {} more", rows.len() - LISTED));
            }
            lines.extend(kind.advice().map(str::to_owned));
            if kind == Kind::UnknownLabel {
                lines.push(known(labels));
            }
            let mut numbers: Vec<usize> = rows.iter().map(|(row, _)| *row).collect();
            numbers.dedup();
            let what = kind.says(numbers.len());
            diagnostics
                .error(span.clone(), kind.key(), format!("in `{table}` {what}"))
                .label("row 1 is the first one below the names of the columns")
                .help(lines.join("\n"));
        }
    }
}

fn known(labels: &[String]) -> String {
    let names = join(labels.iter().take(LISTED).map(String::as_str));
    let more = match labels.len().saturating_sub(LISTED) {
        0 => String::new(),
        more => format!(", … and {more} more"),
    };
    format!("known are those of `dataset.classes`, else of the training images: {names}{more}")
}
