//! Numbers against Keras's.

mod activations;
mod features;
mod finetune;
mod head_training;
mod images;
mod precision;
mod visualize;
