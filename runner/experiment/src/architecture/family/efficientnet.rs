//! EfficientNet: Tan & Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks"
//! (2019), as torchvision has it, with its names. Its stochastic depth is left out: in inference it
//! does nothing, and fine-tuning here trains every block of every image.

use super::definition::{Architecture, Classifier, Family};
use super::parts::{TORCHVISION_TOP, conv, depthwise, squeeze, unit};
use super::published::{Published, torchvision};
use crate::architecture::builder::Builder;
use crate::architecture::op::{Activation, Op};

/// torchvision's EfficientNet-B0.
#[derive(Debug, Clone, Copy)]
pub struct Efficientnet;

const ARCHITECTURES: [Architecture; 1] = [Architecture {
    name: "efficientnet_b0",
    about: "torchvision's EfficientNet-B0: Tan & Le 2019, 16 inverted residuals.",
}];

/// Expansion, kernel, channels, repeats and first stride of each stage (table 1 of the paper).
pub(super) const STAGES: [[usize; 5]; 7] = [
    [1, 3, 16, 1, 1],
    [6, 3, 24, 2, 2],
    [6, 5, 40, 2, 2],
    [6, 3, 80, 3, 2],
    [6, 5, 112, 3, 1],
    [6, 5, 192, 4, 2],
    [6, 3, 320, 1, 1],
];

const NORM: Op = Op::BatchNorm { epsilon: 1e-5, momentum: 0.9, scale: true };
const SWISH: Option<Activation> = Some(Activation::Swish);

const PUBLISHED: [Published; 2] = [
    torchvision(
        ("imagenet_efficientnet_b0", "efficientnet_b0", false),
        "efficientnet_b0_rwightman-7f5810bc.pth",
        "7f5810bc",
    ),
    torchvision(
        ("imagenet_efficientnet_b0_top", "efficientnet_b0", true),
        "efficientnet_b0_rwightman-7f5810bc.pth",
        "7f5810bc",
    ),
];

impl Family for Efficientnet {
    fn name(&self) -> &'static str {
        "EfficientNet"
    }

    fn architectures(&self) -> &'static [Architecture] {
        &ARCHITECTURES
    }

    fn base(&self, _: &str, net: &mut Builder) {
        net.block("features.0");
        unit(net, "features.0", conv(32, 3, 2), NORM, SWISH);
        for (number, [expansion, kernel, channels, repeats, stride]) in (1..).zip(STAGES) {
            let stage = format!("features.{number}");
            net.stage(&stage);
            for repeat in 0..repeats {
                let name = format!("{stage}.{repeat}");
                net.block(&name);
                let stride = if repeat == 0 { stride } else { 1 };
                block(net, &name, [expansion, kernel, channels, stride]);
            }
        }
        net.stage("");
        net.block("features.8");
        unit(net, "features.8", conv(1280, 1, 1), NORM, SWISH);
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

/// torchvision's `MBConv`.
fn block(net: &mut Builder, name: &str, [expansion, kernel, channels, stride]: [usize; 4]) {
    let entrance = net.current();
    let within = net.shape(entrance).channels();
    let hidden = within * expansion;
    let mut numbers = 0..;
    let mut next = || format!("{name}.block.{}", numbers.next().unwrap_or_default());
    if expansion > 1 {
        unit(net, &next(), conv(hidden, 1, 1), NORM, SWISH);
    }
    unit(net, &next(), depthwise(hidden, kernel, stride), NORM, SWISH);
    squeeze(net, &next(), (within / 4).max(1), [Activation::Swish, Activation::Sigmoid]);
    let out = unit(net, &next(), conv(channels, 1, 1), NORM, None);
    if stride == 1 && within == channels {
        net.join(format!("{name}.add"), Op::Add, &[out, entrance]);
    }
}
