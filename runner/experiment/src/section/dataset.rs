//! `[dataset]`: where the images are and how they are read.

use crate::value::{choice, section};

section! {
    /// Folders with one folder per class inside each.
    pub struct DatasetSection {
        /// Folder of the training images.
        train: String,
        /// Folder of the validation images, measured after every epoch.
        validation: String,
        /// Folder of the test images, measured once at the end. Default: none, and no test score.
        test: String,
        /// Height and width that every image is resized to, each at least 32. Default: [150, 150].
        image_size: Vec<i64>,
        /// From pixels to what the network sees. Default: `rescale`.
        preprocessing: Preprocessing,
        /// What to do about an image that cannot be read. Default: `fail`.
        on_bad_image: OnBadImage,
        /// Precision of the frozen prefix's features, in the cache and in training. Default: `f32`.
        feature_precision: FeaturePrecision,
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
        /// Go on without them and list them in the run.
        Skip = "skip",
    }
}
