//! `[augmentation]`: random changes to training images.

use serde::Serialize;

use super::is_zero;
use crate::section::augmentation::Fill;

/// `[augmentation]`
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Augmentation {
    /// Degrees either way.
    pub rotation: f64,
    /// Fraction of the width.
    pub width_shift: f64,
    /// Fraction of the height.
    pub height_shift: f64,
    /// Degrees.
    pub shear: f64,
    /// Factors of height and width, each drawn between these.
    pub zoom: [f64; 2],
    /// Mirror half of the images left to right.
    pub horizontal_flip: bool,
    /// Mirror half of the images top to bottom.
    pub vertical_flip: bool,
    /// Brightness is multiplied by a factor between these.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub brightness: Option<[f64; 2]>,
    /// Grey levels either way.
    pub channel_shift: f64,
    /// What stands where the warp has no image.
    pub fill: Fill,
    /// Shares of the area, between which that of the part that is shown is drawn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub random_resized_crop: Option<[f64; 2]>,
    /// Contrast is multiplied by a factor between these.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contrast: Option<[f64; 2]>,
    /// Saturation is multiplied by a factor between these.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub saturation: Option<[f64; 2]>,
    /// Fraction of the colour circle either way.
    #[serde(skip_serializing_if = "is_zero")]
    pub hue: f64,
    /// Probability that a rectangle becomes one colour.
    #[serde(skip_serializing_if = "is_zero")]
    pub erasing: f64,
    /// α of the share with which two images are mixed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mixup: Option<f64>,
    /// α of the area that comes from another image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cutmix: Option<f64>,
    /// How many changes per image are drawn once and kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub views: Option<usize>,
    /// Operations from a list of fourteen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub randaugment: Option<RandAugment>,
}

/// Nothing happens.
impl Default for Augmentation {
    fn default() -> Self {
        Self {
            rotation: 0.0,
            width_shift: 0.0,
            height_shift: 0.0,
            shear: 0.0,
            zoom: [1.0, 1.0],
            horizontal_flip: false,
            vertical_flip: false,
            brightness: None,
            channel_shift: 0.0,
            fill: Fill::Nearest,
            random_resized_crop: None,
            contrast: None,
            saturation: None,
            hue: 0.0,
            erasing: 0.0,
            mixup: None,
            cutmix: None,
            views: None,
            randaugment: None,
        }
    }
}

/// `randaugment = { … }`
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct RandAugment {
    /// How many per image.
    pub operations: usize,
    /// How strong, of 30.
    pub magnitude: f64,
}
