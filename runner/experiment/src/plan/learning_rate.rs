//! `learning_rate = …`: of all parameters, or of the parts of the network.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::architecture::layer::Layer;

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

/// None yet.
impl Default for LearningRate {
    fn default() -> Self {
        Self::One(0.0)
    }
}
