//! MobileNetV2: Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks" (2018), as
//! torchvision has it, with its names.

use super::definition::{Architecture, Classifier, Family};
use super::parts::{TORCHVISION_TOP, conv, depthwise, unit};
use super::published::{Published, torchvision};
use crate::architecture::builder::Builder;
use crate::architecture::op::{Activation, Op};

/// torchvision's MobileNetV2.
#[derive(Debug, Clone, Copy)]
pub struct MobilenetV2;

const ARCHITECTURES: [Architecture; 1] = [Architecture {
    name: "mobilenet_v2",
    about: "torchvision's MobileNetV2: Sandler et al. 2018, 17 inverted residuals.",
}];

/// Expansion, channels, repeats and first stride (table 2 of the paper).
pub(super) const BLOCKS: [[usize; 4]; 7] = [
    [1, 16, 1, 1],
    [6, 24, 2, 2],
    [6, 32, 3, 2],
    [6, 64, 4, 2],
    [6, 96, 3, 1],
    [6, 160, 3, 2],
    [6, 320, 1, 1],
];

const NORM: Op = Op::BatchNorm { epsilon: 1e-5, momentum: 0.9, scale: true };
const RELU6: Option<Activation> = Some(Activation::Relu6);

/// torchvision's `IMAGENET1K_V2`.
const PUBLISHED: [Published; 2] = [
    torchvision(
        ("imagenet_mobilenet_v2", "mobilenet_v2", false),
        "mobilenet_v2-7ebf99e0.pth",
        "7ebf99e0",
    ),
    torchvision(
        ("imagenet_mobilenet_v2_top", "mobilenet_v2", true),
        "mobilenet_v2-7ebf99e0.pth",
        "7ebf99e0",
    ),
];

impl Family for MobilenetV2 {
    fn name(&self) -> &'static str {
        "MobileNetV2"
    }

    fn architectures(&self) -> &'static [Architecture] {
        &ARCHITECTURES
    }

    fn base(&self, _: &str, net: &mut Builder) {
        net.block("features.0");
        unit(net, "features.0", conv(32, 3, 2), NORM, RELU6);
        let mut number = 1;
        for [expansion, channels, repeats, stride] in BLOCKS {
            for repeat in 0..repeats {
                let name = format!("features.{number}");
                net.block(&name);
                let stride = if repeat == 0 { stride } else { 1 };
                block(net, &name, [expansion, channels, stride]);
                number += 1;
            }
        }
        net.block("features.18");
        unit(net, "features.18", conv(1280, 1, 1), NORM, RELU6);
    }

    fn classifier(&self) -> Option<Classifier> {
        Some(TORCHVISION_TOP)
    }

    fn published(&self) -> &'static [Published] {
        &PUBLISHED
    }

    fn averages(&self) -> bool {
        true
    }
}

/// torchvision's `InvertedResidual`.
fn block(net: &mut Builder, name: &str, [expansion, channels, stride]: [usize; 3]) {
    let entrance = net.current();
    let within = net.shape(entrance).channels();
    let hidden = within * expansion;
    let mut number = 0;
    if expansion > 1 {
        unit(net, &format!("{name}.conv.0"), conv(hidden, 1, 1), NORM, RELU6);
        number += 1;
    }
    let filters = depthwise(hidden, 3, stride);
    unit(net, &format!("{name}.conv.{number}"), filters, NORM, RELU6);
    net.push(format!("{name}.conv.{}", number + 1), Op::Convolution(conv(channels, 1, 1)));
    let out = net.push(format!("{name}.conv.{}", number + 2), NORM);
    if stride == 1 && within == channels {
        net.join(format!("{name}.add"), Op::Add, &[entrance, out]);
    }
}
