//! Numbers against Keras's.

mod activations;
mod backbones;
mod batch_norm;
mod features;
mod finetune;
mod head_training;
mod images;
mod precision;
mod visualize;
