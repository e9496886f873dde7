//! The scores of many images.

use crate::backward::Goal;
use crate::error::ExplainError;
use crate::scene::Scene;
use runner_network::inference::{self, Inference};

/// Runs the whole network again and again.
pub struct Scorer {
    network: Inference,
}

impl Scorer {
    /// Prepares the network.
    ///
    /// # Errors
    ///
    /// [`ExplainError::Compute`].
    pub fn new(scene: &Scene<'_>) -> Result<Self, ExplainError> {
        Ok(Self { network: Inference::new(scene.network, 0..scene.network.layers.len())? })
    }

    /// What comes out, image by image.
    ///
    /// # Errors
    ///
    /// [`ExplainError::Compute`].
    pub fn logits(&self, input: Vec<f32>, images: usize) -> Result<Vec<f32>, ExplainError> {
        Ok(inference::values(self.network.forward(input, images))?)
    }

    /// The score of each image.
    ///
    /// # Errors
    ///
    /// [`ExplainError::Compute`].
    pub fn scores(
        &self,
        input: Vec<f32>,
        images: usize,
        goal: Goal,
    ) -> Result<Vec<f64>, ExplainError> {
        let logits = self.logits(input, images)?;
        let each = logits.chunks_exact((logits.len() / images.max(1)).max(1));
        Ok(each.map(|logits| goal.score(logits)).collect())
    }
}
