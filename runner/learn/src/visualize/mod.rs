//! Pictures of what a network computes: numbers in, numbers out; nothing is drawn here.
//!
//! | module | what |
//! |---|---|
//! | `scene` | the network with everything that a job needs to know, and photos |
//! | `backward` | gradients of a score by a feature map or by the photo |
//! | `activations` | what layers answer to a photo |
//! | `filters`, `fourier` | gradient ascent in input space |
//! | `cam` | heatmaps of what a prediction rests on |
//! | `faithfulness` | how well these say it |
//! | `embedding`, `tsne` | images by what the penultimate layer makes of them |

pub mod activations;
pub mod backward;
pub mod cam;
pub mod components;
pub mod embedding;
pub mod faithfulness;
pub mod filters;
pub mod fourier;
pub mod grid;
pub mod scene;
pub mod tsne;

use runner_experiment::plan::Visualize;

use crate::error::LearnError;
use crate::event::{Event, Phase};
pub use scene::Scene;

/// How far a job is.
struct Progress {
    phase: Phase,
    done: usize,
    total: usize,
}

impl Progress {
    /// Nothing done yet.
    fn new(number: usize, job: &str, total: usize) -> Self {
        Self { phase: Phase::Job(format!("{number} {job}")), done: 0, total }
    }

    /// Says that more is done.
    fn add(&mut self, count: usize, observe: &mut dyn FnMut(Event)) {
        self.done += count;
        let Self { phase, done, total } = self;
        observe(Event::Progress { phase: phase.clone(), done: *done, total: *total });
    }
}

/// Does the jobs in their order. One that fails says so and spares the others; jobs that are drawn
/// from the tables are passed on.
///
/// # Errors
///
/// [`LearnError::Interrupted`].
pub fn run(
    jobs: &[Visualize],
    scene: &Scene<'_>,
    observe: &mut dyn FnMut(Event),
) -> Result<(), LearnError> {
    for (at, job) in jobs.iter().enumerate() {
        let number = at + 1;
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
        };
        match done {
            Err(LearnError::Interrupted) => return Err(LearnError::Interrupted),
            Err(error) => {
                let (job, reason) = (job.job(), error.to_string());
                observe(Event::JobFailed { number, job, reason });
            }
            Ok(()) => {}
        }
    }
    Ok(())
}
