//! `[augmentation]`: Keras's `ImageDataGenerator`, and what came after it.

use crate::value::{
    BelowOne, Factors, Magnitude, NonNegative, Positive, Share, Shares, Size, Zoom, choice, section,
};

section! {
    /// Random changes to training images, for stages with `augment = true`: one affine warp per
    /// image, with the meaning of Keras's `ImageDataGenerator`.
    pub struct Augmentation from AugmentationSection {
        /// Rotation by up to this many degrees either way.
        rotation: NonNegative = 0.0,
        /// Shift by up to this fraction of the width.
        width_shift: BelowOne = 0.0,
        /// Shift by up to this fraction of the height.
        height_shift: BelowOne = 0.0,
        /// Shear by up to this angle in degrees (Keras's `shear_range`).
        shear: NonNegative = 0.0,
        /// Zoom of height and width, drawn separately: a number z means 1 - z to 1 + z; below 1
        /// enlarges.
        zoom: Zoom = [1.0, 1.0],
        /// Mirror half of the images left to right.
        horizontal_flip: bool = false,
        /// Mirror half of the images top to bottom.
        vertical_flip: bool = false,
        /// Factors between which brightness is drawn, such as [0.8, 1.2].
        brightness: Factors [optional],
        /// Change of every pixel by up to this many grey levels either way.
        channel_shift: NonNegative = 0.0,
        /// How pixels outside the image are filled.
        fill: Fill = Fill::Nearest,
        /// Crops to between these shares of the area, with an aspect ratio of 3:4 to 4:3, and
        /// resizes the crop to the whole (Szegedy et al. 2014).
        random_resized_crop: Shares [optional],
        /// Factors between which contrast is drawn.
        contrast: Factors [optional],
        /// Factors between which saturation is drawn.
        saturation: Factors [optional],
        /// Turns the hue by up to this fraction of the colour circle either way.
        hue: Share [omit] = 0.0,
        /// Probability that a rectangle of 2 to 33% of the image becomes its mean colour (Zhong et
        /// al. 2017).
        erasing: Share [omit] = 0.0,
        /// Some operations drawn from fourteen (Cubuk et al. 2019).
        randaugment: RandAugmentSection [optional],
        /// Mixes the images of a batch in pairs; the share is drawn from Beta(a, a) (Zhang et al.
        /// 2017).
        mixup: Positive [optional],
        /// Puts a rectangle of one image of a batch into another; its area is drawn from Beta(a, a)
        /// (Yun et al. 2019). With `mixup` too, each batch gets one of the two.
        cutmix: Positive [optional],
        /// Draws this many augmented views per image once, caches their features, and uses them in
        /// turn: less variety for less time. Without this key every epoch draws new views.
        views: Size [optional],
    }
}

choice! {
    /// How pixels outside the image are filled.
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

section! {
    /// Some operations drawn from fourteen (Cubuk et al. 2019), as torchvision has them.
    #[derive(Copy)]
    pub struct RandAugment from RandAugmentSection {
        /// How many per image.
        operations: Size = 2,
        /// How strong, from 0 to 30.
        magnitude: Magnitude = 9.0,
    }
}
