//! `[dataset]`: where the images are and how they are read.

use crate::value::{choice, section};

section! {
    /// Folders with one folder per class inside each.
    #[derive(Eq)]
    pub struct Dataset from DatasetSection {
        /// Folder of the training images.
        train: String [optional],
        /// Folder of the validation images, measured after every epoch.
        validation: String [optional],
        /// Folder of the test images, measured once at the end; without them there is no test
        /// score.
        test: String [optional],
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
