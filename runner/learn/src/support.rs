//! What this version can do: a plan that needs more is refused before anything starts.

use runner_experiment::Checked;
use runner_experiment::plan::Stage;

use crate::error::LearnError;

/// Refuses what is not built yet, all of it at once.
///
/// # Errors
///
/// [`LearnError::Unsupported`] with a sentence for each.
pub fn check(checked: &Checked) -> Result<(), LearnError> {
    let jobs = checked.plan.visualize.iter().enumerate().map(|(at, job)| {
        format!(
            "visualize job {} (`{}`): pictures are not drawn yet; remove the job",
            at + 1,
            job.job()
        )
    });
    let stages = checked.plan.stage.iter().flat_map(|stage| refusals(checked, stage));
    let all: Vec<String> = stages.chain(jobs).collect();
    match all.is_empty() {
        true => Ok(()),
        false => Err(LearnError::Unsupported(all)),
    }
}

fn refusals(checked: &Checked, stage: &Stage) -> Vec<String> {
    let name = &stage.name;
    let mut refused = Vec::new();
    if stage.augment {
        refused.push(format!(
            "stage `{name}`: training images are not augmented yet; set `augment = false`"
        ));
    }
    let prefix = stage.frozen_prefix(&checked.layers);
    if !checked.layers.iter().take(prefix).any(|layer| layer.kind.has_parameters()) {
        let first = checked.layers.first().map_or("", |layer| layer.name.as_str());
        refused.push(format!(
            "stage `{name}`: training from the first layer on is not built yet; freeze at least `{first}`"
        ));
    }
    refused
}
