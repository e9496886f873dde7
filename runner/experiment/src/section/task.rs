//! What a network learns to say about an image, and the loss that measures it.

use crate::value::choice;

choice! {
    /// What a network learns to say about an image.
    #[derive(Default)]
    pub enum Task {
        /// One class out of several.
        #[default]
        Classification = "classification",
        /// Each of several labels, or not.
        Multilabel = "multilabel",
        /// One or several numbers.
        Regression = "regression",
    }
}

choice! {
    /// How far an answer is from the label.
    pub enum Loss {
        /// Of one class out of several, or the mean over labels, each by itself.
        CrossEntropy = "cross_entropy",
        /// Mean of the squared differences.
        MeanSquaredError = "mean_squared_error",
        /// Mean of the absolute differences.
        MeanAbsoluteError = "mean_absolute_error",
        /// Half the square of a difference up to `huber_delta`, beyond it a straight line (Huber 1964).
        Huber = "huber",
    }
}

impl Task {
    /// The loss of a head that names none.
    #[must_use]
    pub fn loss(self) -> Loss {
        match self {
            Self::Classification | Self::Multilabel => Loss::CrossEntropy,
            Self::Regression => Loss::MeanSquaredError,
        }
    }
}
