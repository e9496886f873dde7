//! `[[visualize]]`: one picture job.

use crate::value::{BelowOne, Count, section, tagged};

tagged! {
    /// A picture job.
    pub enum VisualizeSection by "job" {
        /// Accuracy and loss over the epochs.
        Curves(CurvesSection) = "curves",
        /// What layers answer to images.
        Activations(ActivationsSection) = "activations",
        /// What filters respond to most, by gradient ascent.
        Filters(FiltersSection) = "filters",
        /// Grad-CAM heatmaps laid over the photo.
        Gradcam(GradcamSection) = "gradcam",
    }
}

section! {
    /// Accuracy and loss over the epochs, raw and smoothed.
    pub struct CurvesSection {
        /// Which job.
        job: String,
        /// Weight of the past in the exponential moving average. Default: 0.8.
        smoothing: BelowOne,
    }
}

section! {
    /// What layers answer to images, one tile per channel.
    pub struct ActivationsSection {
        /// Which job.
        job: String,
        /// Image files.
        #[schemars(required)]
        images: Vec<crate::value::Located<String>>,
        /// Layer names. Default: the first convolution of every block.
        layers: Vec<crate::value::Located<String>>,
        /// Tiles per row of the grid. Default: 16.
        images_per_row: Count,
    }
}

section! {
    /// What filters respond to most, by gradient ascent in input space.
    pub struct FiltersSection {
        /// Which job.
        job: String,
        /// Layer names. Default: the first convolution of every block.
        layers: Vec<crate::value::Located<String>>,
        /// Filters per layer, from the first. Default: 64.
        count: Count,
    }
}

section! {
    /// Grad-CAM heatmaps laid over the photo.
    pub struct GradcamSection {
        /// Which job.
        job: String,
        /// Image files.
        #[schemars(required)]
        images: Vec<crate::value::Located<String>>,
        /// The layer whose feature maps are weighted. Default: the last convolution.
        layer: String,
        /// `predicted` or a class name. Default: `predicted`.
        target: String,
    }
}
