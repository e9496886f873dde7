//! `[dataset]`: where the images are and how they are read.

use super::columns::ColumnsSection;
use super::division::DivisionSection;
use super::task::Task;
use crate::value::{Count, choice, section};

section! {
    /// Folders with one folder per class inside each, one per split or one that is divided; or a table.
    pub struct Dataset from DatasetSection {
        /// Folder of the training images.
        train: String [optional],
        /// Folder of the validation images, measured after every epoch.
        validation: String [optional],
        /// Folder of the test images, measured once at the end; without them there is no test
        /// score.
        test: String [optional],
        /// One folder for all images, in place of these three; `split` says how it is divided.
        path: String [optional],
        /// A table with one row per image, in place of folders: CSV, TSV, Parquet or JSON lines.
        table: String [optional],
        /// The folder that the paths in `table` start from. Default: the folder of the table.
        images: String [optional],
        /// What the columns of `table` are called.
        columns: ColumnsSection [computed optional],
        /// What stands between the labels of an image, where `table` has one column for all of them.
        separator: String [omit] = "|".to_owned(),
        /// The classes or labels that there are. Default: those of `table`, sorted.
        classes: Vec<String> [optional],
        /// What is learned: one class of several, any of several labels, or numbers. The last two need
        /// a `table`.
        task: Task [omit] = Task::Classification,
        /// How the images of `path`, or of `table`, are divided. Default: a fifth each for validation and test.
        split: DivisionSection [computed optional],
        /// Cross-validation: the images of `path` are divided into this many folds, and the file
        /// stands for as many runs, each with another fold as its test split.
        folds: Count [optional],
        /// Which of the folds, from 1, is the test split of this run. Without it the file stands for
        /// one run per fold.
        fold: Count [optional],
        /// Height and width that every image is resized to, each at least 32. Default: the
        /// architecture's, [150, 150] for VGG and `convnet`.
        image_size: Vec<i64> => [usize; 2] [computed] = [150, 150],
        /// From pixels to what the network sees. Default: what the architecture's weights were
        /// trained on; for VGG `rescale`, and `caffe` with `include_top`.
        preprocessing: Preprocessing [computed] = Preprocessing::Rescale,
        /// What to do about an image that cannot be read.
        on_bad_image: OnBadImage = OnBadImage::Fail,
        /// Precision of the frozen prefix's features, in the cache and in training.
        feature_precision: FeaturePrecision = FeaturePrecision::F32,
    }
}

choice! {
    /// From pixels (0 to 255, RGB) to what the network sees.
    pub enum Preprocessing {
        /// x / 255: the textbook's `ImageDataGenerator(rescale=1./255)`.
        Rescale = "rescale",
        /// BGR minus the ImageNet mean: Keras's `vgg16.preprocess_input`, what VGG16 was trained on.
        Caffe = "caffe",
        /// (x / 255 - mean) / standard deviation per channel: torchvision's ImageNet weights.
        Torchvision = "torchvision",
        /// x / 127.5 - 1: Keras's `preprocess_input` of MobileNet, Inception and Xception (mode
        /// "tf").
        Tensorflow = "tensorflow",
        /// (x - 127) / 128: what EfficientNet-Lite was trained on.
        EfficientnetLite = "efficientnet_lite",
    }
}

/// Mean of ImageNet's blue, green, red (Keras's `imagenet_utils`, mode "caffe").
pub const CAFFE_MEAN: [f32; 3] = [103.939, 116.779, 123.68];
/// torchvision's ImageNet statistics of red, green, blue, on a scale of 0 to 1.
pub const TORCH_MEAN: [f32; 3] = [0.485, 0.456, 0.406];
/// Its deviations.
pub const TORCH_DEVIATION: [f32; 3] = [0.229, 0.224, 0.225];

/// A preprocessing as what every channel is less and over: (x - mean) / deviation of levels from 0
/// to 255.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Channels {
    /// Whether blue comes first.
    pub reversed: bool,
    /// In the order of the channels.
    pub mean: [f32; 3],
    /// In the order of the channels.
    pub deviation: [f32; 3],
}

impl Preprocessing {
    /// What it does to each channel.
    #[must_use]
    pub fn channels(self) -> Channels {
        let (mean, deviation) = match self {
            Self::Rescale => ([0.0; 3], [255.0; 3]),
            Self::Caffe => (CAFFE_MEAN, [1.0; 3]),
            Self::Torchvision => {
                (TORCH_MEAN.map(|mean| mean * 255.0), TORCH_DEVIATION.map(|d| d * 255.0))
            }
            Self::Tensorflow => ([127.5; 3], [127.5; 3]),
            Self::EfficientnetLite => ([127.0; 3], [128.0; 3]),
        };
        Channels { reversed: self == Self::Caffe, mean, deviation }
    }
}

choice! {
    /// Precision of features.
    pub enum FeaturePrecision {
        /// As they are computed.
        F32 = "f32",
        /// Rounded to 16 bits: half the space on disk, eleven significant bits.
        F16 = "f16",
    }
}

choice! {
    /// What to do about an image that cannot be read.
    pub enum OnBadImage {
        /// Stop before training and name every bad image.
        Fail = "fail",
        /// Leave them out and list them in the run.
        Skip = "skip",
    }
}

impl DatasetSection {
    /// What is learned.
    #[must_use]
    pub fn task(&self) -> Task {
        self.task.as_ref().map(|task| task.value).unwrap_or_default()
    }
}

impl Dataset {
    /// Whether the images are given as one, and divided by what they are.
    #[must_use]
    pub fn is_divided(&self) -> bool {
        self.split.is_some()
    }
}
