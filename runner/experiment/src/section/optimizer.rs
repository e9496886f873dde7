//! `optimizer = { name = …, learning_rate = … }`: Keras's optimizers with Keras's defaults.

use crate::value::{BelowOne, NonNegative, Positive, section, tagged};

tagged! {
    /// The optimizer of a stage; numbers mean what Keras means by them.
    pub enum OptimizerSection by "name" {
        /// Keras's `RMSprop`.
        Rmsprop(RmspropSection) = "rmsprop",
        /// Keras's `SGD`.
        Sgd(SgdSection) = "sgd",
        /// Keras's `Adam`.
        Adam(AdamSection) = "adam",
        /// Keras's `AdamW`.
        Adamw(AdamwSection) = "adamw",
    }
}

section! {
    /// Keras's `RMSprop`.
    pub struct RmspropSection {
        /// Which optimizer.
        name: String,
        /// Step size, greater than 0. Default: 0.001.
        learning_rate: Positive,
        /// Decay of the mean square. Default: 0.9.
        rho: BelowOne,
        /// Default: 0.
        momentum: BelowOne,
        /// Added to the mean square under the root. Default: 1e-7.
        epsilon: Positive,
    }
}

section! {
    /// Keras's `SGD`.
    pub struct SgdSection {
        /// Which optimizer.
        name: String,
        /// Step size, greater than 0. Default: 0.01.
        learning_rate: Positive,
        /// Default: 0.
        momentum: BelowOne,
        /// Look ahead along the momentum. Default: false.
        nesterov: bool,
    }
}

section! {
    /// Keras's `Adam`.
    pub struct AdamSection {
        /// Which optimizer.
        name: String,
        /// Step size, greater than 0. Default: 0.001.
        learning_rate: Positive,
        /// Decay of the mean gradient. Default: 0.9.
        beta_1: BelowOne,
        /// Decay of the mean squared gradient. Default: 0.999.
        beta_2: BelowOne,
        /// Default: 1e-7.
        epsilon: Positive,
    }
}

section! {
    /// Keras's `AdamW`: Adam with decoupled weight decay.
    pub struct AdamwSection {
        /// Which optimizer.
        name: String,
        /// Step size, greater than 0. Default: 0.001.
        learning_rate: Positive,
        /// Decay of the mean gradient. Default: 0.9.
        beta_1: BelowOne,
        /// Decay of the mean squared gradient. Default: 0.999.
        beta_2: BelowOne,
        /// Default: 1e-7.
        epsilon: Positive,
        /// Share of each parameter taken off per step, times the learning rate. Default: 0.004.
        weight_decay: NonNegative,
    }
}
