//! Training: the stage loop, losses, optimizers, early stopping.

pub mod average;
pub mod checkpoint;
pub mod early_stopping;
pub mod fit;
pub mod gradients;
pub mod keeper;
pub mod loss;
pub mod optimizer;
pub mod rates;
pub mod stage;
