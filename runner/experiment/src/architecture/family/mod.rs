//! Families of architectures: each in a file of its own, with its layers, its classifier, its names
//! in the files of other frameworks, its published weights and its preprocessing.
//!
//! A new family is a new file and its line in [`FAMILIES`].

mod convnet;
mod definition;
mod published;
mod sequential;
mod vgg;

pub use convnet::Convnet;
pub use definition::{Architecture, Classifier, Family, Place};
pub use published::{Checksum, Published, Publisher};
pub use vgg::Vgg;

/// Every family; the first architecture of the first one is the default.
pub static FAMILIES: [&dyn Family; 2] = [&Vgg, &Convnet];
