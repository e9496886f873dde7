//! `learning_rate = …`: one for all parameters, or one per part of the network.

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
    /// The rate of a layer, by its name, else by its block, its stage or `head`; `None` where none of
    /// them is listed.
    #[must_use]
    pub fn of(&self, layer: &Layer) -> Option<f64> {
        match self {
            Self::One(rate) => Some(*rate),
            Self::Named(rates) => {
                let names = [&layer.name, layer.part(), &layer.stage];
                names.into_iter().find_map(|name| rates.get(name)).copied()
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

/// 0 until `validate` has filled it in.
impl Default for LearningRate {
    fn default() -> Self {
        Self::One(0.0)
    }
}
