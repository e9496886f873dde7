//! The settings of the methods.

use runner_experiment::plan::Gradcam as Job;

/// Everything that the methods need beside the photo.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// The layer whose maps are weighted.
    pub layer: usize,
    /// Of `smoothgrad`.
    pub samples: usize,
    /// Of `smoothgrad`.
    pub noise: f64,
    /// Of `integrated_gradients`.
    pub steps: usize,
    /// Of `occlusion`.
    pub window: usize,
    /// Of `occlusion`.
    pub stride: usize,
}

impl Settings {
    /// The defaults, for a layer.
    #[must_use]
    pub fn of(layer: usize) -> Self {
        Self::new(layer, &Job::default())
    }

    pub(super) fn new(layer: usize, job: &Job) -> Self {
        Self {
            layer,
            samples: job.samples,
            noise: job.noise,
            steps: job.steps,
            window: job.window,
            stride: job.stride,
        }
    }
}
