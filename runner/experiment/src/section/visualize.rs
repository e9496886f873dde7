//! `[[visualize]]`: one picture job.

use crate::value::{
    BelowOne, Count, Located, NonNegative, Positive, Share, Size, Whole, choice, section, tagged,
};

tagged! {
    /// A picture job.
    pub enum VisualizeSection by "job" {
        /// Accuracy and loss over the epochs.
        Curves(CurvesSection) = "curves",
        /// What layers answer to images.
        Activations(ActivationsSection) = "activations",
        /// What filters respond to most, by gradient ascent.
        Filters(FiltersSection) = "filters",
        /// Heatmaps of what a prediction rests on, laid over the photo.
        Gradcam(GradcamSection) = "gradcam",
        /// How well heatmaps say what a prediction rests on.
        Faithfulness(FaithfulnessSection) = "faithfulness",
        /// How often each class is taken for each.
        Confusion(ConfusionSection) = "confusion",
        /// The images that the model is most confidently wrong about.
        Mistakes(MistakesSection) = "mistakes",
        /// Images by what the penultimate layer makes of them, in the plane.
        Embedding(EmbeddingSection) = "embedding",
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
        images: Vec<Located<String>>,
        /// Layer names. Default: the first convolution of every block.
        layers: Vec<Located<String>>,
        /// Channels, from 0. Default: all.
        channels: Vec<Whole>,
        /// Tiles per row of the grid. Default: 16.
        images_per_row: Count,
        /// What the darkest and brightest colours stand for. Default: `channel`.
        scale: Scale,
        /// From values to colours. Default: `viridis`.
        colors: Colors,
    }
}

choice! {
    /// What the darkest and brightest colours of a tile stand for.
    pub enum Scale {
        /// Each channel its own: mean and two deviations either way, as in the textbook.
        Channel = "channel",
        /// Zero and the largest value of the whole layer.
        Layer = "layer",
    }
}

choice! {
    /// From values to colours.
    pub enum Colors {
        /// Matplotlib's.
        Viridis = "viridis",
        /// Matplotlib's.
        Magma = "magma",
        /// Matplotlib's.
        Inferno = "inferno",
        /// Matplotlib's.
        Plasma = "plasma",
        /// Google's.
        Turbo = "turbo",
        /// OpenCV's and MATLAB's.
        Jet = "jet",
        /// Black to white.
        Gray = "gray",
    }
}

section! {
    /// What filters respond to most, by gradient ascent in input space.
    pub struct FiltersSection {
        /// Which job.
        job: String,
        /// Layer names; with `include_top` also `predictions`, whose filters are the classes.
        /// Default: the first convolution of every block.
        layers: Vec<Located<String>>,
        /// Filters per layer, from the first. Default: 64.
        count: Count,
        /// These filters, from 0, in place of the first ones.
        filters: Vec<Whole>,
        /// Height and width of a picture. Default: 64, or 150 for a single filter.
        size: Size,
        /// Steps of gradient ascent (per octave). Default: 40.
        steps: Count,
        /// Length of a step, in grey levels. Default: 1 (`fourier`: 0.05).
        step_size: Positive,
        /// Pictures per row of the grid. Default: 8.
        images_per_row: Count,
        /// Filters at once. Default: 16.
        batch_size: Size,
        /// Moves the picture by up to this many pixels before each step. Default: 0.
        jitter: Whole,
        /// Weight of the total variation that is taken off the score. Default: 0.
        total_variation: NonNegative,
        /// Sizes that the picture grows through, each 1.4 times the last. Default: 1.
        octaves: Size,
        /// What is climbed on. Default: `pixels`.
        parametrization: Parametrization,
    }
}

choice! {
    /// What gradient ascent climbs on.
    pub enum Parametrization {
        /// Each value of each pixel, as in the textbook.
        Pixels = "pixels",
        /// Waves of decorrelated colours, by Adam (Olah et al. 2017): the whole picture moves
        /// together. `step_size` is then Adam's, by default 0.05, and `octaves` has no part in it.
        Fourier = "fourier",
    }
}

