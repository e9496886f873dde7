//! `class_weights = …`: how much a training image of each class counts.

use std::collections::BTreeMap;

use serde::Serialize;

/// `class_weights = …`
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum ClassWeights {
    /// Images ÷ (classes × images of the class).
    Rule(Balanced),
    /// By the name of the class.
    Named(BTreeMap<String, f64>),
}

/// The word for weights that compensate for unequal numbers of images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Balanced {
    /// Images ÷ (classes × images of the class).
    Balanced,
}

impl ClassWeights {
    /// How much each label counts in an image that has it; of `images`, `counts` have each.
    #[must_use]
    pub fn positive(&self, labels: &[String], counts: &[usize], images: usize) -> Vec<f64> {
        match self {
            Self::Rule(Balanced::Balanced) => {
                let absent = |count: &usize| images.saturating_sub(*count).max(1) as f64;
                counts.iter().map(|count| absent(count) / (*count).max(1) as f64).collect()
            }
            Self::Named(_) => self.resolve(labels, counts),
        }
    }

    /// One weight per class, in the order of `classes`; `images` says how many each has.
    #[must_use]
    pub fn resolve(&self, classes: &[String], images: &[usize]) -> Vec<f64> {
        match self {
            Self::Rule(Balanced::Balanced) => {
                let all = images.iter().sum::<usize>() as f64;
                let share = all / classes.len().max(1) as f64;
                images.iter().map(|images| share / (*images).max(1) as f64).collect()
            }
            Self::Named(weights) => {
                classes.iter().map(|class| weights.get(class).copied().unwrap_or(1.0)).collect()
            }
        }
    }
}
