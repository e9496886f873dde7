//! What is said of two folds that have no image in common.

use super::side::Side;
use super::verdict::{NO_TEST, Verdict};

/// What is said where both sides are folds and have no image in common.
pub(super) fn verdict(a: &Side, b: &Side, split: &str) -> Verdict {
    let folds = |side: &Side| {
        let folds: Vec<String> = side.folds().iter().map(ToString::to_string).collect();
        format!("fold{} {}", if folds.len() == 1 { "" } else { "s" }, folds.join(", "))
    };
    let all = a.settings.get("dataset.folds").map_or(String::new(), |all| format!(" of {all}"));
    Verdict {
        test: "none".to_owned(),
        explanation: vec![format!(
            "No {split} image is in both: A is {} and B {}{all}, and each fold has its own {split} images. \
             The scores above are those of each side on its own images.",
            folds(a),
            folds(b)
        )],
        advice: vec![
            "`runner compare EXPERIMENT --group` shows mean ± deviation over folds. To compare two \
             settings, name all folds of each: an experiment, or lists of runs with commas between them."
                .to_owned(),
        ],
        ..NO_TEST
    }
}
