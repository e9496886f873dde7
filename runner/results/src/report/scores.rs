//! What came out: the scores of each run, the best of each marked.

use serde::Serialize;

use super::subject::Subject;
use super::text;

/// What is better of a score.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Better {
    Higher,
    Lower,
    /// It is no score: none is marked.
    Neither,
}

/// A column of scores.
#[derive(Debug, Clone, Copy)]
pub(super) struct Score {
    pub column: &'static str,
    pub title: &'static str,
    pub better: Better,
    pub show: fn(f64) -> String,
}

const fn score(
    column: &'static str,
    title: &'static str,
    better: Better,
    show: fn(f64) -> String,
) -> Score {
    Score { column, title, better, show }
}

/// Every score of `run.parquet`, the most telling first.
pub(super) const SCORES: [Score; 16] = [
    score("test_accuracy", "Test accuracy", Better::Higher, text::number),
    score("test_loss", "Test loss", Better::Lower, text::number),
    score("best_validation_accuracy", "Validation accuracy", Better::Higher, text::number),
    score("best_validation_loss", "Validation loss", Better::Lower, text::number),
    score("test_auc", "AUC", Better::Higher, text::number),
    score("test_f1", "F1", Better::Higher, text::number),
    score("test_precision", "Precision", Better::Higher, text::number),
    score("test_recall", "Recall", Better::Higher, text::number),
    score("test_balanced_accuracy", "Balanced accuracy", Better::Higher, text::number),
    score("test_top_5_accuracy", "Top-5 accuracy", Better::Higher, text::number),
    score("test_ece", "Calibration error", Better::Lower, text::number),
    score("test_map", "mAP", Better::Higher, text::number),
    score("test_mae", "Mean absolute error", Better::Lower, text::number),
    score("test_r2", "R²", Better::Higher, text::number),
    score("best_epoch", "Best epoch", Better::Neither, whole),
    score("duration_s", "Time", Better::Neither, text::duration),
];

/// The score that members of a sweep are ordered by: the validation accuracy, or where numbers are learned,
/// the validation loss. Choosing by the test images would make these a part of the training.
pub(super) fn decides(subjects: &[Subject]) -> Score {
    let accuracy =
        score("best_validation_accuracy", "Validation accuracy", Better::Higher, text::number);
    let loss = score("best_validation_loss", "Validation loss", Better::Lower, text::number);
    let has = |score: Score| subjects.iter().any(|s| s.number(score.column).is_some());
    if has(loss) && !has(accuracy) { loss } else { accuracy }
}

impl Score {
    /// A number that is higher the better a subject is; `None` where it has no such score.
    pub(super) fn rank(self, subject: &Subject) -> Option<f64> {
        let value = subject.number(self.column)?;
        Some(if self.better == Better::Lower { -value } else { value })
    }
}

fn whole(value: f64) -> String {
    text::count(value as i64)
}

/// The table of scores.
#[derive(Debug, Serialize)]
pub(super) struct Scores {
    titles: Vec<&'static str>,
    /// One row per run.
    rows: Vec<Vec<Value>>,
    /// Whether a best one is marked.
    marked: bool,
}

/// One score of one run.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Value {
    /// For a reader; empty where there is none.
    pub text: String,
    /// For sorting.
    pub value: Option<f64>,
    /// Whether no other run has a better one.
    pub best: bool,
}

/// The scores of some runs; those that no run has are left out.
pub(super) fn of(subjects: &[Subject]) -> Scores {
    let measured = |score: &Score| subjects.iter().any(|s| s.number(score.column).is_some());
    let shown: Vec<Score> = SCORES.into_iter().filter(measured).collect();
    let columns: Vec<Vec<Value>> = shown.iter().map(|score| values(subjects, *score)).collect();
    let row = |index: usize| columns.iter().map(|column| column[index].clone()).collect();
    Scores {
        titles: shown.iter().map(|score| score.title).collect(),
        rows: (0..subjects.len()).map(row).collect(),
        marked: columns.iter().flatten().any(|value| value.best),
    }
}

/// One score of every run. What looks the same is equally good.
pub(super) fn values(subjects: &[Subject], score: Score) -> Vec<Value> {
    let numbers: Vec<Option<f64>> = subjects.iter().map(|s| s.number(score.column)).collect();
    let best = best(&numbers, score);
    let value = |number: &Option<f64>| {
        let text = number.map(score.show).unwrap_or_default();
        Value { best: best.as_ref() == Some(&text), text, value: *number }
    };
    numbers.iter().map(value).collect()
}

/// The best of two or more numbers as it is shown, unless all look the same.
fn best(numbers: &[Option<f64>], score: Score) -> Option<String> {
    let known = || numbers.iter().flatten().copied();
    let low = (score.show)(known().reduce(f64::min)?);
    let high = (score.show)(known().reduce(f64::max)?);
    match score.better {
        _ if low == high => None,
        Better::Higher => Some(high),
        Better::Lower => Some(low),
        Better::Neither => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_is_better_than_another() {
        let best = |numbers: &[Option<f64>], better| best(numbers, Score { better, ..SCORES[0] });
        let numbers = [Some(0.5), None, Some(0.9)];
        assert_eq!(best(&numbers, Better::Higher).as_deref(), Some("0.9000"));
        assert_eq!(best(&numbers, Better::Lower).as_deref(), Some("0.5000"));
        assert_eq!(best(&numbers, Better::Neither), None);
        assert_eq!(best(&[Some(0.5), Some(0.500_01)], Better::Higher), None);
        assert_eq!(best(&[None, Some(0.5)], Better::Higher), None);
    }
}
