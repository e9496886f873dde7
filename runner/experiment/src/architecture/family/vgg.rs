//! VGG: Simonyan & Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition"
//! (2014), table 1, configurations A, B, D and E. Layers have Keras's names.

use super::definition::{Architecture, BOOK, Classifier, Family, Place};
use super::published::{Published, keras, torchvision};
use super::sequential;
use crate::architecture::builder::Builder;
use crate::architecture::imagenet;
use crate::architecture::layer::Layer;
use crate::architecture::op::{Activation, Op, Padding};
use crate::section::dataset::Preprocessing;

/// VGG11, VGG13, VGG16 and VGG19.
#[derive(Debug, Clone, Copy)]
pub struct Vgg;

const ARCHITECTURES: [Architecture; 4] = [
    Architecture {
        name: "vgg16",
        about: "Simonyan & Zisserman 2014, configuration D: 13 convolutions in five blocks.",
    },
    Architecture { name: "vgg11", about: "Configuration A: 8 convolutions." },
    Architecture { name: "vgg13", about: "Configuration B: 10 convolutions." },
    Architecture { name: "vgg19", about: "Configuration E: 16 convolutions." },
];

/// Convolutions of each block.
fn blocks(architecture: &str) -> [usize; 5] {
    match architecture {
        "vgg11" => [1, 1, 2, 2, 2],
        "vgg13" => [2, 2, 2, 2, 2],
        "vgg19" => [2, 2, 4, 4, 4],
        _ => [2, 2, 3, 3, 3],
    }
}

const CHANNELS: [usize; 5] = [64, 128, 256, 512, 512];

/// The layer whose outputs are ImageNet's classes.
const PREDICTIONS: &str = "predictions";

pub(super) const CLASSIFIER: Classifier = Classifier {
    image_size: [224, 224],
    preprocessing: Preprocessing::Caffe,
    layer: PREDICTIONS,
    build: |_, net| {
        net.push("flatten", Op::Flatten);
        net.dense("fc1", 4096, Activation::Relu);
        net.dense("fc2", 4096, Activation::Relu);
        net.dense(PREDICTIONS, 1000, Activation::Softmax);
    },
    classes: imagenet::classes,
};

/// With the checksums of `keras/src/applications/vgg{16,19}.py`; torchvision's names carry theirs.
/// Keras has neither VGG11 nor VGG13.
const PUBLISHED: [Published; 8] = [
    Published {
        tensors: Some("da46141cadb0c3dde8685c3ead9017d680b6467c8f1f088ab289b0e51f696b7e"),
        ..keras(
            ("imagenet", "vgg16", false),
            "vgg16/vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5",
            "6d6bbae143d832006294945121d1f1fc",
        )
    },
    keras(
        ("imagenet_top", "vgg16", true),
        "vgg16/vgg16_weights_tf_dim_ordering_tf_kernels.h5",
        "64373286793e3c8b2b4e3219cbf3544b",
    ),
    keras(
        ("imagenet_vgg19", "vgg19", false),
        "vgg19/vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5",
        "253f8cb515780f3b799900260a226db6",
    ),
    keras(
        ("imagenet_vgg19_top", "vgg19", true),
        "vgg19/vgg19_weights_tf_dim_ordering_tf_kernels.h5",
        "cbe5617147190e668d6c5d5026f83318",
    ),
    torchvision(("imagenet_vgg11", "vgg11", false), "vgg11-8a719046.pth", "8a719046"),
    torchvision(("imagenet_vgg11_top", "vgg11", true), "vgg11-8a719046.pth", "8a719046"),
    torchvision(("imagenet_vgg13", "vgg13", false), "vgg13-19584684.pth", "19584684"),
    torchvision(("imagenet_vgg13_top", "vgg13", true), "vgg13-19584684.pth", "19584684"),
];

impl Family for Vgg {
    fn name(&self) -> &'static str {
        "VGG"
    }

    fn architectures(&self) -> &'static [Architecture] {
        &ARCHITECTURES
    }

    fn base(&self, architecture: &str, net: &mut Builder) {
        base(architecture, net, |net, name, channels| {
            net.convolution(name, Padding::Same, channels);
        });
    }

    fn classifier(&self) -> Option<Classifier> {
        Some(CLASSIFIER)
    }

    fn published(&self) -> &'static [Published] {
        &PUBLISHED
    }

    /// The book's, which its numbers are compared with.
    fn preprocessing(&self) -> Preprocessing {
        Preprocessing::Rescale
    }

    /// The book's.
    fn image_size(&self) -> [usize; 2] {
        BOOK
    }

    fn place(&self, part: &str, next: &str) -> Option<Place> {
        place(part, next)
    }

    fn is_keras(&self) -> bool {
        true
    }

    fn is_sequential(&self) -> bool {
        true
    }

    fn exported(&self, layers: &[Layer], layer: &Layer) -> String {
        sequential::exported(layers, layer)
    }
}

/// Five blocks of convolutions, each followed by a pool. `push` makes a convolution of this name with
/// so many channels.
pub(super) fn base(
    architecture: &str,
    net: &mut Builder,
    push: impl Fn(&mut Builder, String, usize),
) {
    let blocks = blocks(architecture).into_iter().zip(CHANNELS).enumerate();
    for (index, (convolutions, channels)) in blocks {
        let block = format!("block{}", index + 1);
        net.block(&block);
        for number in 1..=convolutions {
            push(net, format!("{block}_conv{number}"), channels);
        }
        net.halve(format!("{block}_pool"));
    }
}

/// Where a component of a tensor's name leads, with the one after it.
pub(super) fn place(part: &str, next: &str) -> Option<Place> {
    let named = |name: &str| Some(Place::Named(name.to_owned()));
    match (part, next) {
        // torchvision's and timm's.
        ("features", module) => module.parse().ok().map(Place::Module),
        ("classifier", "0") | ("pre_logits", "fc1") => named("fc1"),
        ("classifier", "3") | ("pre_logits", "fc2") => named("fc2"),
        ("classifier", "6") | ("head", "fc") => named(PREDICTIONS),
        ("classifier", module) => module.parse::<usize>().ok().map(|_| Place::OtherTop),
        // Keras's.
        ("fc1" | "fc2" | PREDICTIONS, _) => named(part),
        _ if is_convolution(part) => named(part),
        _ => None,
    }
}

/// `block3_conv2`
fn is_convolution(part: &str) -> bool {
    let number = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    let halves = part.strip_prefix("block").and_then(|rest| rest.split_once("_conv"));
    halves.is_some_and(|(block, layer)| number(block) && number(layer))
}
