//! Training: the stage loop, losses, optimizers, early stopping.

pub mod early_stopping;
pub mod loss;
pub mod optimizer;
pub mod stage;
