//! What is wrong with the rows of a table: each kind once, with the numbers of its rows.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::diagnostic::Diagnostics;

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
            Self::Split => Some("a split is `train`, `validation` or `test`"),
            _ => None,
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

    /// Whether nothing is wrong.
    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Tells all of them.
    pub(super) fn report(self, table: &str, span: &Range<usize>, diagnostics: &mut Diagnostics) {
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
            diagnostics
                .error(span.clone(), kind.key(), format!("in `{table}` {}", kind.says(rows.len())))
                .label("rows are counted from 1, behind the names of the columns")
                .help(lines.join("\n"));
        }
    }
}
