//! `[augmentation]`: Keras's `ImageDataGenerator`.

use crate::value::{BelowOne, NonNegative, choice, section};

section! {
    /// Random changes to training images, for stages with `augment = true`: one affine warp per
    /// image, with the meaning of Keras's `ImageDataGenerator`.
    pub struct AugmentationSection {
        /// Rotation by up to this many degrees either way. Default: 0.
        rotation: NonNegative,
        /// Shift by up to this fraction of the width. Default: 0.
        width_shift: BelowOne,
        /// Shift by up to this fraction of the height. Default: 0.
        height_shift: BelowOne,
        /// Shear by up to this angle in degrees (Keras's `shear_range`). Default: 0.
        shear: NonNegative,
        /// Zoom between 1 - zoom and 1 + zoom. Default: 0.
        zoom: BelowOne,
        /// Mirror half of the images. Default: false.
        horizontal_flip: bool,
        /// What stands where the warp has no image. Default: `nearest`.
        fill: Fill,
    }
}

choice! {
    /// What stands where the warp has no image.
    pub enum Fill {
        /// The nearest pixel of the image.
        Nearest = "nearest",
        /// Black.
        Constant = "constant",
        /// The image mirrored.
        Reflect = "reflect",
        /// The image repeated.
        Wrap = "wrap",
    }
}
