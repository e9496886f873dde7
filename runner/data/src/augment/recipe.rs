//! What was drawn for one image, apart from doing it: the CPU applies it here, a GPU by kernels of
//! its own.

use std::borrow::Cow;

use runner_experiment::plan::Augmentation;
use runner_experiment::section::augmentation::Fill;
use runner_random::Stream;
use runner_record::Pixels;

use super::colour;
use super::erase::Rectangle;
use super::randaugment::{self, Step};
use super::warp::Change;

/// Every random decision about one image, in the order in which they are applied.
#[derive(Debug, Clone, PartialEq)]
pub struct Recipe {
    /// RandAugment's operations on bytes; they are always applied on the host.
    pub operations: Vec<Step>,
    /// What moves pixels, and brightness.
    pub change: Change,
    /// How pixels outside the image are filled.
    pub fill: Fill,
    /// Factor of the contrast.
    pub contrast: Option<f64>,
    /// Factor of the saturation.
    pub saturation: Option<f64>,
    /// The hue is turned by this share of the colour circle.
    pub hue: Option<f64>,
    /// What is erased.
    pub erase: Option<Rectangle>,
}

impl Recipe {
    /// Changes nothing.
    pub const NONE: Self = Self {
        operations: Vec::new(),
        change: Change::NONE,
        fill: Fill::Nearest,
        contrast: None,
        saturation: None,
        hue: None,
        erase: None,
    };

    /// Draws one for an image of `[height, width]`.
    #[must_use]
    pub fn draw(settings: &Augmentation, size: [usize; 2], stream: &mut Stream) -> Self {
        let change = Change::draw(settings, size, stream);
        let operations =
            settings.randaugment.map_or_else(Vec::new, |rule| randaugment::draw(rule, stream));
        let mut factor = |range: Option<[f64; 2]>| range.map(|range| stream.between(range));
        let (contrast, saturation) = (factor(settings.contrast), factor(settings.saturation));
        let hue = factor((settings.hue > 0.0).then_some([-settings.hue, settings.hue]));
        let erased = f64::from(stream.uniform()) < settings.erasing;
        let erase = if erased { Rectangle::draw(size, stream) } else { None };
        Self { operations, change, fill: settings.fill, contrast, saturation, hue, erase }
    }

    /// The image after RandAugment's operations: what everything else starts from.
    #[must_use]
    pub fn prepare<'a>(&self, pixels: &'a Pixels) -> Cow<'a, Pixels> {
        match self.operations.as_slice() {
            [] => Cow::Borrowed(pixels),
            operations => Cow::Owned(randaugment::apply(pixels, operations)),
        }
    }

    /// The changed image: grey levels `[height, width, 3]`.
    #[must_use]
    pub fn apply(&self, pixels: &Pixels) -> Vec<f32> {
        let mut levels = self.change.apply(&self.prepare(pixels), self.fill);
        if let Some(factor) = self.contrast {
            colour::contrast(&mut levels, factor);
        }
        if let Some(factor) = self.saturation {
            colour::saturation(&mut levels, factor);
        }
        if let Some(turn) = self.hue {
            colour::hue(&mut levels, turn);
        }
        if let Some(rectangle) = self.erase {
            rectangle.erase(&mut levels, pixels.width);
        }
        levels
    }
}
