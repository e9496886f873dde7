//! Numbers against Keras's.

mod activations;
mod features;
mod head_training;
mod images;
