//! What is said about pairs of runs: whether their scores differ by more than chance.

use serde::Serialize;

use crate::load::LoadedRun;

/// What is said about a pair of runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Which pair.
    pub heading: String,
    /// Sentences about it.
    pub texts: Vec<String>,
}

/// A verdict per pair of runs.
pub(super) fn of(_runs: &[LoadedRun]) -> Vec<Verdict> {
    Vec::new()
}
