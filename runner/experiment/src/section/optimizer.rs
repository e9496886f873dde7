//! `optimizer = { name = …, learning_rate = … }`: the keys that every optimizer has.

use schemars::{JsonSchema, Schema, SchemaGenerator};

use crate::diagnostic::Diagnostics;
use crate::optimizer::RuleSection;
use crate::plan::learning_rate::LearningRate;
use crate::section::named::{NamedNumbers, by_name, read_by_name};
use crate::tree::{Kind, Node};
use crate::value::{FromNode, NonNegative, Plain, Positive, section};

section! {
    /// The optimizer of a stage; numbers mean what Keras means by them. Learning rate and weight decay
    /// have the defaults that Keras has for each.
    pub struct Optimizer from OptimizerSection listed [name, learning_rate] {
        /// From a gradient to a step.
        rule: RuleSection [flat],
        /// Share of each parameter taken off per step, times the learning rate.
        weight_decay: NonNegative [computed optional],
        /// Whether biases decay too, as in Keras.
        decay_biases: bool [omit] = true,
        /// Scales the gradients down where their norm over all parameters is above this (Keras's
        /// `global_clipnorm`).
        clip_norm: Positive [optional],
        /// Cuts every value of the gradients off at this, either way (Keras's `clipvalue`).
        clip_value: Positive [optional],
        /// Step size, greater than 0; or one per part of the network, such as
        /// `{ head = 1e-4, block5 = 1e-5 }`, where a layer's entry takes precedence over
        /// its block's.
        learning_rate: LearningRateSection [computed],
    }
}

/// A step size, or one per part of the network.
#[derive(Debug, Clone, PartialEq)]
pub enum LearningRateSection {
    /// The same for every parameter.
    One(f64),
    /// By the name of a layer, a block, or `head`.
    Named(NamedNumbers),
}

impl FromNode for LearningRateSection {
    fn from_node(node: &Node, key: &str, diagnostics: &mut Diagnostics) -> Option<Self> {
        match &node.kind {
            Kind::Table(entries) => read_by_name(entries, key, diagnostics).map(Self::Named),
            _ => Positive::from_node(node, key, diagnostics).map(|rate| Self::One(rate.0)),
        }
    }
}

impl Plain for LearningRateSection {
    type Value = LearningRate;
    fn plain(&self) -> LearningRate {
        match self {
            Self::One(rate) => LearningRate::One(*rate),
            Self::Named(rates) => LearningRate::Named(by_name(rates)),
        }
    }
}

impl JsonSchema for LearningRateSection {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "LearningRate".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let rate = Positive::json_schema(generator);
        schemars::json_schema!({
            "anyOf": [rate, { "type": "object", "additionalProperties": rate }]
        })
    }
}
