//! Networks as data: graphs of layers with names, operations, output shapes, parameter counts.
//!
//! A network is a list of layers in topological order, as Keras keeps it, each naming its inputs.
//! Keras's names everywhere (`block5_conv3`).
//!
//! | module | what |
//! |---|---|
//! | `shape` | what flows between layers |
//! | `op`, `parameter` | what layers do, and the parameters that they need for it |
//! | `layer` | one layer with its inputs |
//! | `builder` | puts layers together |
//! | `cuts` | where a network can be cut in two |
//! | `top` | what stands on a conv base |
//! | `family` | architectures that share code and names, one file each |
//! | `name` | the word for one of them in an experiment file |

mod builder;
pub mod cuts;
pub mod family;
pub mod imagenet;
pub(crate) mod layer;
pub(crate) mod name;
pub mod op;
mod parameter;
mod shape;
mod top;

pub use builder::{Builder, TooSmall};
pub use family::{Family, Place};
pub use layer::{Layer, LayerId};
pub use name::ArchitectureName;
pub use op::{Activation, Op, Padding};
pub use parameter::{FirstValues, ParameterSpec, Role};
pub use shape::Shape;
pub use top::{Top, output};

/// Every layer from the image to the classifier, with its shapes.
///
/// # Errors
///
/// [`TooSmall`] where a feature map would have no rows or columns.
pub fn layers(
    name: ArchitectureName,
    image_size: [usize; 2],
    top: &Top<'_>,
) -> Result<Vec<Layer>, TooSmall> {
    build(name.family(), name.as_str(), image_size, top)
}

/// The layer of this name; a block's, a stage's or a module's stands for its last layer.
#[must_use]
pub fn named<'a>(layers: &'a [Layer], name: &str) -> Option<&'a Layer> {
    let exact = layers.iter().find(|layer| layer.name == name);
    exact.or_else(|| layers.iter().rfind(|layer| layer.is_within(name)))
}

/// [`layers`] for an architecture of any family.
///
/// # Errors
///
/// [`TooSmall`] where a feature map would have no rows or columns.
pub fn build(
    family: &dyn Family,
    architecture: &str,
    image_size: [usize; 2],
    top: &Top<'_>,
) -> Result<Vec<Layer>, TooSmall> {
    let mut net = Builder::new(image_size);
    family.base(architecture, &mut net);
    net.end_base();
    match top {
        Top::None => {}
        Top::Imagenet => {
            if let Some(classifier) = family.classifier() {
                (classifier.build)(architecture, &mut net);
            }
        }
        Top::Head { pooling, hidden, dropout, output } => {
            top::head(&mut net, *pooling, hidden, *dropout, *output);
        }
    }
    net.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::section::model::Pooling;
    use crate::section::task::Task;

    fn named(name: &str) -> ArchitectureName {
        ArchitectureName::find(name).unwrap_or_default()
    }

    fn total(layers: &[Layer]) -> usize {
        layers.iter().map(Layer::parameters).sum()
    }

    fn vgg16(size: usize, top: &Top<'_>) -> Vec<Layer> {
        layers(named("vgg16"), [size, size], top).unwrap_or_default()
    }

    #[test]
    fn parameter_counts_are_keras_summary() {
        assert_eq!(total(&vgg16(150, &Top::None)), 14_714_688);
        assert_eq!(total(&vgg16(224, &Top::Imagenet)), 138_357_544);
        // Keras: VGG19(); torchvision: vgg11(), vgg13().
        let others = [
            (named("vgg11"), 132_863_336),
            (named("vgg13"), 133_047_848),
            (named("vgg19"), 143_667_240),
        ];
        for (name, parameters) in others {
            let layers = layers(name, [224, 224], &Top::Imagenet).unwrap_or_default();
            assert_eq!(total(&layers), parameters, "{name}");
        }
        let output = top::output(Task::Classification, 2);
        let head = Top::Head { pooling: Pooling::Flatten, hidden: &[256], dropout: 0.5, output };
        let full = vgg16(150, &head);
        assert_eq!(total(&full), 16_812_353, "the textbook's conv_base + Dense(256) + Dense(1)");
        assert_eq!(full.iter().filter(|layer| layer.has_parameters()).count() * 2, 30);
    }

    #[test]
    fn shapes_are_the_textbooks() {
        let base = vgg16(150, &Top::None);
        let last = base.last().map(|layer| layer.output.to_string());
        assert_eq!(last.as_deref(), Some("(4, 4, 512)"));
        let output = top::output(Task::Classification, 2);
        let head = Top::Head { pooling: Pooling::Flatten, hidden: &[512], dropout: 0.0, output };
        let convnet = layers(named("convnet"), [150, 150], &head).unwrap_or_default();
        assert_eq!(total(&convnet), 3_453_121, "listing 5.5");
    }

    #[test]
    fn an_image_can_be_too_small_for_the_convnet() {
        assert_eq!(vgg16(32, &Top::None).len(), 18);
        let refused = layers(named("convnet"), [32, 32], &Top::None);
        assert_eq!(refused.err().map(|e| e.layer), Some("conv4".to_owned()));
    }
}
