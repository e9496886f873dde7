//! `[augmentation]`: Keras's `ImageDataGenerator`.

use crate::value::{BelowOne, Factors, NonNegative, Zoom, choice, section};

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
        /// Zoom of height and width, each on its own: a number z means 1 - z to 1 + z, below 1
        /// comes closer. Default: 0.
        zoom: Zoom,
        /// Mirror half of the images left to right. Default: false.
        horizontal_flip: bool,
        /// Mirror half of the images top to bottom. Default: false.
        vertical_flip: bool,
        /// Factors between which brightness is drawn, such as [0.8, 1.2]. Default: none.
        brightness: Factors,
        /// Added to every pixel, by up to this many grey levels either way. Default: 0.
        channel_shift: NonNegative,
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
