//! What layers do: operations with their properties, and the shapes that come out of them.
//!
//! Numbers mean what Keras means by them. Every match here and in `runner-network` names every
//! operation: a new one is a compile error wherever it matters.

use super::shape::Shape;

/// A function of each value alone; `Softmax` is one of all values of a vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// x
    Linear,
    /// max(x, 0)
    Relu,
    /// min(max(x, 0), 6) (MobileNet)
    Relu6,
    /// 1 / (1 + exp(-x)): the one unit of a classifier for two classes.
    Sigmoid,
    /// x · sigmoid(x), also called SiLU (Ramachandran et al. 2017)
    Swish,
    /// x · relu6(x + 3) / 6 (Howard et al. 2019)
    HardSwish,
    /// relu6(x + 3) / 6 (Howard et al. 2019)
    HardSigmoid,
    /// x · Φ(x), exact (Hendrycks & Gimpel 2016)
    Gelu,
    /// exp(x) over its sum: a classifier for more classes.
    Softmax,
}

/// What stands around a map before a window slides over it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Padding {
    /// Nothing.
    Valid,
    /// As much as leaves `ceil(size / stride)` rows and columns; the odd one goes to the bottom and
    /// the right (TensorFlow's).
    Same,
    /// This many rows and columns on either side (PyTorch's).
    Around(usize),
}

impl Padding {
    /// Rows or columns before and after `size` of them.
    #[must_use]
    pub fn amounts(self, size: usize, window: usize, stride: usize) -> [usize; 2] {
        match self {
            Self::Valid => [0, 0],
            Self::Around(count) => [count, count],
            Self::Same => {
                let last = (size.div_ceil(stride).max(1) - 1) * stride + window;
                let total = last.saturating_sub(size);
                [total / 2, total - total / 2]
            }
        }
    }

    /// How many places a window has along `size`; none where it does not fit.
    fn places(self, size: usize, window: usize, stride: usize) -> usize {
        let [before, after] = self.amounts(size, window, stride);
        match (size + before + after).checked_sub(window) {
            Some(room) if size > 0 => room / stride + 1,
            _ => 0,
        }
    }
}

/// A convolution; in each group of channels every output sees every input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Convolution {
    /// How many channels come out.
    pub channels: usize,
    /// Rows and columns of the kernel.
    pub kernel: [usize; 2],
    /// How far it moves.
    pub stride: usize,
    /// What stands around the map.
    pub padding: Padding,
    /// Groups of channels; as many as come in is a depthwise convolution.
    pub groups: usize,
    /// Whether something is added to each channel.
    pub bias: bool,
    /// What follows the sum.
    pub activation: Activation,
}

impl Convolution {
    /// 3×3 with stride 1, a bias and ReLU, as VGG has them.
    #[must_use]
    pub fn plain(channels: usize, padding: Padding) -> Self {
        Self {
            channels,
            kernel: [3, 3],
            stride: 1,
            padding,
            groups: 1,
            bias: true,
            activation: Activation::Relu,
        }
    }

    /// Zeros on every side, where the convolution is a 3×3 one with stride 1 over all channels.
    #[must_use]
    pub fn simple_padding(&self) -> Option<usize> {
        let simple = self.kernel == [3, 3] && self.stride == 1 && self.groups == 1;
        match self.padding {
            Padding::Valid | Padding::Around(0) if simple => Some(0),
            Padding::Same | Padding::Around(1) if simple => Some(1),
            _ => None,
        }
    }
}

/// A window that slides over each channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pooling {
    /// Rows and columns.
    pub size: [usize; 2],
    /// How far it moves.
    pub stride: usize,
    /// What stands around the map, and counts for nothing.
    pub padding: Padding,
}

impl Pooling {
    /// 2×2 with stride 2; an odd last row or column is dropped.
    pub const HALVES: Self = Self { size: [2, 2], stride: 2, padding: Padding::Valid };
}

/// What a layer does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Op {
    /// A convolution with its bias and activation.
    Convolution(Convolution),
    /// Each channel less its mean, over its deviation, scaled and moved (Ioffe & Szegedy 2015).
    BatchNorm {
        /// Added to the variance under the root.
        epsilon: f64,
        /// How much of the moving mean and variance is kept in each training step.
        momentum: f64,
        /// Whether the channels are scaled by factors of their own.
        scale: bool,
    },
    /// The values of a pixel or a vector less their mean, over their deviation, scaled and moved
    /// (Ba et al. 2016).
    LayerNorm {
        /// Added to the variance under the root.
        epsilon: f64,
    },
    /// Each channel times a factor that is learned (Touvron et al. 2021).
    LayerScale {
        /// What the factors start with.
        initial: f64,
    },
    /// The largest value of each window.
    MaxPool(Pooling),
    /// The mean of each window, of what lies inside of the map.
    AveragePool(Pooling),
    /// The mean of each channel.
    GlobalAveragePool,
    /// The maximum of each channel.
    GlobalMaxPool,
    /// The sum of its inputs.
    Add,
    /// Its inputs, channel after channel.
    Concatenate,
    /// The product of its inputs; a vector counts for every pixel.
    Multiply,
    /// Zeros around the map.
    ZeroPadding {
        /// Rows above and below.
        rows: [usize; 2],
        /// Columns left and right.
        columns: [usize; 2],
    },
    /// A function of each value.
    Activation(Activation),
    /// Every value, in the order height, width, channel.
    Flatten,
    /// Fully connected, with bias.
    Dense {
        /// How many values come out.
        units: usize,
        /// What follows the sum.
        activation: Activation,
    },
    /// Zeroes this share of the values while training, and scales up the rest.
    Dropout(f64),
}

