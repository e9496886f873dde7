//! How heatmaps are made.

use crate::value::choice;

choice! {
    /// How a heatmap is made.
    pub enum Method {
        /// Feature maps weighted by their mean gradients (Selvaraju et al. 2016).
        Gradcam = "gradcam",
        /// Weighted by gradients where they are positive (Chattopadhay et al. 2017).
        Gradcamplusplus = "gradcam++",
        /// Multiplied by their gradients place by place (Draelos & Carin 2020).
        Hirescam = "hirescam",
        /// The same with only the positive gradients (Jiang et al. 2021).
        Layercam = "layercam",
        /// Weighted by the score of the photo seen through them, without gradients (Wang et al.
        /// 2019).
        Scorecam = "scorecam",
        /// The first principal component of the feature maps (Muhammad & Yeasin 2020).
        Eigencam = "eigencam",
        /// The gradient of the photo (Simonyan et al. 2013).
        Saliency = "saliency",
        /// Its mean over copies with noise (Smilkov et al. 2017).
        Smoothgrad = "smoothgrad",
        /// The gradient of the photo, cut off below zero at every ReLU (Springenberg et al. 2014).
        GuidedBackpropagation = "guided_backpropagation",
        /// Guided backpropagation times Grad-CAM (Selvaraju et al. 2016).
        GuidedGradcam = "guided_gradcam",
        /// The gradient along the way from black to the photo (Sundararajan et al. 2017).
        IntegratedGradients = "integrated_gradients",
        /// Drop of the score where a grey square hides the photo (Zeiler & Fergus 2013).
        Occlusion = "occlusion",
    }
}

impl Method {
    /// Whether the map is a sum of a layer's feature maps, each with its weight.
    #[must_use]
    pub fn sums_feature_maps(self) -> bool {
        match self {
            Self::Gradcam
            | Self::Gradcamplusplus
            | Self::Hirescam
            | Self::Layercam
            | Self::Scorecam
            | Self::Eigencam => true,
            Self::Saliency
            | Self::Smoothgrad
            | Self::GuidedBackpropagation
            | Self::GuidedGradcam
            | Self::IntegratedGradients
            | Self::Occlusion => false,
        }
    }

    /// Whether the map depends on which layer is looked at.
    #[must_use]
    pub fn looks_at_a_layer(self) -> bool {
        self.sums_feature_maps() || self == Self::GuidedGradcam
    }
}
