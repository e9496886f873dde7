//! Numbers against Keras's.

mod activations;
mod head_training;
mod images;
