//! MobileNetV3: Howard et al., "Searching for MobileNetV3" (2019), as torchvision has it, with its
//! names.

use super::definition::{Architecture, Classifier, Family};
use super::parts::{conv, depthwise, eighths, squeeze, unit};
use super::published::{Published, torchvision};
use crate::architecture::builder::Builder;
use crate::architecture::imagenet;
use crate::architecture::op::{Activation, Op};
use crate::section::dataset::Preprocessing;

/// torchvision's MobileNetV3, small and large.
#[derive(Debug, Clone, Copy)]
pub struct MobilenetV3;

const SMALL: &str = "mobilenet_v3_small";
const LARGE: &str = "mobilenet_v3_large";

const ARCHITECTURES: [Architecture; 2] = [
    Architecture {
        name: SMALL,
        about: "torchvision's MobileNetV3 Small: Howard et al. 2019, 11 inverted residuals.",
    },
    Architecture { name: LARGE, about: "torchvision's MobileNetV3 Large: 15 inverted residuals." },
];

/// One inverted residual: kernel, expanded channels, channels, stride; whether it has squeeze and
/// excitation, and whether its activation is hard-swish.
type Row = ([usize; 4], bool, bool);

/// Table 2 of the paper.
const ROWS_OF_SMALL: [Row; 11] = [
    ([3, 16, 16, 2], true, false),
    ([3, 72, 24, 2], false, false),
    ([3, 88, 24, 1], false, false),
    ([5, 96, 40, 2], true, true),
    ([5, 240, 40, 1], true, true),
    ([5, 240, 40, 1], true, true),
    ([5, 120, 48, 1], true, true),
    ([5, 144, 48, 1], true, true),
    ([5, 288, 96, 2], true, true),
    ([5, 576, 96, 1], true, true),
    ([5, 576, 96, 1], true, true),
];

/// Table 1 of the paper.
const ROWS_OF_LARGE: [Row; 15] = [
    ([3, 16, 16, 1], false, false),
    ([3, 64, 24, 2], false, false),
    ([3, 72, 24, 1], false, false),
    ([5, 72, 40, 2], true, false),
    ([5, 120, 40, 1], true, false),
    ([5, 120, 40, 1], true, false),
    ([3, 240, 80, 2], false, true),
    ([3, 200, 80, 1], false, true),
    ([3, 184, 80, 1], false, true),
    ([3, 184, 80, 1], false, true),
    ([3, 480, 112, 1], true, true),
    ([3, 672, 112, 1], true, true),
    ([5, 672, 160, 2], true, true),
    ([5, 960, 160, 1], true, true),
    ([5, 960, 160, 1], true, true),
];

fn rows(architecture: &str) -> &'static [Row] {
    if architecture == LARGE { &ROWS_OF_LARGE } else { &ROWS_OF_SMALL }
}

/// torchvision's momentum of 0.01 is the share of the new.
const NORM: Op = Op::BatchNorm { epsilon: 1e-3, momentum: 0.99, scale: true };

const CLASSIFIER: Classifier = Classifier {
    image_size: [224, 224],
    preprocessing: Preprocessing::Torchvision,
    layer: "classifier.3",
    build: |architecture, net| {
        let hidden = if architecture == LARGE { 1280 } else { 1024 };
        net.push("avgpool", Op::GlobalAveragePool);
        net.dense("classifier.0", hidden, Activation::HardSwish);
        net.dense("classifier.3", 1000, Activation::Softmax);
    },
    classes: imagenet::classes,
};

/// torchvision's newest weights.
const PUBLISHED: [Published; 4] = [
    torchvision(
        ("imagenet_mobilenet_v3_small", SMALL, false),
        "mobilenet_v3_small-047dcff4.pth",
        "047dcff4",
    ),
    torchvision(
        ("imagenet_mobilenet_v3_small_top", SMALL, true),
        "mobilenet_v3_small-047dcff4.pth",
        "047dcff4",
    ),
    torchvision(
        ("imagenet_mobilenet_v3_large", LARGE, false),
        "mobilenet_v3_large-5c1a4163.pth",
        "5c1a4163",
    ),
    torchvision(
        ("imagenet_mobilenet_v3_large_top", LARGE, true),
        "mobilenet_v3_large-5c1a4163.pth",
        "5c1a4163",
    ),
];

impl Family for MobilenetV3 {
    fn name(&self) -> &'static str {
        "MobileNetV3"
    }

    fn architectures(&self) -> &'static [Architecture] {
        &ARCHITECTURES
    }

    fn base(&self, architecture: &str, net: &mut Builder) {
        let rows = rows(architecture);
        net.block("features.0");
        unit(net, "features.0", conv(16, 3, 2), NORM, Some(Activation::HardSwish));
        for (number, row) in (1..).zip(rows) {
            let name = format!("features.{number}");
            net.block(&name);
            block(net, &name, *row);
        }
        let name = format!("features.{}", rows.len() + 1);
        net.block(&name);
        let channels = 6 * net.shape(net.current()).channels();
        unit(net, &name, conv(channels, 1, 1), NORM, Some(Activation::HardSwish));
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

/// torchvision's `InvertedResidual`.
fn block(net: &mut Builder, name: &str, ([kernel, hidden, channels, stride], gated, hard): Row) {
    let activation = Some(if hard { Activation::HardSwish } else { Activation::Relu });
    let entrance = net.current();
    let within = net.shape(entrance).channels();
    let mut numbers = 0..;
    let mut next = || format!("{name}.block.{}", numbers.next().unwrap_or_default());
    if hidden != within {
        unit(net, &next(), conv(hidden, 1, 1), NORM, activation);
    }
    unit(net, &next(), depthwise(hidden, kernel, stride), NORM, activation);
    if gated {
        let gates = [Activation::Relu, Activation::HardSigmoid];
        squeeze(net, &next(), eighths(hidden / 4), gates);
    }
    let out = unit(net, &next(), conv(channels, 1, 1), NORM, None);
    if stride == 1 && within == channels {
        net.join(format!("{name}.add"), Op::Add, &[entrance, out]);
    }
}
