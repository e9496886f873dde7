//! The textbook's small convnet, trained from scratch: Chollet, "Deep Learning with Python",
//! listing 5.5.

use super::definition::{Architecture, Classifier, Family, Place};
use super::published::Published;
use super::sequential;
use crate::architecture::builder::Builder;
use crate::architecture::layer::Layer;
use crate::architecture::op::Padding;

/// Four convolutions, each followed by a pool.
#[derive(Debug, Clone, Copy)]
pub struct Convnet;

const ARCHITECTURES: [Architecture; 1] = [Architecture {
    name: "convnet",
    about: "The textbook's small convnet from scratch: four convolutions.",
}];

impl Family for Convnet {
    fn name(&self) -> &'static str {
        "the textbook's convnet"
    }

    fn architectures(&self) -> &'static [Architecture] {
        &ARCHITECTURES
    }

    fn base(&self, _: &str, net: &mut Builder) {
        for (index, channels) in [32, 64, 128, 128].into_iter().enumerate() {
            net.convolution(format!("conv{}", index + 1), Padding::Valid, channels);
            net.halve(format!("pool{}", index + 1));
        }
    }

    fn classifier(&self) -> Option<Classifier> {
        None
    }

    fn published(&self) -> &'static [Published] {
        &[]
    }

    fn hidden_units(&self) -> usize {
        512
    }

    fn place(&self, part: &str, next: &str) -> Option<Place> {
        match (part, next) {
            ("features", module) => module.parse().ok().map(Place::Module),
            ("conv1" | "conv2" | "conv3" | "conv4", _) => Some(Place::Named(part.to_owned())),
            _ => None,
        }
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
