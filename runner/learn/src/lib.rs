//! A plan in, events out: images, features, network, training, on Burn.
//!
//! Owns everything that is computed. Writes no table and prints nothing: what happens leaves as
//! [`Event`]s, and what goes wrong as a [`LearnError`] that names the image, tensor or stage.

pub mod allocator;
pub mod data;
pub mod device;
pub mod error;
pub mod evaluate;
pub mod event;
pub mod interrupt;
pub mod model;
pub mod predict;
pub mod preview;
pub mod random;
pub mod run;
pub mod train;
pub mod visualize;

pub use error::{Category, LearnError};
pub use event::Event;
pub use interrupt::Interrupt;
