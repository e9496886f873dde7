//! A plan in, events out: what the frozen layers make of images, stages, optimizers, checkpoints,
//! evaluation.
//!
//! Writes no table and prints nothing: what happens leaves as [`runner_record::Event`]s, and what
//! goes wrong as a [`LearnError`] that names the image, tensor or stage.

pub mod average;
pub mod batch;
pub mod checkpoint;
pub mod device_images;
pub mod early_stopping;
pub mod error;
pub mod evaluate;
pub mod feature_cache;
pub mod feature_set;
pub mod feature_views;
pub mod features;
pub mod fit;
pub mod gradients;
mod image_batches;
pub mod images;
pub mod labels;
pub mod loss;
pub mod objective;
pub mod optimizer;
mod outputs;
pub mod predict;
pub mod rates;
pub mod run;
pub mod samples;
pub mod stage;
mod warm;

pub use error::{Category, LearnError};
