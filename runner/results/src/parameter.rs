//! Which entries of a plan are parameters: what a score can depend on.

use runner_experiment::fingerprint::is_name;

/// Where random draws started: the one entry in which repetitions of a setting differ.
pub(crate) const SEED: &str = "experiment.seed";

/// Which fold of a cross-validation is the test split: repetitions of a setting differ in it too.
pub(crate) const FOLD: &str = "dataset.fold";

/// Where the tensors were, as it was asked for; `run.parquet` has what came of it.
pub(crate) const DEVICE: &str = "run.device";

/// Whether an entry of a plan is no parameter: names, and what is kept.
#[must_use]
pub(crate) fn describes(key: &str) -> bool {
    is_name(key) && key != DEVICE
}

/// Whether an entry is about pictures, which are drawn once everything has been measured.
#[must_use]
pub(crate) fn is_drawn(key: &str) -> bool {
    key.starts_with("visualize.")
}
