//! Families of architectures: each in a file of its own, with its layers, its classifier, its names
//! in the files of other frameworks, its published weights and its preprocessing.
//!
//! A new family is a new file and its line in [`FAMILIES`].

mod convnet;
mod convnext;
mod definition;
mod efficientnet;
mod efficientnet_lite;
mod inception_v3;
mod keras_order;
mod mobilenet;
mod mobilenet_v2;
mod mobilenet_v2_keras;
mod mobilenet_v3;
mod parts;
mod published;
mod resnet;
mod resnet_keras;
mod sequential;
mod vgg;
mod vgg_bn;
mod xception;

pub use convnet::Convnet;
pub use convnext::Convnext;
pub use definition::{Architecture, Classifier, Family, Place};
pub use efficientnet::Efficientnet;
pub use efficientnet_lite::EfficientnetLite;
pub use inception_v3::InceptionV3;
pub use mobilenet::Mobilenet;
pub use mobilenet_v2::MobilenetV2;
pub use mobilenet_v2_keras::MobilenetV2Keras;
pub use mobilenet_v3::MobilenetV3;
pub use published::{Checksum, Published, Publisher};
pub use resnet::Resnet;
pub use resnet_keras::ResnetKeras;
pub use vgg::Vgg;
pub use vgg_bn::VggBn;
pub use xception::Xception;

/// Every family; the first architecture of the first one is the default.
pub static FAMILIES: [&dyn Family; 14] = [
    &Vgg,
    &VggBn,
    &Convnet,
    &Resnet,
    &ResnetKeras,
    &Mobilenet,
    &MobilenetV2,
    &MobilenetV2Keras,
    &MobilenetV3,
    &InceptionV3,
    &Xception,
    &Efficientnet,
    &EfficientnetLite,
    &Convnext,
];
