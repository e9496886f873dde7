//! `optimizer = { name = …, learning_rate = … }`: Keras's optimizers with Keras's defaults.

use schemars::{JsonSchema, Schema, SchemaGenerator};

use crate::problem::Problems;
use crate::tree::{Kind, Node};
use crate::value::{BelowOne, FromNode, Located, NonNegative, Positive, section, tagged};

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
        /// Keras's `Adagrad`.
        Adagrad(AdagradSection) = "adagrad",
        /// Keras's `Lion`.
        Lion(LionSection) = "lion",
    }
}

/// Declares the table of an optimizer: its own keys, and those that every optimizer has.
macro_rules! optimizer {
    ($(#[$meta:meta])* pub struct $name:ident { $($own:tt)* }) => {
        section! {
            $(#[$meta])*
            pub struct $name {
                /// Which optimizer.
                name: String,
                /// Step size, greater than 0; or one per part of the network, such as
                /// `{ head = 1e-4, block5 = 1e-5 }`, where a layer's own goes before its block's.
                /// Default: 0.001 (sgd: 0.01).
                learning_rate: LearningRateSection,
                $($own)*
                /// Share of each parameter taken off per step, times the learning rate. Default: 0
                /// (adamw: 0.004).
                weight_decay: NonNegative,
                /// Whether biases decay too. Default: true, as in Keras.
                decay_biases: bool,
                /// Scales the gradients down where their norm over all parameters is above this
                /// (Keras's `global_clipnorm`). Default: none.
                clip_norm: Positive,
                /// Cuts every value of the gradients off at this, either way (Keras's `clipvalue`).
                /// Default: none.
                clip_value: Positive,
            }
        }
    };
}

optimizer! {
    /// Keras's `RMSprop`.
    pub struct RmspropSection {
        /// Decay of the mean square. Default: 0.9.
        rho: BelowOne,
        /// Default: 0.
        momentum: BelowOne,
        /// Added to the mean square under the root. Default: 1e-7.
        epsilon: Positive,
    }
}

optimizer! {
    /// Keras's `SGD`.
    pub struct SgdSection {
        /// Default: 0.
        momentum: BelowOne,
        /// Look ahead along the momentum. Default: false.
        nesterov: bool,
    }
}

optimizer! {
    /// Keras's `Adam`.
    pub struct AdamSection {
        /// Decay of the mean gradient. Default: 0.9.
        beta_1: BelowOne,
        /// Decay of the mean squared gradient. Default: 0.999.
        beta_2: BelowOne,
        /// Default: 1e-7.
        epsilon: Positive,
    }
}

optimizer! {
    /// Keras's `AdamW`: Adam with decoupled weight decay.
    pub struct AdamwSection {
        /// Decay of the mean gradient. Default: 0.9.
        beta_1: BelowOne,
        /// Decay of the mean squared gradient. Default: 0.999.
        beta_2: BelowOne,
        /// Default: 1e-7.
        epsilon: Positive,
    }
}

optimizer! {
    /// Keras's `Adagrad`.
    pub struct AdagradSection {
        /// What the sums of squares start with. Default: 0.1.
        initial_accumulator: NonNegative,
        /// Added to the sum of squares under the root. Default: 1e-7.
        epsilon: Positive,
    }
}

optimizer! {
    /// Keras's `Lion`: the sign of a mean gradient.
    pub struct LionSection {
        /// Weight of the remembered gradient in the step. Default: 0.9.
        beta_1: BelowOne,
        /// Decay of the remembered gradient. Default: 0.99.
        beta_2: BelowOne,
    }
}

/// A step size, or one per part of the network.
#[derive(Debug, Clone, PartialEq)]
pub enum LearningRateSection {
    /// The same for every parameter.
    One(f64),
    /// By the name of a layer, a block, or `head`.
    Named(Vec<(Located<String>, f64)>),
}

impl FromNode for LearningRateSection {
    fn from_node(node: &Node, key: &str, problems: &mut Problems) -> Option<Self> {
        let Kind::Table(entries) = &node.kind else {
            return Positive::from_node(node, key, problems).map(|rate| Self::One(rate.0));
        };
        let read: Vec<Option<_>> = entries
            .iter()
            .map(|(name, node)| {
                let own = format!("{key}.{}", name.name);
                let rate = Positive::from_node(node, &own, problems)?;
                Some((Located { value: name.name.clone(), span: name.span.clone() }, rate.0))
            })
            .collect();
        read.into_iter().collect::<Option<_>>().map(Self::Named)
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
