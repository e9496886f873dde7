//! `optimizer = { … }`: Keras's meaning of every number.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::architecture::Layer;

/// `optimizer = { … }`
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Optimizer {
    /// From a gradient to a step.
    #[serde(flatten)]
    pub rule: Rule,
    /// Share of each parameter taken off per step, times η; none is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight_decay: Option<f64>,
    /// Whether biases decay too.
    #[serde(skip_serializing_if = "is_true")]
    pub decay_biases: bool,
    /// The norm over all gradients is not above this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip_norm: Option<f64>,
    /// No value of a gradient is above this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip_value: Option<f64>,
    /// η
    pub learning_rate: LearningRate,
}

impl Optimizer {
    /// A rule with one learning rate and nothing else.
    #[must_use]
    pub fn plain(rule: Rule, learning_rate: f64) -> Self {
        Self {
            rule,
            weight_decay: None,
            decay_biases: true,
            clip_norm: None,
            clip_value: None,
            learning_rate: LearningRate::One(learning_rate),
        }
    }
}

#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_true(flag: &bool) -> bool {
    *flag
}

/// From a gradient g to a step, with learning rate η.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(tag = "name", rename_all = "lowercase")]
pub enum Rule {
    /// v ← ρ v + (1 - ρ) g²; p ← p - η g / √(v + ε)
    Rmsprop {
        /// ρ
        rho: f64,
        /// Of the step; 0 is none.
        momentum: f64,
        /// ε, under the root.
        epsilon: f64,
    },
    /// m ← μ m - η g; p ← p + m
    Sgd {
        /// μ
        momentum: f64,
        /// p ← p + μ m - η g instead.
        nesterov: bool,
    },
    /// Kingma & Ba 2014.
    Adam {
        /// Decay of the mean gradient.
        beta_1: f64,
        /// Decay of the mean squared gradient.
        beta_2: f64,
        /// ε, outside the root.
        epsilon: f64,
    },
    /// Loshchilov & Hutter 2017: Adam, whose weight decay is not optional.
    Adamw {
        /// Decay of the mean gradient.
        beta_1: f64,
        /// Decay of the mean squared gradient.
        beta_2: f64,
        /// ε, outside the root.
        epsilon: f64,
    },
    /// v ← v + g²; p ← p - η g / √(v + ε) (Duchi et al. 2011)
    Adagrad {
        /// What v starts with.
        initial_accumulator: f64,
        /// ε, under the root.
        epsilon: f64,
    },
    /// p ← p - η sign(β₁ m + (1 - β₁) g); m ← β₂ m + (1 - β₂) g (Chen et al. 2023)
    Lion {
        /// β₁
        beta_1: f64,
        /// β₂
        beta_2: f64,
    },
}

/// One step size, or one per part of the network.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum LearningRate {
    /// The same for every parameter.
    One(f64),
    /// By the name of a layer, a block, or `head`.
    Named(BTreeMap<String, f64>),
}

impl LearningRate {
    /// That of a layer: its own, else its block's, else the head's; `None` where nothing fits.
    #[must_use]
    pub fn of(&self, layer: &Layer) -> Option<f64> {
        match self {
            Self::One(rate) => Some(*rate),
            Self::Named(rates) => {
                rates.get(&layer.name).or_else(|| rates.get(layer.part())).copied()
            }
        }
    }

    /// The largest of them.
    #[must_use]
    pub fn largest(&self) -> f64 {
        match self {
            Self::One(rate) => *rate,
            Self::Named(rates) => rates.values().copied().fold(0.0, f64::max),
        }
    }
}
