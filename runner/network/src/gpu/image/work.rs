//! What a kernel is compiled for: all that stays the same from batch to batch.

use runner_experiment::plan::Augmentation;
use runner_experiment::section::augmentation::Fill;
use runner_experiment::section::dataset::Preprocessing;

/// Which changes an image can get; how strong each is stands in its recipe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Steps {
    /// Pixels move other than by flips.
    pub(super) warp: bool,
    pub(super) channel_shift: bool,
    pub(super) brightness: bool,
    pub(super) contrast: bool,
    pub(super) saturation: bool,
    pub(super) hue: bool,
    pub(super) erase: bool,
}

impl Steps {
    pub(super) fn of(settings: &Augmentation) -> Self {
        let shifts = [settings.width_shift, settings.height_shift];
        let turns = [settings.rotation, settings.shear];
        Self {
            warp: shifts.iter().chain(&turns).any(|most| *most > 0.0)
                || settings.zoom != [1.0, 1.0]
                || settings.random_resized_crop.is_some(),
            channel_shift: settings.channel_shift > 0.0,
            brightness: settings.brightness.is_some(),
            contrast: settings.contrast.is_some(),
            saturation: settings.saturation.is_some(),
            hue: settings.hue > 0.0,
            erase: settings.erasing > 0.0,
        }
    }
}

/// Parts of each image that are summed up side by side.
pub(super) const PARTS: u32 = 512;
/// Values that are known of an image, or of a part of it.
pub(super) const CHANNELS: u32 = 3;

/// The constants of a kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Work {
    pub(super) height: u32,
    pub(super) width: u32,
    /// Bytes from one image to the next.
    pub(super) stride: u32,
    pub(super) steps: Steps,
    pub(super) fill: Fill,
    /// Grey levels as they are where there is none.
    pub(super) preprocessing: Option<Preprocessing>,
    /// Whether the images of a batch are mixed.
    pub(super) mixed: bool,
}

impl Work {
    /// Bytes of an image on the host.
    pub(super) fn bytes(&self) -> usize {
        [self.height, self.width, 3].into_iter().map(|factor| factor as usize).product()
    }
}
