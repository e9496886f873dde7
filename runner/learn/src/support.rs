//! What this version can do: a plan that needs more is refused before anything starts.

use runner_experiment::Checked;

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
    let all: Vec<String> = jobs.collect();
    match all.is_empty() {
        true => Ok(()),
        false => Err(LearnError::Unsupported(all)),
    }
}
