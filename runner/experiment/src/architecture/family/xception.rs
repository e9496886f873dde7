//! Xception: Chollet, "Xception: Deep Learning with Depthwise Separable Convolutions" (2017), as Keras
//! has it, with its names. A separable convolution is two layers here, `block2_sepconv1.depthwise` and
//! `block2_sepconv1.pointwise`; `block2_sepconv1` stands for both.

use super::definition::{Architecture, Classifier, Family};
use super::parts::{conv, depthwise, keras_top};
use super::published::{Published, keras};
use crate::architecture::builder::Builder;
use crate::architecture::layer::{Layer, LayerId};
use crate::architecture::op::{Activation, Convolution, Op, Padding, Pooling};
use crate::section::dataset::Preprocessing;

/// Keras's Xception.
#[derive(Debug, Clone, Copy)]
pub struct Xception;

const ARCHITECTURES: [Architecture; 1] = [Architecture {
    name: "xception",
    about: "Keras's Xception: Chollet 2017, 34 separable convolutions in 14 blocks.",
}];

const NORM: Op = Op::BatchNorm { epsilon: 1e-3, momentum: 0.99, scale: true };
const RELU: Op = Op::Activation(Activation::Relu);

/// With the checksums of `keras/src/applications/xception.py`.
const PUBLISHED: [Published; 2] = [
    keras(
        ("imagenet_xception", "xception", false),
        "xception/xception_weights_tf_dim_ordering_tf_kernels_notop.h5",
        "b0042744bf5b25fce3cb969f33bebb97",
    ),
    keras(
        ("imagenet_xception_top", "xception", true),
        "xception/xception_weights_tf_dim_ordering_tf_kernels.h5",
        "0a58e3b7378bc2990ea3b43d5981f1f6",
    ),
];

impl Family for Xception {
    fn name(&self) -> &'static str {
        "Xception"
    }

    fn architectures(&self) -> &'static [Architecture] {
        &ARCHITECTURES
    }

    fn base(&self, _: &str, net: &mut Builder) {
        net.block("block1");
        for (number, channels, stride) in [(1, 32, 2), (2, 64, 1)] {
            let name = format!("block1_conv{number}");
            let valid = Convolution { padding: Padding::Valid, ..conv(channels, 3, stride) };
            net.push(&name, Op::Convolution(valid));
            net.push(format!("{name}_bn"), NORM);
            net.push(format!("{name}_act"), RELU);
        }
        for (number, channels) in [(2, 128), (3, 256), (4, 728)] {
            halving(net, number, number - 2, [channels, channels]);
        }
        for number in 5..13 {
            middle(net, number);
        }
        halving(net, 13, 3, [728, 1024]);
        net.block("block14");
        for (number, channels) in [(1, 1536), (2, 2048)] {
            let name = format!("block14_sepconv{number}");
            separable(net, &name, channels);
            net.push(format!("{name}_act"), RELU);
        }
    }

    fn classifier(&self) -> Option<Classifier> {
        Some(keras_top(299, Preprocessing::Tensorflow))
    }

    fn published(&self) -> &'static [Published] {
        &PUBLISHED
    }

    fn is_keras(&self) -> bool {
        true
    }

    fn averages(&self) -> bool {
        true
    }

    fn aliases(&self, layer: &Layer) -> Vec<String> {
        let kernel = [".depthwise", ".pointwise"].iter().any(|end| layer.name.ends_with(end));
        let keras = kernel.then(|| format!("{}_kernel", layer.name));
        std::iter::once(layer.name.clone()).chain(keras).collect()
    }

    fn is_numbered(&self) -> bool {
        true
    }
}

/// A separable convolution with its normalization.
fn separable(net: &mut Builder, name: &str, channels: usize) -> LayerId {
    let within = net.shape(net.current()).channels();
    net.push(format!("{name}.depthwise"), Op::Convolution(depthwise(within, 3, 1)));
    net.push(format!("{name}.pointwise"), Op::Convolution(conv(channels, 1, 1)));
    net.push(format!("{name}_bn"), NORM)
}

/// `conv2d_3` is the fourth that Keras gave no name.
fn numbered(class: &str, number: usize) -> String {
    if number == 0 { class.to_owned() } else { format!("{class}_{number}") }
}

/// Two separable convolutions and a pool, beside a convolution with stride 2. Block 2 begins without
/// ReLU: it follows one.
fn halving(net: &mut Builder, number: usize, shortcut: usize, channels: [usize; 2]) {
    let name = format!("block{number}");
    net.block(&name);
    let entrance = net.current();
    let strided = Convolution { padding: Padding::Same, ..conv(channels[1], 1, 2) };
    net.push(numbered("conv2d", shortcut), Op::Convolution(strided));
    let residual = net.push(numbered("batch_normalization", shortcut), NORM);
    net.go_back(entrance);
    for (index, channels) in (1..).zip(channels) {
        let name = format!("{name}_sepconv{index}");
        if number > 2 || index > 1 {
            net.push(format!("{name}_act"), RELU);
        }
        separable(net, &name, channels);
    }
    let window = Pooling { size: [3, 3], stride: 2, padding: Padding::Same };
    let pooled = net.push(format!("{name}_pool"), Op::MaxPool(window));
    // The last of these sums follows the eight of the middle.
    let sum = if number == 13 { 11 } else { shortcut };
    net.join(numbered("add", sum), Op::Add, &[pooled, residual]);
}

/// Three separable convolutions, plus what came in.
fn middle(net: &mut Builder, number: usize) {
    let name = format!("block{number}");
    net.block(&name);
    let entrance = net.current();
    let mut out = entrance;
    for index in 1..=3 {
        let name = format!("{name}_sepconv{index}");
        net.push(format!("{name}_act"), RELU);
        out = separable(net, &name, 728);
    }
    net.join(numbered("add", number - 2), Op::Add, &[out, entrance]);
}
