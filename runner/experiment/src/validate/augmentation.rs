//! `[augmentation]`: nothing happens that the file does not ask for.

use crate::plan::{Augmentation, RandAugment};
use crate::section::augmentation::{AugmentationSection, Fill};

use super::get;

pub(super) fn resolve(section: &AugmentationSection) -> Augmentation {
    let count = |number: i64| usize::try_from(number).unwrap_or(1);
    let randaugment = section.randaugment.as_ref().map(|table| RandAugment {
        operations: get(&table.value.operations).map_or(2, |n| count(n.0)),
        magnitude: get(&table.value.magnitude).map_or(9.0, |x| x.0),
    });
    Augmentation {
        rotation: get(&section.rotation).map_or(0.0, |x| x.0),
        width_shift: get(&section.width_shift).map_or(0.0, |x| x.0),
        height_shift: get(&section.height_shift).map_or(0.0, |x| x.0),
        shear: get(&section.shear).map_or(0.0, |x| x.0),
        zoom: get(&section.zoom).map_or([1.0, 1.0], |x| x.0),
        horizontal_flip: get(&section.horizontal_flip).unwrap_or(false),
        vertical_flip: get(&section.vertical_flip).unwrap_or(false),
        brightness: get(&section.brightness).map(|x| x.0),
        channel_shift: get(&section.channel_shift).map_or(0.0, |x| x.0),
        fill: get(&section.fill).unwrap_or(Fill::Nearest),
        random_resized_crop: get(&section.random_resized_crop).map(|x| x.0),
        contrast: get(&section.contrast).map(|x| x.0),
        saturation: get(&section.saturation).map(|x| x.0),
        hue: get(&section.hue).map_or(0.0, |x| x.0),
        erasing: get(&section.erasing).map_or(0.0, |x| x.0),
        mixup: get(&section.mixup).map(|x| x.0),
        cutmix: get(&section.cutmix).map(|x| x.0),
        views: get(&section.views).map(|n| count(n.0)),
        randaugment,
    }
}