section! {
    /// Heatmaps of what a prediction rests on, laid over the photo.
    pub struct GradcamSection {
        /// Which job.
        job: String,
        /// Image files.
        #[schemars(required)]
        images: Vec<Located<String>>,
        /// The layer whose feature maps are weighted. Default: the last convolution.
        layer: String,
        /// `predicted`, a class name, or with `include_top` the number of a class. Default:
        /// `predicted`.
        target: String,
        /// How the map is made. Default: `["gradcam"]`.
        methods: Vec<Located<Method>>,
        /// What is explained. Default: `logit`.
        of: Of,
        /// From values to colours. Default: `jet`.
        colors: Colors,
        /// Weight of the heatmap over the photo. Default: 0.4.
        alpha: Share,
        /// Copies with noise that `smoothgrad` averages over. Default: 25.
        samples: Count,
        /// Deviation of that noise, as a share of the range of the input. Default: 0.15.
        noise: NonNegative,
        /// Steps of the sum that `integrated_gradients` is. Default: 50.
        steps: Count,
        /// Height and width of what `occlusion` hides, in pixels. Default: 30.
        window: Size,
        /// By how much it moves, in pixels. Default: 15.
        stride: Size,
    }
}

choice! {
    /// How a heatmap is made.
    pub enum Method {
        /// Feature maps weighted by their mean gradients (Selvaraju et al. 2016).
        Gradcam = "gradcam",
        /// Weighted by gradients where they are positive (Chattopadhay et al. 2017).
        Gradcamplusplus = "gradcam++",
        /// Multiplied by their gradients place by place (Draelos & Carin 2020).
        Hirescam = "hirescam",
        /// The same with positive gradients alone (Jiang et al. 2021).
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
        /// That, seen through Grad-CAM.
        GuidedGradcam = "guided_gradcam",
        /// The gradient along the way from black to the photo (Sundararajan et al. 2017).
        IntegratedGradients = "integrated_gradients",
        /// What is lost where a grey square hides the photo (Zeiler & Fergus 2013).
        Occlusion = "occlusion",
    }
}

choice! {
    /// What is explained.
    pub enum Of {
        /// What goes into the sigmoid or softmax; for the first of two classes its negative.
        Logit = "logit",
        /// What comes out of it, as in the textbook.
        Probability = "probability",
    }
}

section! {
    /// How well heatmaps say what a prediction rests on.
    pub struct FaithfulnessSection {
        /// Which job.
        job: String,
        /// Image files. Default: the first `count` test images, evenly from every class.
        images: Vec<Located<String>>,
        /// How many test images, where none are named. Default: 20.
        count: Count,
        /// The layer whose feature maps are weighted. Default: the last convolution.
        layer: String,
        /// How the maps are made. Default: all that weight feature maps.
        methods: Vec<Located<Method>>,
        /// Steps from the whole photo to nothing. Default: 20.
        steps: Count,
    }
}

section! {
    /// How often each class is taken for each.
    pub struct ConfusionSection {
        /// Which job.
        job: String,
        /// Of which images. Default: `test`, or `validation` where there are none.
        split: SplitName,
    }
}

section! {
    /// The images that the model is most confidently wrong about.
    pub struct MistakesSection {
        /// Which job.
        job: String,
        /// Of which images. Default: `test`, or `validation` where there are none.
        split: SplitName,
        /// How many. Default: 16.
        count: Count,
    }
}

section! {
    /// Images by what the penultimate layer makes of them, in the plane.
    pub struct EmbeddingSection {
        /// Which job.
        job: String,
        /// Of which images. Default: `test`, or `validation` where there are none.
        split: SplitName,
        /// From many numbers to two. Default: `pca`.
        method: Projection,
        /// With `tsne`: how many neighbours an image has, about. Default: 30.
        perplexity: Positive,
    }
}

choice! {
    /// From many numbers to two.
    pub enum Projection {
        /// Along the two directions in which images differ most (Pearson 1901).
        Pca = "pca",
        /// Neighbours stay neighbours (van der Maaten & Hinton 2008); at most 5,000 images.
        Tsne = "tsne",
    }
}

choice! {
    /// Images of the data set.
    pub enum SplitName {
        /// Those that are trained on.
        Train = "train",
        /// Those that every epoch is measured with.
        Validation = "validation",
        /// Those that the last model is measured with.
        Test = "test",
    }
}
