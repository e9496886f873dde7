//! `[[visualize]]`: one picture job.

pub use super::method::Method;
use crate::value::{
    BelowOne, Count, Located, NonNegative, Positive, Share, Size, Whole, choice, section, tagged,
};

tagged! {
    /// A picture job.
    pub enum Visualize from VisualizeSection by job {
        /// Accuracy and loss over the epochs.
        Curves(CurvesSection) = "curves",
        /// Activations of layers for images.
        Activations(ActivationsSection) = "activations",
        /// What filters respond to most, by gradient ascent.
        Filters(FiltersSection) = "filters",
        /// Heatmaps of what a prediction rests on, laid over the photo.
        Gradcam(GradcamSection) = "gradcam",
        /// How well heatmaps say what a prediction rests on.
        Faithfulness(FaithfulnessSection) = "faithfulness",
        /// How often each class is predicted as each other.
        Confusion(ConfusionSection) = "confusion",
        /// The images that the model is most wrong about.
        Mistakes(MistakesSection) = "mistakes",
        /// Images in the plane, by the output of the penultimate layer.
        Embedding(EmbeddingSection) = "embedding",
        /// Images whose label is probably wrong.
        Suspects(SuspectsSection) = "suspects",
    }
}

section! {
    /// Accuracy and loss over the epochs, raw and smoothed.
    pub struct Curves from CurvesSection {
        /// Weight of the past in the exponential moving average.
        smoothing: BelowOne = 0.8,
    }
}

section! {
    /// Activations of layers for images, one tile per channel.
    pub struct Activations from ActivationsSection
        listed [job, images, layers, channels]
    {
        /// Image files.
        images: Vec<Located<String>> [required],
        /// Layer names. Default: the first convolution of every block.
        layers: Vec<Located<String>> [computed],
        /// Tiles per row of the grid.
        images_per_row: Count = 16,
        /// Only these channels, counted from 0; an empty list means all.
        channels: Vec<Whole> [omit] = Vec::new(),
        /// What the darkest and brightest colours stand for.
        scale: Scale = Scale::Channel,
        /// From values to colours.
        colors: Colors = Colors::Viridis,
    }
}

choice! {
    /// What the darkest and brightest colours of a tile stand for.
    pub enum Scale {
        /// For each channel, its mean and two deviations either way, as in the textbook.
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
    pub struct Filters from FiltersSection {
        /// Layer names; with `include_top` also `predictions`, whose filters are the classes.
        /// Default: the first convolution of every block.
        layers: Vec<Located<String>> [computed],
        /// Filters per layer, from the first.
        count: Count = 64,
        /// These filters, from 0, in place of the first ones.
        filters: Vec<Whole> [omit] = Vec::new(),
        /// Height and width of a picture. Default: 64, or 150 for a single filter.
        size: Size [computed],
        /// Steps of gradient ascent (per octave).
        steps: Count = 40,
        /// Length of a step, in grey levels. Default: 1 (`fourier`: 0.05).
        step_size: Positive [computed],
        /// Pictures per row of the grid.
        images_per_row: Count = 8,
        /// Filters computed at once.
        batch_size: Size = 16,
        /// Moves the picture by up to this many pixels before each step.
        jitter: Whole = 0,
        /// Weight of the total variation that is taken off the score.
        total_variation: NonNegative [omit] = 0.0,
        /// Sizes that the picture grows through, each 1.4 times the last.
        octaves: Size = 1,
        /// What gradient ascent changes.
        parametrization: Parametrization = Parametrization::Pixels,
    }
}

choice! {
    /// What gradient ascent changes.
    pub enum Parametrization {
        /// Each value of each pixel, as in the textbook.
        Pixels = "pixels",
        /// Waves of decorrelated colours, by Adam (Olah et al. 2017): the whole picture moves
        /// together. `step_size` is then Adam's, by default 0.05, and `octaves` is ignored.
        Fourier = "fourier",
    }
}

section! {
    /// Heatmaps of what a prediction rests on, laid over the photo.
    pub struct Gradcam from GradcamSection {
        /// Image files.
        images: Vec<Located<String>> [required],
        /// The layer whose feature maps are weighted. Default: the last convolution.
        layer: String [computed],
        /// `predicted`, a class name, or with `include_top` the number of a class.
        target: String = "predicted".to_owned(),
        /// How the map is made.
        methods: Vec<Located<Method>> = vec![Method::Gradcam],
        /// What is explained.
        of: Of = Of::Logit,
        /// From values to colours.
        colors: Colors = Colors::Jet,
        /// Weight of the heatmap over the photo.
        alpha: Share = 0.4,
        /// Copies with noise that `smoothgrad` averages over.
        samples: Count = 25,
        /// Deviation of that noise, as a share of the range of the input.
        noise: NonNegative = 0.15,
        /// Steps of the sum that `integrated_gradients` is.
        steps: Count = 50,
        /// Height and width of what `occlusion` hides, in pixels.
        window: Size = 30,
        /// Distance between its positions, in pixels.
        stride: Size = 15,
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
    pub struct Faithfulness from FaithfulnessSection {
        /// Image files; without any, the first `count` test images, evenly from every class.
        images: Vec<Located<String>> [omit] = Vec::new(),
        /// How many test images, where none are named.
        count: Count = 20,
        /// The layer whose feature maps are weighted. Default: the last convolution.
        layer: String [computed],
        /// How the maps are made. Default: all that weight feature maps.
        methods: Vec<Located<Method>> [computed],
        /// Steps from the whole photo to nothing.
        steps: Count = 20,
    }
}

section! {
    /// The images of a job that takes those of a whole split.
    #[derive(Copy, Eq)]
    pub struct ImageSet from ImageSetSection {
        /// Of which images. Default: `test`, or `validation` where there are none.
        split: SplitName [computed] = SplitName::Test,
    }
}

section! {
    /// How often each class is predicted as each other.
    pub struct Confusion from ConfusionSection {
        /// The images.
        of: ImageSetSection [flat],
    }
}

section! {
    /// The images that the model is most wrong about: of classes the most confident mistakes, of labels
    /// those with the largest losses, of numbers those with the largest errors.
    pub struct Mistakes from MistakesSection {
        /// The images.
        of: ImageSetSection [flat],
        /// How many.
        count: Count = 16,
    }
}

section! {
    /// Images whose label is probably wrong, by a model that was not trained on it (confident learning,
    /// Northcutt, Jiang & Chuang 2021).
    pub struct Suspects from SuspectsSection {
        /// Of which images. Those of `train` are told by logistic regressions on what the frozen layers
        /// make of them, each on the other folds; those of `validation` and `test` by the run's model.
        split: SplitName = SplitName::Train,
        /// How many are drawn, the most suspicious first; the table has all.
        count: Count = 32,
        /// Into how many parts the training images are divided, each in turn left out.
        folds: Count = 5,
    }
}

section! {
    /// Images in the plane, by the output of the penultimate layer.
    pub struct Embedding from EmbeddingSection {
        /// The images.
        of: ImageSetSection [flat],
        /// The projection to two dimensions.
        method: Projection = Projection::Pca,
        /// With `tsne`: how many neighbours an image has, about.
        perplexity: Positive = 30.0,
    }
}

choice! {
    /// The projection to two dimensions.
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
