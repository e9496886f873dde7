//! What the images of a batch should come to, whatever they are labelled with.

use burn::tensor::Tensor;
use runner_network::on_device::ledger::Ledger;

use super::rows::{self, RowTarget};
use super::{Outcome, Target, on_device, outcome};
use crate::error::LearnError;
use crate::objective::Objective;

/// One target per image.
#[derive(Debug, Clone, PartialEq)]
pub enum Targets {
    /// Classes.
    Classes(Vec<Target>),
    /// Labels or numbers.
    Rows(Objective, Vec<RowTarget>),
}

impl From<Vec<Target>> for Targets {
    fn from(targets: Vec<Target>) -> Self {
        Self::Classes(targets)
    }
}

impl Targets {
    /// The outcome of each image; `logits` are flat, `width` of an image.
    #[must_use]
    pub fn outcomes(&self, logits: &[f32], width: usize) -> Vec<Outcome> {
        let logits = logits.chunks_exact(width.max(1));
        match self {
            Self::Classes(targets) => {
                logits.zip(targets).map(|(row, target)| outcome(row, target)).collect()
            }
            Self::Rows(objective, targets) => {
                logits.zip(targets).map(|(row, target)| target.outcome(row, objective)).collect()
            }
        }
    }

    /// The gradient of the mean loss by each logit, with losses and scores left in `ledger`.
    ///
    /// # Errors
    ///
    /// [`LearnError::Network`] where the batch does not fit.
    pub fn on_device(
        &self,
        logits: Tensor<2>,
        ledger: &mut Ledger,
    ) -> Result<Tensor<2>, LearnError> {
        match self {
            Self::Classes(targets) => on_device(logits, targets, ledger),
            Self::Rows(objective, targets) => rows::on_device(logits, (objective, targets), ledger),
        }
    }
}
