//! The convnets as data: layer names, kinds, output shapes, parameter counts.
//!
//! Keras's names everywhere (`block5_conv3`). Sources: Simonyan & Zisserman, "Very Deep
//! Convolutional Networks for Large-Scale Image Recognition" (2014), table 1, configurations A, B, D
//! and E; the textbook's small convnet, Chollet, "Deep Learning with Python", listing 5.5.

pub mod imagenet;
mod stack;

use std::fmt;

use crate::section::model::{ArchitectureName, Pooling};
use stack::Stack;

/// What comes out of a layer, per image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A feature map.
    Map {
        /// Rows.
        height: usize,
        /// Columns.
        width: usize,
        /// Channels.
        channels: usize,
    },
    /// A vector of this many values.
    Vector(usize),
}

impl Shape {
    /// How many values that is.
    #[must_use]
    pub fn elements(self) -> usize {
        match self {
            Self::Map { height, width, channels } => height * width * channels,
            Self::Vector(length) => length,
        }
    }

    /// The last dimension: channels of a map, length of a vector.
    #[must_use]
    pub fn channels(self) -> usize {
        match self {
            Self::Map { channels, .. } => channels,
            Self::Vector(length) => length,
        }
    }
}

/// Keras's order: `(height, width, channels)` or `(length)`.
impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Map { height, width, channels } => write!(f, "({height}, {width}, {channels})"),
            Self::Vector(length) => write!(f, "({length})"),
        }
    }
}

/// What follows a dense layer's sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// max(x, 0).
    Relu,
    /// 1 / (1 + exp(-x)): the one unit of a classifier for two classes.
    Sigmoid,
    /// exp(x) over its sum: a classifier for more classes.
    Softmax,
}

/// What a layer does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum LayerKind {
    /// 3×3, stride 1, with bias, followed by ReLU.
    Convolution {
        /// Zeros around the map: 1 keeps its size, 0 takes two rows and columns.
        padding: usize,
    },
    /// 2×2 maximum, stride 2; an odd last row or column is dropped.
    MaxPool,
    /// Every value, in the order height, width, channel.
    Flatten,
    /// The mean of each channel.
    GlobalAveragePool,
    /// The maximum of each channel.
    GlobalMaxPool,
    /// Fully connected, with bias.
    Dense(Activation),
    /// Zeroes this share of the values while training, and scales up the rest.
    Dropout(f64),
}

impl LayerKind {
    /// Keras's class name.
    #[must_use]
    pub fn keras_name(self) -> &'static str {
        match self {
            Self::Convolution { .. } => "Conv2D",
            Self::MaxPool => "MaxPooling2D",
            Self::Flatten => "Flatten",
            Self::GlobalAveragePool => "GlobalAveragePooling2D",
            Self::GlobalMaxPool => "GlobalMaxPooling2D",
            Self::Dense(_) => "Dense",
            Self::Dropout(_) => "Dropout",
        }
    }

    /// Whether the layer has a kernel and a bias.
    #[must_use]
    pub fn has_parameters(self) -> bool {
        matches!(self, Self::Convolution { .. } | Self::Dense(_))
    }

    /// Whether the layer makes feature maps of feature maps.
    #[must_use]
    pub fn is_of_maps(self) -> bool {
        matches!(self, Self::Convolution { .. } | Self::MaxPool)
    }
}

/// One layer of a network.
#[derive(Debug, Clone, PartialEq)]
pub struct Layer {
    /// Keras's name, `block5_conv3`.
    pub name: String,
    /// The block it belongs to, `block5`; empty where there are no blocks.
    pub block: String,
    /// Whether it belongs to the conv base.
    pub base: bool,
    /// What it does.
    pub kind: LayerKind,
    /// What comes in.
    pub input: Shape,
    /// What comes out.
    pub output: Shape,
}

impl Layer {
    /// Kernel and bias together.
    #[must_use]
    pub fn parameters(&self) -> usize {
        match self.kind {
            LayerKind::Convolution { .. } => {
                9 * self.input.channels() * self.output.channels() + self.output.channels()
            }
            LayerKind::Dense(_) => (self.input.channels() + 1) * self.output.channels(),
            _ => 0,
        }
    }
}

