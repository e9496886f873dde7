//! `[model]`: the conv base, its weights and the head.

use super::task::Loss;
pub use crate::architecture::name::ArchitectureName;
use crate::value::{BelowOne, Positive, Size, choice, section};

section! {
    /// The pretrained convnet and what stands on it.
    pub struct Model from ModelSection {
        /// Which convnet.
        architecture: ArchitectureName = ArchitectureName::default(),
        /// `imagenet`, `random`, an imported name, a file (.h5, .pth, .safetensors, .onnx), or
        /// `run:<run id>`. Default: `imagenet` (`random` for `convnet`).
        weights: String [computed],
        /// Whether the ImageNet classifier stands on the base; then there is no head and no stage.
        include_top: bool = false,
        /// What stands on the conv base; nothing with `include_top`.
        head: HeadSection [computed optional],
    }
}

section! {
    /// What stands on the conv base: pooling, hidden dense layers with dropout, the classifier.
    #[derive(serde::Deserialize)]
    pub struct Head from HeadSection {
        /// How the last feature map becomes a vector. Default: as the published classifier does it:
        /// `flatten` for VGG and `convnet`, `average` for all others.
        pooling: Pooling [computed] = Pooling::Flatten,
        /// Units of the hidden dense layers (ReLU), in order. Default: `[256]` (`convnet`: `[512]`).
        hidden: Vec<Size> [computed],
        /// Share of units dropped after each hidden layer (after the pooling where there is none),
        /// at least 0 and less than 1.
        dropout: BelowOne = 0.5,
        /// How far an answer is from the label. Default: `cross_entropy`, for numbers
        /// `mean_squared_error`.
        loss: Loss [computed optional],
        /// Where Huber's loss turns from a parabola into a straight line, in units of the label.
        /// Default: 1.
        huber_delta: Positive [computed optional],
    }
}

choice! {
    /// How the last feature map becomes a vector.
    pub enum Pooling {
        /// Every value, in Keras's order (height, width, channel).
        Flatten = "flatten",
        /// The mean of each channel.
        Average = "average",
        /// The maximum of each channel.
        Max = "max",
    }
}
