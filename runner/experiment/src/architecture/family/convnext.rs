//! ConvNeXt: Liu et al., "A ConvNet for the 2020s" (2022), as torchvision has it, with its names. Its
//! stochastic depth is left out: in inference it does nothing, and fine-tuning here trains every block
//! of every image. The linear layers of its blocks are 1×1 convolutions, which compute the same.

use super::definition::{Architecture, Classifier, Family};
use super::parts::{conv, depthwise};
use super::published::{Published, torchvision};
use crate::architecture::builder::Builder;
use crate::architecture::imagenet;
use crate::architecture::layer::Layer;
use crate::architecture::op::{Activation, Convolution, Op, Padding};
use crate::architecture::parameter::ParameterSpec;
use crate::section::dataset::Preprocessing;

/// torchvision's ConvNeXt-Tiny.
#[derive(Debug, Clone, Copy)]
pub struct Convnext;

const ARCHITECTURES: [Architecture; 1] = [Architecture {
    name: "convnext_tiny",
    about: "torchvision's ConvNeXt-Tiny: Liu et al. 2022, 18 blocks.",
}];

/// Channels and blocks of each stage.
const STAGES: [(usize, usize); 4] = [(96, 3), (192, 3), (384, 9), (768, 3)];

const NORM: Op = Op::LayerNorm { epsilon: 1e-6 };

const CLASSIFIER: Classifier = Classifier {
    image_size: [224, 224],
    preprocessing: Preprocessing::Torchvision,
    layer: "classifier.2",
    build: |_, net| {
        net.push("avgpool", Op::GlobalAveragePool);
        net.push("classifier.0", NORM);
        net.dense("classifier.2", 1000, Activation::Softmax);
    },
    classes: imagenet::classes,
};

const PUBLISHED: [Published; 2] = [
    torchvision(
        ("imagenet_convnext_tiny", "convnext_tiny", false),
        "convnext_tiny-983f1562.pth",
        "983f1562",
    ),
    torchvision(
        ("imagenet_convnext_tiny_top", "convnext_tiny", true),
        "convnext_tiny-983f1562.pth",
        "983f1562",
    ),
];

impl Family for Convnext {
    fn name(&self) -> &'static str {
        "ConvNeXt"
    }

    fn architectures(&self) -> &'static [Architecture] {
        &ARCHITECTURES
    }

    fn base(&self, _: &str, net: &mut Builder) {
        for (index, (channels, blocks)) in STAGES.into_iter().enumerate() {
            let patches = format!("features.{}", 2 * index);
            net.stage("");
            net.block(&patches);
            if index == 0 {
                net.push(format!("{patches}.0"), patch(channels, 4));
                net.push(format!("{patches}.1"), NORM);
            } else {
                net.push(format!("{patches}.0"), NORM);
                net.push(format!("{patches}.1"), patch(channels, 2));
            }
            let stage = format!("features.{}", 2 * index + 1);
            net.stage(&stage);
            for number in 0..blocks {
                let name = format!("{stage}.{number}");
                net.block(&name);
                block(net, &name, channels);
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

    /// torchvision has linear layers within its blocks, and factors for every pixel.
    fn exported_shape(&self, layer: &Layer, spec: &ParameterSpec) -> Vec<usize> {
        match layer.op {
            Op::LayerScale { .. } => vec![spec.length(), 1, 1],
            _ if spec.shape.ends_with(&[1, 1]) => spec.shape[..2].to_vec(),
            _ => spec.shape.clone(),
        }
    }
}

/// Squares of pixels that do not overlap.
fn patch(channels: usize, side: usize) -> Op {
    let padding = Padding::Valid;
    Op::Convolution(Convolution { padding, bias: true, ..conv(channels, side, side) })
}

/// torchvision's `CNBlock`.
fn block(net: &mut Builder, name: &str, channels: usize) {
    let entrance = net.current();
    let biased = |convolution| Op::Convolution(Convolution { bias: true, ..convolution });
    net.push(format!("{name}.block.0"), biased(depthwise(channels, 7, 1)));
    net.push(format!("{name}.block.2"), NORM);
    net.push(format!("{name}.block.3"), biased(conv(4 * channels, 1, 1)));
    net.push(format!("{name}.block.4"), Op::Activation(Activation::Gelu));
    net.push(format!("{name}.block.5"), biased(conv(channels, 1, 1)));
    let out = net.push(format!("{name}.layer_scale"), Op::LayerScale { initial: 1e-6 });
    net.join(format!("{name}.add"), Op::Add, &[out, entrance]);
}
