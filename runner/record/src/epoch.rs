//! The results of an epoch, and why a stage stopped early.

use serde::{Deserialize, Serialize};

/// The results of an epoch: a row of `epochs.parquet`.
///
/// Checkpoints hold these too: one that was written before a column was added reads as its default.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct EpochRecord {
    /// The stage.
    pub stage: String,
    /// Counted within the stage, from 1.
    pub epoch: usize,
    /// The stage's last.
    pub epochs: usize,
    /// Counted over all stages, from 1.
    pub global_epoch: usize,
    /// Mean loss over the epoch's steps, dropout active, as Keras reports it: cross-entropy in nats, or
    /// what the head measures numbers by.
    pub train_loss: f64,
    /// Share of correct predictions over the epoch's steps, dropout active, 0 to 1: of images, or of
    /// all labels of all images. None where numbers are learned.
    pub train_accuracy: Option<f64>,
    /// The same of the validation images after the epoch.
    pub validation_loss: f64,
    /// The same of the validation images after the epoch.
    pub validation_accuracy: Option<f64>,
    /// Of the epoch's last step; the largest, where parts of the network have different ones.
    pub learning_rate: f64,
    /// Training and validation together, in seconds.
    pub duration_s: f64,
    /// Training images per second, validation aside.
    pub images_per_s: f64,
    /// Of the seconds of training, those spent waiting for images or features.
    pub waiting_s: f64,
    /// Where numbers are learned, the mean absolute error over the epoch's steps, in their unit.
    pub train_mae: Option<f64>,
    /// The same of the validation images after the epoch.
    pub validation_mae: Option<f64>,
}

/// A stage stopped before its last epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EarlyStop {
    /// The stage.
    pub stage: String,
    /// The epoch it stopped after.
    pub epoch: usize,
    /// The best epoch, where a metric was monitored.
    pub best_epoch: Option<usize>,
    /// Whether its parameters were restored.
    pub restored: bool,
    /// Why it stopped.
    #[serde(default)]
    pub reason: Reason,
}

/// Why a stage stopped before its last epoch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reason {
    /// The monitored metric no longer improved.
    #[default]
    Patience,
    /// The time limit was reached.
    Minutes,
}
