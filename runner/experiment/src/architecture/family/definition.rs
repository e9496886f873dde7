//! What a family of architectures says of itself.

use super::published::Published;
use super::{keras_order, sequential};
use crate::architecture::builder::Builder;
use crate::architecture::layer::Layer;
use crate::architecture::op::Op;
use crate::architecture::parameter::ParameterSpec;
use crate::section::dataset::Preprocessing;

/// The size of images in Chollet's book.
pub(super) const BOOK: [usize; 2] = [150, 150];

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
    /// Puts its layers on the base of an architecture.
    pub build: fn(&str, &mut Builder),
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
    /// The n-th batch normalization.
    Norm(usize),
    /// The n-th layer of a class of Keras's, in its order; see [`keras_order`].
    Class(&'static str, usize),
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

    /// From pixels to what the network sees, where the experiment does not say: as its classifier was
    /// trained.
    fn preprocessing(&self) -> Preprocessing {
        self.classifier().map_or(Preprocessing::Rescale, |classifier| classifier.preprocessing)
    }

    /// Height and width of images, where the experiment does not say: those of its classifier.
    fn image_size(&self) -> [usize; 2] {
        self.classifier().map_or(BOOK, |classifier| classifier.image_size)
    }

    /// Whether a head stands on the mean of each channel, where the experiment does not say how the
    /// last feature map becomes a vector.
    fn averages(&self) -> bool {
        false
    }

    /// The layer that a component of a tensor's name stands for, with the component after it. Asked
    /// where no layer has the name.
    fn place(&self, _: &str, _: &str) -> Option<Place> {
        None
    }

    /// What a layer is called in weights files: components separated by dots, in front of what a
    /// tensor is for.
    fn aliases(&self, layer: &Layer) -> Vec<String> {
        vec![layer.name.clone()]
    }

    /// Whether files number its layers by class (`conv2d_95`), from whatever number on.
    fn is_numbered(&self) -> bool {
        false
    }

    /// Whether it has Keras's names, and Keras's files count its layers by class.
    fn is_keras(&self) -> bool {
        false
    }

    /// Whether it is one sequence in torchvision, whose modules are counted.
    fn is_sequential(&self) -> bool {
        false
    }

    /// The layer of a network at a place.
    fn layer<'a>(&self, layers: &'a [Layer], place: &Place) -> Option<&'a Layer> {
        let mut each = layers.iter();
        match place {
            Place::Module(module) => {
                self.is_sequential().then(|| sequential::layer(layers, *module)).flatten()
            }
            Place::Class(class, index) => {
                self.is_keras().then(|| keras_order::layer(layers, class, *index)).flatten()
            }
            Place::Named(name) => each.find(|layer| layer.name == *name && layer.has_parameters()),
            Place::Convolution(index) => each.filter(|layer| layer.is_convolution()).nth(*index),
            Place::Dense(index) => {
                each.filter(|layer| matches!(layer.op, Op::Dense { .. })).nth(*index)
            }
            Place::Norm(index) => each.filter(|layer| layer.is_batch_norm()).nth(*index),
            Place::OtherTop => None,
        }
    }

    /// The shape of a parameter in `model.safetensors`, which has as many values.
    fn exported_shape(&self, _: &Layer, spec: &ParameterSpec) -> Vec<usize> {
        spec.shape.clone()
    }

    /// What a layer of the conv base is called in `model.safetensors`.
    fn exported(&self, _: &[Layer], layer: &Layer) -> String {
        layer.name.clone()
    }
}
