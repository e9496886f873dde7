//! What the images of a split are labelled with, and how much each counts.

use runner_data::scan::ScannedSplit;
use runner_experiment::listing::Target;

/// One label and one weight per image.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Labels {
    /// What each image is labelled with.
    pub targets: Vec<Target>,
    /// How much each counts in training.
    pub weights: Vec<f64>,
}

impl Labels {
    /// Those of a split.
    #[must_use]
    pub fn of(split: &ScannedSplit) -> Self {
        Self {
            targets: split.images.iter().map(|image| image.target.clone()).collect(),
            weights: split.images.iter().map(|image| image.weight).collect(),
        }
    }

    /// Of images that all count the same.
    #[must_use]
    pub fn even(targets: Vec<Target>) -> Self {
        Self { weights: vec![1.0; targets.len()], targets }
    }

    /// How many images there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.targets.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.targets.is_empty()
    }
}
