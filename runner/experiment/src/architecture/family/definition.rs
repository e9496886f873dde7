//! What a family of architectures says of itself.

use super::published::Published;
use super::sequential;
use crate::architecture::builder::Builder;
use crate::architecture::layer::Layer;
use crate::architecture::op::Op;
use crate::section::dataset::Preprocessing;

/// One architecture of a family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Architecture {
    /// Its word in the experiment file.
    pub name: &'static str,
    /// What it is, with its source.
    pub about: &'static str,
}

/// The classifier that was published with a family's conv bases.
#[derive(Debug, Clone, Copy)]
pub struct Classifier {
    /// Height and width of the images that it takes.
    pub image_size: [usize; 2],
    /// From pixels to what it was trained on.
    pub preprocessing: Preprocessing,
    /// The layer whose outputs are the classes.
    pub layer: &'static str,
    /// Puts its layers on the base.
    pub build: fn(&mut Builder),
    /// The names of its classes, in the order of its outputs.
    pub classes: fn() -> Vec<String>,
}

/// Which layer a name in a weights file stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// The module of this number of a sequence that counts convolution, ReLU and pooling as one
    /// each: torchvision's `features.<n>`.
    Module(usize),
    /// By its name here.
    Named(String),
    /// The n-th convolution.
    Convolution(usize),
    /// The n-th dense layer.
    Dense(usize),
    /// A layer of a classifier that has no name here.
    OtherTop,
}

/// Architectures that share code and names.
pub trait Family: Sync {
    /// What it is called in messages: `VGG`.
    fn name(&self) -> &'static str;

    /// Its architectures.
    fn architectures(&self) -> &'static [Architecture];

    /// The layers of a conv base.
    fn base(&self, architecture: &str, net: &mut Builder);

    /// The classifier that was published with it.
    fn classifier(&self) -> Option<Classifier>;

    /// Where its published weights are.
    fn published(&self) -> &'static [Published];

    /// Units of the hidden layers of a head, where the experiment does not say.
    fn hidden_units(&self) -> usize {
        256
    }

    /// The layer that a component of a tensor's name stands for, with the component after it.
    fn place(&self, part: &str, next: &str) -> Option<Place>;

    /// The layer of a network at a place.
    fn layer<'a>(&self, layers: &'a [Layer], place: &Place) -> Option<&'a Layer> {
        let mut each = layers.iter();
        match place {
            Place::Module(module) => sequential::layer(layers, *module),
            Place::Named(name) => each.find(|layer| layer.name == *name && layer.has_parameters()),
            Place::Convolution(index) => each.filter(|layer| layer.is_convolution()).nth(*index),
            Place::Dense(index) => {
                each.filter(|layer| matches!(layer.op, Op::Dense { .. })).nth(*index)
            }
            Place::OtherTop => None,
        }
    }

    /// What a layer of the conv base is called in `model.safetensors`.
    fn exported(&self, _: &[Layer], layer: &Layer) -> String {
        layer.name.clone()
    }
}
