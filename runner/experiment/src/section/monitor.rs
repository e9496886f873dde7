//! `monitor = …`: the metric that early stopping and the plateau schedule watch.

use crate::value::choice;

choice! {
    /// The metric that early stopping watches; losses should fall, accuracies rise.
    pub enum Monitor {
        /// Mean loss on the validation images.
        ValidationLoss = "validation_loss",
        /// Share of validation images classified correctly.
        ValidationAccuracy = "validation_accuracy",
        /// Mean loss on the training images.
        TrainLoss = "train_loss",
        /// Share of training images classified correctly.
        TrainAccuracy = "train_accuracy",
    }
}

impl Monitor {
    /// Whether it is a share of correct answers.
    #[must_use]
    pub fn is_accuracy(self) -> bool {
        matches!(self, Self::ValidationAccuracy | Self::TrainAccuracy)
    }
}