/// The dense layers behind the conv base.
#[derive(Debug, Clone, PartialEq)]
pub enum Top<'a> {
    /// Nothing: the base alone.
    None,
    /// The published ImageNet classifier: fc1, fc2, predictions.
    Imagenet,
    /// A head of one's own.
    Head {
        /// How the last feature map becomes a vector.
        pooling: Pooling,
        /// Units of the hidden layers.
        hidden: &'a [usize],
        /// Share of units dropped.
        dropout: f64,
        /// How many classes; two are one sigmoid unit.
        classes: usize,
    },
}

/// The image is too small for the network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an image of {height}x{width} is too small: nothing would be left after `{layer}`")]
pub struct TooSmall {
    /// The layer that would be empty.
    pub layer: String,
    /// Rows of the image.
    pub height: usize,
    /// Columns of the image.
    pub width: usize,
}

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
    let mut stack = Stack::new(image_size);
    match name {
        ArchitectureName::Convnet => stack.convnet()?,
        ArchitectureName::Vgg11 => stack.vgg([1, 1, 2, 2, 2])?,
        ArchitectureName::Vgg13 => stack.vgg([2, 2, 2, 2, 2])?,
        ArchitectureName::Vgg16 => stack.vgg([2, 2, 3, 3, 3])?,
        ArchitectureName::Vgg19 => stack.vgg([2, 2, 4, 4, 4])?,
    }
    match top {
        Top::None => {}
        Top::Imagenet => stack.imagenet_top(),
        Top::Head { pooling, hidden, dropout, classes } => {
            stack.head(*pooling, hidden, *dropout, *classes);
        }
    }
    Ok(stack.into_layers())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn total(layers: &[Layer]) -> usize {
        layers.iter().map(Layer::parameters).sum()
    }

    fn vgg16(size: usize, top: &Top<'_>) -> Vec<Layer> {
        layers(ArchitectureName::Vgg16, [size, size], top).unwrap_or_default()
    }

    #[test]
    fn parameter_counts_are_keras_summary() {
        assert_eq!(total(&vgg16(150, &Top::None)), 14_714_688);
        assert_eq!(total(&vgg16(224, &Top::Imagenet)), 138_357_544);
        // Keras: VGG19(); torchvision: vgg11(), vgg13().
        let others = [
            (ArchitectureName::Vgg11, 132_863_336),
            (ArchitectureName::Vgg13, 133_047_848),
            (ArchitectureName::Vgg19, 143_667_240),
        ];
        for (name, parameters) in others {
            let layers = layers(name, [224, 224], &Top::Imagenet).unwrap_or_default();
            assert_eq!(total(&layers), parameters, "{name}");
        }
        let head =
            Top::Head { pooling: Pooling::Flatten, hidden: &[256], dropout: 0.5, classes: 2 };
        let full = vgg16(150, &head);
        assert_eq!(total(&full), 16_812_353, "the textbook's conv_base + Dense(256) + Dense(1)");
        assert_eq!(full.iter().filter(|layer| layer.kind.has_parameters()).count() * 2, 30);
    }

    #[test]
    fn shapes_are_the_textbooks() {
        let base = vgg16(150, &Top::None);
        let last = base.last().map(|layer| layer.output.to_string());
        assert_eq!(last.as_deref(), Some("(4, 4, 512)"));
        let head =
            Top::Head { pooling: Pooling::Flatten, hidden: &[512], dropout: 0.0, classes: 2 };
        let convnet = layers(ArchitectureName::Convnet, [150, 150], &head).unwrap_or_default();
        assert_eq!(total(&convnet), 3_453_121, "listing 5.5");
    }

    #[test]
    fn an_image_can_be_too_small_for_the_convnet() {
        assert_eq!(vgg16(32, &Top::None).len(), 18);
        let refused = layers(ArchitectureName::Convnet, [32, 32], &Top::None);
        assert_eq!(refused.err().map(|e| e.layer), Some("conv4".to_owned()));
    }
}
