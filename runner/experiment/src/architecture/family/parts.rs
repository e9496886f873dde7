//! What the blocks of many families are made of.

use super::definition::Classifier;
use crate::architecture::builder::Builder;
use crate::architecture::imagenet;
use crate::architecture::layer::LayerId;
use crate::architecture::op::{Activation, Convolution, Op, Padding};
use crate::section::dataset::Preprocessing;

/// The layer of Keras's networks whose outputs are ImageNet's classes.
const PREDICTIONS: &str = "predictions";

/// The classifier of most of Keras's networks.
pub(super) const fn keras_top(side: usize, preprocessing: Preprocessing) -> Classifier {
    Classifier {
        image_size: [side, side],
        preprocessing,
        layer: PREDICTIONS,
        build: |_, net| {
            net.push("avg_pool", Op::GlobalAveragePool);
            net.dense(PREDICTIONS, 1000, Activation::Softmax);
        },
        classes: imagenet::classes,
    }
}

/// torchvision's classifier of one layer behind a dropout.
pub(super) const TORCHVISION_TOP: Classifier = Classifier {
    image_size: [224, 224],
    preprocessing: Preprocessing::Torchvision,
    layer: "classifier.1",
    build: |_, net| {
        net.push("avgpool", Op::GlobalAveragePool);
        net.dense("classifier.1", 1000, Activation::Softmax);
    },
    classes: imagenet::classes,
};

/// A convolution without an activation of its own; it has a bias where it is told so.
pub(super) fn conv(channels: usize, kernel: usize, stride: usize) -> Convolution {
    Convolution {
        channels,
        kernel: [kernel, kernel],
        stride,
        padding: Padding::Around(kernel / 2),
        groups: 1,
        bias: false,
        activation: Activation::Linear,
    }
}

/// One filter per channel.
pub(super) fn depthwise(channels: usize, kernel: usize, stride: usize) -> Convolution {
    Convolution { groups: channels, ..conv(channels, kernel, stride) }
}

/// torchvision's `Conv2dNormActivation`: `<name>.0`, `<name>.1` and, where there is an activation,
/// `<name>.2`.
pub(super) fn unit(
    net: &mut Builder,
    name: &str,
    convolution: Convolution,
    norm: Op,
    activation: Option<Activation>,
) -> LayerId {
    net.push(format!("{name}.0"), Op::Convolution(convolution));
    let normed = net.push(format!("{name}.1"), norm);
    match activation {
        Some(activation) => net.push(format!("{name}.2"), Op::Activation(activation)),
        None => normed,
    }
}

/// torchvision's `SqueezeExcitation` (Hu et al. 2018): channels times what two small layers make of
/// their means.
pub(super) fn squeeze(
    net: &mut Builder,
    name: &str,
    squeezed: usize,
    [inner, gate]: [Activation; 2],
) {
    let input = net.current();
    let channels = net.shape(input).channels();
    let layer = |channels, activation| {
        Op::Convolution(Convolution { bias: true, activation, ..conv(channels, 1, 1) })
    };
    net.push(format!("{name}.avgpool"), Op::GlobalAveragePool);
    net.push(format!("{name}.fc1"), layer(squeezed, inner));
    let gate = net.push(format!("{name}.fc2"), layer(channels, gate));
    net.join(format!("{name}.scale"), Op::Multiply, &[input, gate]);
}

/// A multiple of eight near a number of channels, at least nine tenths of it (torchvision's
/// `_make_divisible`).
pub(super) fn eighths(channels: usize) -> usize {
    let rounded = ((channels + 4) / 8 * 8).max(8);
    if 10 * rounded < 9 * channels { rounded + 8 } else { rounded }
}
