//! What a network says about images.

use std::path::PathBuf;

/// What the network says about one image.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// The file.
    pub path: PathBuf,
    /// Index of its class.
    pub label: usize,
    /// Index of the most probable class.
    pub predicted: usize,
    /// Cross-entropy.
    pub loss: f64,
    /// One per class, in sorted order; their softmax is the probabilities.
    pub logits: Vec<f64>,
    /// One per class, in sorted order.
    pub probabilities: Vec<f64>,
}
