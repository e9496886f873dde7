//! MobileNetV2 as Keras has it, with its names: other paddings, epsilon and momentum than
//! torchvision's.

use super::definition::{Architecture, Classifier, Family};
use super::mobilenet_v2::BLOCKS;
use super::parts::{conv, depthwise};
use super::published::{Published, keras_unchecked};
use crate::architecture::builder::Builder;
use crate::architecture::imagenet;
use crate::architecture::op::{Activation, Convolution, Op, Padding};
use crate::section::dataset::Preprocessing;

/// Keras's MobileNetV2 with alpha 1.
#[derive(Debug, Clone, Copy)]
pub struct MobilenetV2Keras;

const ARCHITECTURES: [Architecture; 1] = [Architecture {
    name: "mobilenet_v2_keras",
    about: "Keras's MobileNetV2: Sandler et al. 2018, 17 inverted residuals.",
}];

const NORM: Op = Op::BatchNorm { epsilon: 1e-3, momentum: 0.999, scale: true };
const RELU6: Op = Op::Activation(Activation::Relu6);

/// The layer whose outputs are ImageNet's classes.
const PREDICTIONS: &str = "predictions";

const CLASSIFIER: Classifier = Classifier {
    image_size: [224, 224],
    preprocessing: Preprocessing::Tensorflow,
    layer: PREDICTIONS,
    build: |_, net| {
        net.push("global_average_pooling2d", Op::GlobalAveragePool);
        net.dense(PREDICTIONS, 1000, Activation::Softmax);
    },
    classes: imagenet::classes,
};

/// Keras publishes no checksums of these files.
const PUBLISHED: [Published; 2] = [
    keras_unchecked(
        ("imagenet_mobilenet_v2_keras", "mobilenet_v2_keras", false),
        "mobilenet_v2/mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5",
    ),
    keras_unchecked(
        ("imagenet_mobilenet_v2_keras_top", "mobilenet_v2_keras", true),
        "mobilenet_v2/mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224.h5",
    ),
];

impl Family for MobilenetV2Keras {
    fn name(&self) -> &'static str {
        "Keras's MobileNetV2"
    }

    fn architectures(&self) -> &'static [Architecture] {
        &ARCHITECTURES
    }

    fn base(&self, _: &str, net: &mut Builder) {
        net.block("Conv1");
        let first = Convolution { padding: Padding::Same, ..conv(32, 3, 2) };
        net.push("Conv1", Op::Convolution(first));
        net.push("bn_Conv1", NORM);
        net.push("Conv1_relu", RELU6);
        let mut number = 0;
        for [expansion, channels, repeats, stride] in BLOCKS {
            for repeat in 0..repeats {
                let stride = if repeat == 0 { stride } else { 1 };
                block(net, number, [expansion, channels, stride]);
                number += 1;
            }
        }
        net.block("Conv_1");
        net.push("Conv_1", Op::Convolution(conv(1280, 1, 1)));
        net.push("Conv_1_bn", NORM);
        net.push("out_relu", RELU6);
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

/// `_inverted_res_block`
fn block(net: &mut Builder, number: usize, [expansion, channels, stride]: [usize; 3]) {
    let name = match number {
        0 => "expanded_conv".to_owned(),
        number => format!("block_{number}"),
    };
    net.block(&name);
    let entrance = net.current();
    let within = net.shape(entrance).channels();
    let hidden = within * expansion;
    if number > 0 {
        net.push(format!("{name}_expand"), Op::Convolution(conv(hidden, 1, 1)));
        net.push(format!("{name}_expand_BN"), NORM);
        net.push(format!("{name}_expand_relu"), RELU6);
    }
    let mut padding = Padding::Same;
    if stride > 1 {
        padding = Padding::Valid;
        let [rows, columns] = net.shape(net.current()).size().map(correct);
        net.push(format!("{name}_pad"), Op::ZeroPadding { rows, columns });
    }
    let filters = Convolution { padding, ..depthwise(hidden, 3, stride) };
    net.push(format!("{name}_depthwise"), Op::Convolution(filters));
    net.push(format!("{name}_depthwise_BN"), NORM);
    net.push(format!("{name}_depthwise_relu"), RELU6);
    net.push(format!("{name}_project"), Op::Convolution(conv(channels, 1, 1)));
    let out = net.push(format!("{name}_project_BN"), NORM);
    if stride == 1 && within == channels {
        net.join(format!("{name}_add"), Op::Add, &[entrance, out]);
    }
}

/// `imagenet_utils.correct_pad` for a 3×3 kernel.
fn correct(size: usize) -> [usize; 2] {
    [size % 2, 1]
}
