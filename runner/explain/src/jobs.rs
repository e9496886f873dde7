//! The jobs of a plan in their order.

use runner_experiment::plan::Visualize;
use runner_experiment::section::visualize::SplitName;
use runner_learn::LearnError;
use runner_record::Event;

use crate::error::ExplainError;
use crate::scene::Scene;
use crate::{activations, cam, embedding, faithfulness, filters, suspects};

/// Does the jobs in their order. One that fails says so and spares the others; jobs that are drawn
/// from the tables are passed on.
///
/// # Errors
///
/// [`ExplainError::Interrupted`].
pub fn run(
    jobs: &[Visualize],
    scene: &Scene<'_>,
    observe: &mut dyn FnMut(Event),
) -> Result<(), ExplainError> {
    for (index, job) in jobs.iter().enumerate() {
        let number = index + 1;
        scene.interrupt.check()?;
        let done = match job {
            Visualize::Curves(_) | Visualize::Confusion(_) | Visualize::Mistakes(_) => {
                observe(Event::Drawn { number });
                Ok(())
            }
            Visualize::Activations(job) => activations::run(job, number, scene, observe),
            Visualize::Filters(job) => filters::run(job, number, scene, observe),
            Visualize::Gradcam(job) => cam::run(job, number, scene, observe),
            Visualize::Faithfulness(job) => faithfulness::run(job, number, scene, observe),
            Visualize::Embedding(job) => embedding::run(job, number, scene, observe),
            Visualize::Suspects(job) if job.split == SplitName::Train => {
                suspects::run(job, number, scene, observe)
            }
            Visualize::Suspects(_) => {
                observe(Event::Drawn { number });
                Ok(())
            }
        };
        match done {
            Err(stopped @ ExplainError::Learn(LearnError::Interrupted)) => return Err(stopped),
            Err(error) => {
                let (job, reason) = (job.job(), error.to_string());
                observe(Event::JobFailed { number, job, reason });
            }
            Ok(()) => {}
        }
    }
    Ok(())
}
