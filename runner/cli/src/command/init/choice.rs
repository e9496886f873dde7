//! What suits the photos at hand: architecture, image size, batch size, epochs. Rules of thumb, each
//! in one place.

use runner_experiment::architecture::ArchitectureName;
use runner_experiment::section::dataset::Preprocessing;
use runner_experiment::section::task::Task;

use super::folder::Photos;
use crate::fetch::published::all_published;
use crate::fetch::stored;

/// Whose weights are taken first where they are at hand: what is accurate for what it costs on a CPU.
const PREFERRED: [&str; 9] = [
    "efficientnet_lite0",
    "resnet50",
    "efficientnet_b0",
    "resnet18",
    "mobilenet_v2",
    "mobilenet_v3_large",
    "convnext_tiny",
    "resnet50_keras",
    "vgg16",
];

/// Smaller images are not enlarged beyond this, in pixels; less leaves the last feature map empty.
const SMALLEST_SIDE: usize = 96;

/// What is chosen.
#[derive(Debug)]
pub(super) struct Choice {
    pub(super) architecture: ArchitectureName,
    pub(super) weights: Weights,
    /// Height and width.
    pub(super) image_size: [usize; 2],
    /// What the weights were trained on, where the family's default is something else.
    pub(super) preprocessing: Option<Preprocessing>,
    pub(super) batch_size: usize,
    pub(super) epochs: usize,
    pub(super) patience: usize,
    /// Whether rare classes should count more.
    pub(super) balanced: bool,
}

/// Where the weights are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weights {
    /// In the cache.
    AtHand,
    /// To be fetched by this name.
    Published(&'static str),
}

impl Choice {
    /// What suits these photos.
    pub(super) fn of(photos: &Photos) -> Self {
        let (architecture, weights) = architecture();
        let family = architecture.family();
        let train = photos.to_train();
        // VGG's default is the textbook's; its weights were trained on something else.
        let trained_on = family.classifier().map(|classifier| classifier.preprocessing);
        let preprocessing = trained_on.filter(|trained_on| *trained_on != family.preprocessing());
        Self {
            architecture,
            weights,
            image_size: image_size(family.image_size(), photos.sizes()[1]),
            preprocessing,
            batch_size: match train {
                ..100 => 8,
                100..1_000 => 16,
                _ => 32,
            },
            epochs: match train {
                ..1_000 => 60,
                1_000..10_000 => 30,
                _ => 15,
            },
            patience: match train {
                ..1_000 => 10,
                1_000..10_000 => 5,
                _ => 3,
            },
            balanced: is_unbalanced(photos),
        }
    }
}

/// The first of the preferred ones whose weights are at hand, else any; else the one that has been
/// measured here and is among the smallest.
fn architecture() -> (ArchitectureName, Weights) {
    let here = |architecture: &str| {
        all_published()
            .filter(|published| published.architecture == architecture && !published.top)
            .any(|published| stored::place(published.name).is_file())
    };
    let preferred = PREFERRED.into_iter().filter_map(ArchitectureName::find);
    let found = preferred.chain(ArchitectureName::all()).find(|name| here(name.as_str()));
    let weights_of = |architecture: &str| {
        let mut published = all_published();
        published.find(|p| p.architecture == architecture && !p.top).map(|p| p.name)
    };
    match found {
        Some(found) => (found, Weights::AtHand),
        None => {
            let first = ArchitectureName::find(PREFERRED[0]).unwrap_or_default();
            let weights = weights_of(first.as_str()).unwrap_or("imagenet");
            (first, Weights::Published(weights))
        }
    }
}

/// What the weights were trained with; less where the photos are smaller, in steps of 32.
fn image_size(default: [usize; 2], median: [usize; 2]) -> [usize; 2] {
    let side = median[0].min(median[1]).div_ceil(32) * 32;
    default.map(|default| default.min(side.max(SMALLEST_SIDE)))
}

/// Whether the largest class has more than twice the images of the smallest.
fn is_unbalanced(photos: &Photos) -> bool {
    if photos.layout.task() != Task::Classification {
        return false;
    }
    let counts = (0..photos.classes.len()).map(|class| photos.counts(class)[0]);
    let (least, most) =
        counts.fold((usize::MAX, 0), |(least, most), count| (least.min(count), most.max(count)));
    most > 2 * least
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_photos_are_not_enlarged_much() {
        assert_eq!(image_size([224, 224], [600, 800]), [224, 224]);
        assert_eq!(image_size([224, 224], [100, 180]), [128, 128]);
        assert_eq!(image_size([224, 224], [28, 28]), [96, 96]);
    }
}
