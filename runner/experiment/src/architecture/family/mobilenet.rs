//! MobileNet: Howard et al., "MobileNets: Efficient Convolutional Neural Networks for Mobile Vision
//! Applications" (2017), as Keras has it, with its names.

use super::definition::{Architecture, Classifier, Family};
use super::parts::{conv, depthwise};
use super::published::{Published, keras_unchecked};
use crate::architecture::builder::Builder;
use crate::architecture::imagenet;
use crate::architecture::op::{Activation, Convolution, Op, Padding};
use crate::section::dataset::Preprocessing;

/// Keras's MobileNet with alpha 1.
#[derive(Debug, Clone, Copy)]
pub struct Mobilenet;

const ARCHITECTURES: [Architecture; 1] = [Architecture {
    name: "mobilenet",
    about: "Keras's MobileNet: Howard et al. 2017, 13 depthwise-separable blocks.",
}];

/// Channels and stride of each block.
const BLOCKS: [(usize, usize); 13] = [
    (64, 1),
    (128, 2),
    (128, 1),
    (256, 2),
    (256, 1),
    (512, 2),
    (512, 1),
    (512, 1),
    (512, 1),
    (512, 1),
    (512, 1),
    (1024, 2),
    (1024, 1),
];

const NORM: Op = Op::BatchNorm { epsilon: 1e-3, momentum: 0.99, scale: true };
const RELU6: Op = Op::Activation(Activation::Relu6);

/// Keras's name of the 1×1 convolution that classifies.
const CONV_PREDS: &str = "conv_preds";

const CLASSIFIER: Classifier = Classifier {
    image_size: [224, 224],
    preprocessing: Preprocessing::Tensorflow,
    layer: CONV_PREDS,
    build: |_, net| {
        net.push("global_average_pooling2d", Op::GlobalAveragePool);
        net.dense(CONV_PREDS, 1000, Activation::Softmax);
    },
    classes: imagenet::classes,
};

/// Keras publishes no checksums of these files.
const PUBLISHED: [Published; 2] = [
    keras_unchecked(
        ("imagenet_mobilenet", "mobilenet", false),
        "mobilenet/mobilenet_1_0_224_tf_no_top.h5",
    ),
    keras_unchecked(
        ("imagenet_mobilenet_top", "mobilenet", true),
        "mobilenet/mobilenet_1_0_224_tf.h5",
    ),
];

impl Family for Mobilenet {
    fn name(&self) -> &'static str {
        "MobileNet"
    }

    fn architectures(&self) -> &'static [Architecture] {
        &ARCHITECTURES
    }

    fn base(&self, _: &str, net: &mut Builder) {
        net.block("conv1");
        let first = Convolution { padding: Padding::Same, ..conv(32, 3, 2) };
        normed(net, "conv1", first);
        for (number, (channels, stride)) in (1..).zip(BLOCKS) {
            net.block(&format!("block_{number}"));
            let mut padding = Padding::Same;
            if stride > 1 {
                padding = Padding::Valid;
                let zeros = Op::ZeroPadding { rows: [0, 1], columns: [0, 1] };
                net.push(format!("conv_pad_{number}"), zeros);
            }
            let within = net.shape(net.current()).channels();
            let filters = Convolution { padding, ..depthwise(within, 3, stride) };
            normed(net, &format!("conv_dw_{number}"), filters);
            normed(net, &format!("conv_pw_{number}"), conv(channels, 1, 1));
        }
    }

    fn classifier(&self) -> Option<Classifier> {
        Some(CLASSIFIER)
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
}

fn normed(net: &mut Builder, name: &str, convolution: Convolution) {
    net.push(name, Op::Convolution(convolution));
    net.push(format!("{name}_bn"), NORM);
    net.push(format!("{name}_relu"), RELU6);
}
