//! What a network says about images.

use std::path::PathBuf;

/// What the network says about one image.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// The file.
    pub path: PathBuf,
    /// The label beside what was predicted.
    pub answer: Answer,
    /// How far the two are apart.
    pub loss: f64,
    /// What comes out of the network: one per class, in sorted order, where their softmax is the
    /// probabilities; or one per label or number.
    pub logits: Vec<f64>,
    /// One per class or label; of numbers none.
    pub probabilities: Vec<f64>,
}

/// A label beside what was predicted.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// Indices of classes.
    Class {
        /// Its class.
        label: usize,
        /// The most probable class.
        predicted: usize,
    },
    /// Whether the image has each of the labels.
    Labels {
        /// Whether it has.
        labels: Vec<bool>,
        /// Whether that is more probable than not.
        predicted: Vec<bool>,
    },
    /// Numbers.
    Values {
        /// What they are.
        values: Vec<f64>,
        /// What the network says.
        predicted: Vec<f64>,
    },
}