impl Op {
    /// Keras's class name.
    #[must_use]
    pub fn keras_name(&self, input: Shape) -> &'static str {
        match self {
            Self::Convolution(Convolution { groups, .. })
                if *groups > 1 && *groups == input.channels() =>
            {
                "DepthwiseConv2D"
            }
            Self::Convolution(_) => "Conv2D",
            Self::BatchNorm { .. } => "BatchNormalization",
            Self::LayerNorm { .. } => "LayerNormalization",
            Self::LayerScale { .. } => "LayerScale",
            Self::MaxPool(_) => "MaxPooling2D",
            Self::AveragePool(_) => "AveragePooling2D",
            Self::GlobalAveragePool => "GlobalAveragePooling2D",
            Self::GlobalMaxPool => "GlobalMaxPooling2D",
            Self::Add => "Add",
            Self::Concatenate => "Concatenate",
            Self::Multiply => "Multiply",
            Self::ZeroPadding { .. } => "ZeroPadding2D",
            Self::Activation(Activation::Relu) => "ReLU",
            Self::Activation(_) => "Activation",
            Self::Flatten => "Flatten",
            Self::Dense { .. } => "Dense",
            Self::Dropout(_) => "Dropout",
        }
    }

    /// The shape of the output; a map without rows or columns is smaller than the window.
    /// Where all inputs have one shape, the first stands for them.
    #[must_use]
    pub fn output(&self, inputs: &[Shape]) -> Shape {
        let first = inputs.first().copied().unwrap_or(Shape::Vector(0));
        let [rows, columns] = first.size();
        let slid = |padding: Padding, window: [usize; 2], stride: usize, channels: usize| {
            let height = padding.places(rows, window[0], stride);
            let width = padding.places(columns, window[1], stride);
            Shape::Map { height, width, channels }
        };
        match self {
            Self::Convolution(conv) => slid(conv.padding, conv.kernel, conv.stride, conv.channels),
            Self::MaxPool(pool) | Self::AveragePool(pool) => {
                slid(pool.padding, pool.size, pool.stride, first.channels())
            }
            Self::GlobalAveragePool | Self::GlobalMaxPool => Shape::Vector(first.channels()),
            Self::Concatenate => {
                first.with_channels(inputs.iter().map(|input| input.channels()).sum())
            }
            Self::Multiply => inputs.iter().copied().max_by_key(|s| s.elements()).unwrap_or(first),
            Self::ZeroPadding { rows: [above, below], columns: [left, right] } => Shape::Map {
                height: rows + above + below,
                width: columns + left + right,
                channels: first.channels(),
            },
            Self::Flatten => Shape::Vector(first.elements()),
            Self::Dense { units, .. } => Shape::Vector(*units),
            Self::BatchNorm { .. }
            | Self::LayerNorm { .. }
            | Self::LayerScale { .. }
            | Self::Add
            | Self::Activation(_)
            | Self::Dropout(_) => first,
        }
    }

    /// What follows the sum of a layer with weights, or what the layer itself is.
    #[must_use]
    pub fn activation(&self) -> Option<Activation> {
        match self {
            Self::Convolution(Convolution { activation, .. })
            | Self::Dense { activation, .. }
            | Self::Activation(activation) => Some(*activation),
            Self::BatchNorm { .. }
            | Self::LayerNorm { .. }
            | Self::LayerScale { .. }
            | Self::MaxPool(_)
            | Self::AveragePool(_)
            | Self::GlobalAveragePool
            | Self::GlobalMaxPool
            | Self::Add
            | Self::Concatenate
            | Self::Multiply
            | Self::ZeroPadding { .. }
            | Self::Flatten
            | Self::Dropout(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paddings_are_tensorflows() {
        // tf.keras: Conv2D(1, 3, strides=2, padding="same") on 150 and 149 rows gives 75 each; the
        // first has 0 above and 1 below, the second 1 and 1.
        assert_eq!(Padding::Same.amounts(150, 3, 2), [0, 1]);
        assert_eq!(Padding::Same.amounts(149, 3, 2), [1, 1]);
        assert_eq!([150, 149].map(|size| Padding::Same.places(size, 3, 2)), [75, 75]);
        assert_eq!(Padding::Same.amounts(7, 2, 1), [0, 1]);
        assert_eq!(Padding::Around(3).places(224, 7, 2), 112, "ResNet's first convolution");
        assert_eq!(Padding::Valid.places(2, 3, 1), 0);
    }
}
