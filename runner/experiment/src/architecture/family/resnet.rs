//! ResNet: He et al., "Deep Residual Learning for Image Recognition" (2015), as torchvision has it:
//! version 1.5, in which the 3×3 convolution of a bottleneck has the stride. Names are torchvision's.

use super::definition::{Architecture, Classifier, Family};
use super::parts::conv;
use super::published::{Published, torchvision};
use crate::architecture::builder::Builder;
use crate::architecture::imagenet;
use crate::architecture::op::{Activation, Convolution, Op, Padding, Pooling};
use crate::section::dataset::Preprocessing;

/// ResNet-18, 34, 50, 101 and 152.
#[derive(Debug, Clone, Copy)]
pub struct Resnet;

const ARCHITECTURES: [Architecture; 5] = [
    Architecture { name: "resnet50", about: "torchvision's ResNet-50 v1.5: He et al. 2015." },
    Architecture { name: "resnet18", about: "torchvision's ResNet-18: 8 blocks of two 3x3." },
    Architecture { name: "resnet34", about: "torchvision's ResNet-34: 16 blocks of two 3x3." },
    Architecture { name: "resnet101", about: "torchvision's ResNet-101 v1.5: 33 bottlenecks." },
    Architecture { name: "resnet152", about: "torchvision's ResNet-152 v1.5: 50 bottlenecks." },
];

/// Blocks of each stage, and whether they are bottlenecks.
fn blocks(architecture: &str) -> ([usize; 4], bool) {
    match architecture {
        "resnet18" => ([2, 2, 2, 2], false),
        "resnet34" => ([3, 4, 6, 3], false),
        "resnet101" => ([3, 4, 23, 3], true),
        "resnet152" => ([3, 8, 36, 3], true),
        _ => ([3, 4, 6, 3], true),
    }
}

/// torchvision's momentum of 0.1 is the share of the new.
const NORM: Op = Op::BatchNorm { epsilon: 1e-5, momentum: 0.9, scale: true };
const RELU: Op = Op::Activation(Activation::Relu);

const CLASSIFIER: Classifier = Classifier {
    image_size: [224, 224],
    preprocessing: Preprocessing::Torchvision,
    layer: "fc",
    build: |_, net| {
        net.push("avgpool", Op::GlobalAveragePool);
        net.dense("fc", 1000, Activation::Softmax);
    },
    classes: imagenet::classes,
};

/// torchvision's newest weights (`IMAGENET1K_V2` where there are two).
const PUBLISHED: [Published; 10] = [
    torchvision(("imagenet_resnet18", "resnet18", false), "resnet18-f37072fd.pth", "f37072fd"),
    torchvision(("imagenet_resnet18_top", "resnet18", true), "resnet18-f37072fd.pth", "f37072fd"),
    torchvision(("imagenet_resnet34", "resnet34", false), "resnet34-b627a593.pth", "b627a593"),
    torchvision(("imagenet_resnet34_top", "resnet34", true), "resnet34-b627a593.pth", "b627a593"),
    torchvision(("imagenet_resnet50", "resnet50", false), "resnet50-11ad3fa6.pth", "11ad3fa6"),
    torchvision(("imagenet_resnet50_top", "resnet50", true), "resnet50-11ad3fa6.pth", "11ad3fa6"),
    torchvision(("imagenet_resnet101", "resnet101", false), "resnet101-cd907fc2.pth", "cd907fc2"),
    torchvision(
        ("imagenet_resnet101_top", "resnet101", true),
        "resnet101-cd907fc2.pth",
        "cd907fc2",
    ),
    torchvision(("imagenet_resnet152", "resnet152", false), "resnet152-f82ba261.pth", "f82ba261"),
    torchvision(
        ("imagenet_resnet152_top", "resnet152", true),
        "resnet152-f82ba261.pth",
        "f82ba261",
    ),
];

impl Family for Resnet {
    fn name(&self) -> &'static str {
        "ResNet"
    }

    fn architectures(&self) -> &'static [Architecture] {
        &ARCHITECTURES
    }

    fn base(&self, architecture: &str, net: &mut Builder) {
        let (counts, bottleneck) = blocks(architecture);
        net.block("stem");
        net.push("conv1", Op::Convolution(conv(64, 7, 2)));
        net.push("bn1", NORM);
        net.push("relu", RELU);
        let window = Pooling { size: [3, 3], stride: 2, padding: Padding::Around(1) };
        net.push("maxpool", Op::MaxPool(window));
        for (index, (count, width)) in counts.into_iter().zip([64, 128, 256, 512]).enumerate() {
            let stage = format!("layer{}", index + 1);
            net.stage(&stage);
            for number in 0..count {
                let name = format!("{stage}.{number}");
                net.block(&name);
                let stride = if index > 0 && number == 0 { 2 } else { 1 };
                block(net, &name, width, stride, bottleneck);
            }
        }
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
}

/// Convolutions with their normalizations, plus what came in.
fn block(net: &mut Builder, name: &str, width: usize, stride: usize, bottleneck: bool) {
    let entrance = net.current();
    let (plan, channels): (Vec<Convolution>, usize) = match bottleneck {
        true => (vec![conv(width, 1, 1), conv(width, 3, stride), conv(4 * width, 1, 1)], 4 * width),
        false => (vec![conv(width, 3, stride), conv(width, 3, 1)], width),
    };
    let last = plan.len();
    let mut straight = entrance;
    for (number, convolution) in (1..).zip(plan) {
        net.push(format!("{name}.conv{number}"), Op::Convolution(convolution));
        straight = net.push(format!("{name}.bn{number}"), NORM);
        if number < last {
            net.push(format!("{name}.relu{number}"), RELU);
        }
    }
    let is_same = stride == 1 && net.shape(entrance).channels() == channels;
    net.go_back(entrance);
    let shortcut = match is_same {
        true => entrance,
        false => {
            let convolution = Op::Convolution(conv(channels, 1, stride));
            net.push(format!("{name}.downsample.0"), convolution);
            net.push(format!("{name}.downsample.1"), NORM)
        }
    };
    net.join(format!("{name}.add"), Op::Add, &[straight, shortcut]);
    net.push(format!("{name}.relu"), RELU);
}
