//! From files to pixels: what lies in the folders, decoded, resized, augmented, preprocessed.
//!
//! Knows the plan, but no network: what layers make of an image is `runner-learn`'s.

pub mod alike;
pub mod augment;
mod avif;
pub mod decode;
pub mod division;
pub mod error;
pub mod generate;
pub mod interrupt;
mod jpeg;
pub mod mixing;
pub mod order;
mod palette;
mod png;
pub mod preprocess;
pub mod preview;
mod problem;
pub mod resize;
pub mod scan;
mod seen;
mod signature;
mod tiff;

pub use error::DataError;
pub use interrupt::Interrupt;
