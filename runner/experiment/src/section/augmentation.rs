//! `[augmentation]`: Keras's `ImageDataGenerator`, and what came after it.

use crate::value::{
    BelowOne, Factors, Magnitude, NonNegative, Positive, Share, Shares, Size, Zoom, choice, section,
};

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
        /// Shows a part of the image with between these shares of its area, 3:4 to 4:3, stretched
        /// to the whole (Szegedy et al. 2014). Default: none.
        random_resized_crop: Shares,
        /// Factors between which contrast is drawn. Default: none.
        contrast: Factors,
        /// Factors between which saturation is drawn. Default: none.
        saturation: Factors,
        /// Turns the hue by up to this fraction of the colour circle either way. Default: 0.
        hue: Share,
        /// Probability that a rectangle of 2 to 33% of the image becomes its mean colour (Zhong et
        /// al. 2017). Default: 0.
        erasing: Share,
        /// Some operations drawn from fourteen (Cubuk et al. 2019). Default: none.
        randaugment: RandAugmentSection,
        /// Mixes the images of a batch in pairs; the share is drawn from Beta(a, a) (Zhang et al.
        /// 2017). Default: none.
        mixup: Positive,
        /// Puts a rectangle of one image of a batch into another; its area is drawn from Beta(a, a)
        /// (Yun et al. 2019). With `mixup` too, each batch gets one of the two. Default: none.
        cutmix: Positive,
        /// Draws this many changes per image once and for all, keeps what the frozen layers make of
        /// them, and takes them in turns: less variety for less time. Default: a new change in
        /// every epoch.
        views: Size,
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

section! {
    /// Some operations drawn from fourteen (Cubuk et al. 2019), as torchvision has them.
    pub struct RandAugmentSection {
        /// How many per image. Default: 2.
        operations: Size,
        /// How strong, from 0 to 30. Default: 9.
        magnitude: Magnitude,
    }
}
