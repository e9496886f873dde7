//! How one folder becomes three splits, in words.

use runner_experiment::plan::Dataset;
use runner_experiment::section::division::Division;
use runner_experiment::section::task::Task;

/// How one folder becomes three splits.
pub(super) fn text(dataset: &Dataset, division: &Division) -> String {
    let Division { validation, test, seed, stratify, group, .. } = division;
    let test = match (dataset.fold, dataset.folds) {
        (Some(fold), Some(folds)) => {
            format!(
                "fold {fold} of {folds} is the test split; of the rest, validation {validation}"
            )
        }
        _ => format!("validation {validation}, test {test}"),
    };
    let each = match (stratify, dataset.task) {
        (false, _) => "",
        (true, Task::Classification) => " of each class",
        (true, Task::Multilabel) => " of each label",
        (true, Task::Regression) => " of each tenth of the numbers",
    };
    let group = group.as_ref().map_or(String::new(), |group| format!(", groups by {group}"));
    format!(
        "divided by content: {test}{each}, seed {seed}{group}; splits.parquet will say which is where"
    )
}
