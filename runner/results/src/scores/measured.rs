//! What scores of classes, labels and numbers have in common.

/// Scores of some images, each counted as often as its weight says.
pub(super) trait Measured: Sync {
    /// What the scores are called.
    fn names(&self) -> Vec<&'static str>;
    /// The scores, in the order of the names.
    fn scores(&self, weights: &[u32]) -> Vec<f64>;
}
