//! `[model]`: the conv base, its weights and the head.

pub use crate::architecture::ArchitectureName;
use crate::value::{BelowOne, Size, choice, section};

section! {
    /// The pretrained convnet and what stands on it.
    pub struct ModelSection {
        /// Which convnet. Default: `vgg16`.
        architecture: ArchitectureName,
        /// `imagenet`, `random`, an imported name, a file (.h5, .pth, .safetensors, .onnx), or
        /// `run:<run id>`. Default: `imagenet` (`random` for `convnet`).
        weights: String,
        /// Whether the ImageNet classifier stands on the base; then there is no head and no stage.
        /// Default: false.
        include_top: bool,
        /// What stands on the conv base.
        head: HeadSection,
    }
}

section! {
    /// What stands on the conv base: pooling, hidden dense layers with dropout, the classifier.
    pub struct HeadSection {
        /// How the last feature map becomes a vector. Default: `flatten`.
        pooling: Pooling,
        /// Units of the hidden dense layers (ReLU), in order. Default: [256].
        hidden: Vec<Size>,
        /// Share of units dropped after each hidden layer (after the pooling where there is
        /// none), at least 0 and less than 1. Default: 0.5.
        dropout: BelowOne,
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
