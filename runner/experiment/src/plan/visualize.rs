//! `[[visualize]]`: picture jobs.

use serde::Serialize;

use super::is_zero;
use crate::section::visualize::{
    Colors, Method, Of, Parametrization, Projection, Scale, SplitName,
};

/// `[[visualize]]`
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "job", rename_all = "lowercase")]
pub enum Visualize {
    /// Accuracy and loss over the epochs.
    Curves {
        /// Weight of the past in the moving average.
        smoothing: f64,
    },
    /// What layers answer to images.
    Activations(Activations),
    /// What filters respond to most.
    Filters(Filters),
    /// Heatmaps laid over the photo.
    Gradcam(Gradcam),
    /// How good heatmaps are.
    Faithfulness(Faithfulness),
    /// How often each class is taken for each.
    Confusion {
        /// Of which images.
        split: SplitName,
    },
    /// The images that the model is most confidently wrong about.
    Mistakes {
        /// Of which images.
        split: SplitName,
        /// How many.
        count: usize,
    },
    /// Images in the plane.
    Embedding {
        /// Of which images.
        split: SplitName,
        /// From many numbers to two.
        method: Projection,
        /// Neighbours of an image, with t-SNE.
        perplexity: f64,
    },
}

/// `job = "activations"`
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Activations {
    /// Image files.
    pub images: Vec<String>,
    /// Layer names.
    pub layers: Vec<String>,
    /// Tiles per row.
    pub images_per_row: usize,
    /// These alone, from 0; all where there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub channels: Vec<usize>,
    /// What the colours stand for.
    pub scale: Scale,
    /// From values to colours.
    pub colors: Colors,
}

/// `job = "filters"`
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Filters {
    /// Layer names.
    pub layers: Vec<String>,
    /// Filters per layer.
    pub count: usize,
    /// These, from 0, in place of the first ones.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<usize>,
    /// Height and width.
    pub size: usize,
    /// Per octave.
    pub steps: usize,
    /// In grey levels.
    pub step_size: f64,
    /// Pictures per row.
    pub images_per_row: usize,
    /// Filters at once.
    pub batch_size: usize,
    /// Pixels either way.
    pub jitter: usize,
    /// Weight of the total variation.
    #[serde(skip_serializing_if = "is_zero")]
    pub total_variation: f64,
    /// Sizes that the picture grows through.
    pub octaves: usize,
    /// What is climbed on.
    pub parametrization: Parametrization,
}

/// `job = "gradcam"`
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Gradcam {
    /// Image files.
    pub images: Vec<String>,
    /// Whose feature maps are weighted.
    pub layer: String,
    /// `predicted`, a class, or a number.
    pub target: String,
    /// How maps are made.
    pub methods: Vec<Method>,
    /// What is explained.
    pub of: Of,
    /// From values to colours.
    pub colors: Colors,
    /// Weight over the photo.
    pub alpha: f64,
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

/// `job = "faithfulness"`
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Faithfulness {
    /// Image files; test images where there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<String>,
    /// How many of these.
    pub count: usize,
    /// Whose feature maps are weighted.
    pub layer: String,
    /// How maps are made.
    pub methods: Vec<Method>,
    /// From the whole photo to nothing.
    pub steps: usize,
}

impl Visualize {
    /// The word that stands in the file.
    #[must_use]
    pub fn job(&self) -> &'static str {
        match self {
            Self::Curves { .. } => "curves",
            Self::Activations(_) => "activations",
            Self::Filters(_) => "filters",
            Self::Gradcam(_) => "gradcam",
            Self::Faithfulness(_) => "faithfulness",
            Self::Confusion { .. } => "confusion",
            Self::Mistakes { .. } => "mistakes",
            Self::Embedding { .. } => "embedding",
        }
    }
}
