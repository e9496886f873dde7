//! What comes first.

use std::cmp::Ordering;

use super::score::{self, SCORES};
use crate::tables::Cell;

/// Columns of `run.parquet` that say how good a run was, beside the scores that are always shown.
const MORE_SCORES: [&str; 15] = [
    "best_validation_loss",
    "images_per_s",
    "test_auc",
    "test_precision",
    "test_recall",
    "test_f1",
    "test_balanced_accuracy",
    "test_top_5_accuracy",
    "test_ece",
    "test_calibrated_ece",
    "test_calibrated_loss",
    "test_map",
    "test_mae",
    "test_r2",
    "peak_rss_bytes",
];

/// Every score there is.
pub(super) fn scores() -> impl Iterator<Item = &'static str> {
    SCORES.into_iter().chain(MORE_SCORES)
}

/// The score that a column is about: itself, or what its mean, deviation or bound is of.
pub(super) fn score_of(column: &str) -> Option<&'static str> {
    scores().find(|score| match column.strip_prefix(score) {
        Some(rest) => ["", score::DEVIATION, score::LOW, score::HIGH].contains(&rest),
        None => false,
    })
}

/// Whether a column says what came out of the runs.
#[must_use]
pub fn is_score(column: &str) -> bool {
    score_of(column).is_some()
}

/// Whether the smallest comes first: the best of a score, the smallest of anything else.
pub(super) fn rises(column: &str) -> bool {
    score_of(column).is_none() || score::is_lower_better(column)
}

/// Cells without a value come last in either direction; numbers by size, also where they are text.
pub(super) fn ordered(a: &Cell, b: &Cell, rises: bool) -> Ordering {
    match (nothing(a), nothing(b)) {
        (false, false) if rises => compared(a, b),
        (false, false) => compared(b, a),
        (a, b) => a.cmp(&b),
    }
}

fn compared(a: &Cell, b: &Cell) -> Ordering {
    match (number(a), number(b)) {
        (Some(a), Some(b)) => a.total_cmp(&b),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => a.compare(b),
    }
}

fn nothing(cell: &Cell) -> bool {
    match cell {
        Cell::Float(number) => number.is_nan(),
        other => *other == Cell::Null,
    }
}

/// The number that a cell is or that its text says.
fn number(cell: &Cell) -> Option<f64> {
    match cell {
        Cell::Text(text) => text.parse().ok(),
        other => other.as_f64(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_comes_first_and_what_has_no_value_last() {
        let sorted = |column: &str, reverse: bool| {
            let mut cells = [Cell::Null, Cell::Float(2.0), Cell::Float(f64::NAN), Cell::Float(1.0)];
            let rises = rises(column) != reverse;
            cells.sort_by(|a, b| ordered(a, b, rises));
            cells[..2].to_vec()
        };
        let (one, two) = (Cell::Float(1.0), Cell::Float(2.0));
        for (column, reverse, rises) in [
            ("test_loss", false, true),
            ("test_mae", false, true),
            ("test_loss", true, false),
            ("test_accuracy", false, false),
            ("test_accuracy_std", false, true),
            ("test_loss_high", false, true),
            ("test_ece", false, true),
            ("test_balanced_accuracy", false, false),
            ("duration_s", false, true),
            ("stage.head.epochs", false, true),
        ] {
            let expected = if rises { [&one, &two] } else { [&two, &one] };
            assert_eq!(sorted(column, reverse), expected.map(Clone::clone), "{column}");
        }
        let text = |text: &str| Cell::Text(text.to_owned());
        assert_eq!(ordered(&text("2e-5"), &text("0.001"), true), Ordering::Less);
        assert_eq!(ordered(&text("10"), &text("9"), true), Ordering::Greater);
    }
}
