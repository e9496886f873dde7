//! What came out of a run, and which direction is better.

/// Scores: the last validation metrics, and columns of `run.parquet`.
pub(super) const SCORES: [&str; 6] = [
    "validation_loss",
    "validation_accuracy",
    "best_validation_accuracy",
    "test_loss",
    "test_accuracy",
    "duration_s",
];

/// Scores of labels and of numbers, shown where a run has one.
pub(super) const OF_TASKS: [&str; 3] = ["test_map", "test_mae", "test_r2"];

/// The scores that are taken from the last epoch.
pub(super) const OF_LAST_EPOCH: [&str; 2] = ["validation_loss", "validation_accuracy"];

/// What a comparison is about: the first of these that has a value is always shown.
pub(super) const PRIMARY: [&str; 3] = ["test_accuracy", "validation_accuracy", "test_mae"];

/// Behind the name of a score: its sample standard deviation over seeds.
pub(super) const DEVIATION: &str = "_std";

/// Behind the name of a score: the lower end of the 95% confidence interval of its mean.
pub(super) const LOW: &str = "_low";

/// Behind the name of a score: the upper end.
pub(super) const HIGH: &str = "_high";

/// Whether less of a score is better: of losses, of errors of numbers and of calibration, of time and memory,
/// and of deviations.
#[must_use]
pub fn is_lower_better(score: &str) -> bool {
    let name = score.strip_suffix(LOW).or_else(|| score.strip_suffix(HIGH)).unwrap_or(score);
    name.ends_with(DEVIATION)
        || name.ends_with("_loss")
        || name.ends_with("_ece")
        || name.ends_with("_mae")
        || ["duration_s", "peak_rss_bytes"].contains(&name)
}
