//! VGG with batch normalization, as torchvision has it: `vgg16_bn` is [`super::vgg`]'s `vgg16` with a
//! normalization behind each convolution. Layers have Keras's names of VGG; `block1_conv1_bn` is the
//! normalization of `block1_conv1`.

use super::definition::{Architecture, Classifier, Family, Place};
use super::published::{Published, torchvision};
use super::{sequential, vgg};
use crate::architecture::builder::Builder;
use crate::architecture::layer::Layer;
use crate::architecture::op::{Activation, Convolution, Op, Padding};
use crate::section::dataset::Preprocessing;

/// VGG11, VGG13, VGG16 and VGG19 with batch normalization.
#[derive(Debug, Clone, Copy)]
pub struct VggBn;

const ARCHITECTURES: [Architecture; 4] = [
    Architecture { name: "vgg16_bn", about: "torchvision's VGG16 with batch normalization." },
    Architecture { name: "vgg11_bn", about: "torchvision's VGG11 with batch normalization." },
    Architecture { name: "vgg13_bn", about: "torchvision's VGG13 with batch normalization." },
    Architecture { name: "vgg19_bn", about: "torchvision's VGG19 with batch normalization." },
];

const NORM: Op = Op::BatchNorm { epsilon: 1e-5, momentum: 0.9, scale: true };

const CLASSIFIER: Classifier =
    Classifier { preprocessing: Preprocessing::Torchvision, ..vgg::CLASSIFIER };

/// torchvision's names carry the checksums.
const PUBLISHED: [Published; 8] = [
    torchvision(("imagenet_vgg16_bn", "vgg16_bn", false), "vgg16_bn-6c64b313.pth", "6c64b313"),
    torchvision(("imagenet_vgg16_bn_top", "vgg16_bn", true), "vgg16_bn-6c64b313.pth", "6c64b313"),
    torchvision(("imagenet_vgg11_bn", "vgg11_bn", false), "vgg11_bn-6002323d.pth", "6002323d"),
    torchvision(("imagenet_vgg11_bn_top", "vgg11_bn", true), "vgg11_bn-6002323d.pth", "6002323d"),
    torchvision(("imagenet_vgg13_bn", "vgg13_bn", false), "vgg13_bn-abd245e5.pth", "abd245e5"),
    torchvision(("imagenet_vgg13_bn_top", "vgg13_bn", true), "vgg13_bn-abd245e5.pth", "abd245e5"),
    torchvision(("imagenet_vgg19_bn", "vgg19_bn", false), "vgg19_bn-c79401a0.pth", "c79401a0"),
    torchvision(("imagenet_vgg19_bn_top", "vgg19_bn", true), "vgg19_bn-c79401a0.pth", "c79401a0"),
];

impl Family for VggBn {
    fn name(&self) -> &'static str {
        "VGG with batch normalization"
    }

    fn architectures(&self) -> &'static [Architecture] {
        &ARCHITECTURES
    }

    fn base(&self, architecture: &str, net: &mut Builder) {
        vgg::base(architecture.trim_end_matches("_bn"), net, |net, name, channels| {
            let activation = Activation::Linear;
            let plain = Convolution::plain(channels, Padding::Same);
            net.push(&name, Op::Convolution(Convolution { activation, ..plain }));
            net.push(format!("{name}_bn"), NORM);
            net.push(format!("{name}_relu"), Op::Activation(Activation::Relu));
        });
    }

    fn classifier(&self) -> Option<Classifier> {
        Some(CLASSIFIER)
    }

    fn published(&self) -> &'static [Published] {
        &PUBLISHED
    }

    fn place(&self, part: &str, next: &str) -> Option<Place> {
        vgg::place(part, next)
    }

    fn is_sequential(&self) -> bool {
        true
    }

    fn exported(&self, layers: &[Layer], layer: &Layer) -> String {
        sequential::exported(layers, layer)
    }
}
