//! Optimizers, one per file: settings with Keras's defaults, state per parameter, formula.
//!
//! `runner-learn` evaluates the formulas: one fused loop on the host, one kernel per parameter on GPUs.
//! What every optimizer has (learning rate, weight decay, clipping) is declared in
//! [`crate::section::optimizer`].
//!
//! To add one, write its file, and name it twice below.

mod adagrad;
mod adam;
mod adamw;
mod formula;
mod lamb;
mod lion;
mod rmsprop;
mod sgd;

pub use formula::{Algorithm, Formula, Slot, StepContext, Values, WithFormula};

use crate::value::tagged;

/// The list of all optimizers, and the methods of each.
macro_rules! optimizers {
    ($($(#[doc = $doc:literal])* $name:ident($module:ident::$section:ident) = $word:literal,)*) => {
        pub use self::{$($module::$name),*};

        tagged! {
            /// From a gradient g to a step, with learning rate η.
            #[derive(Copy)]
            pub enum Rule from RuleSection by name defaults from shared_defaults {
                $($(#[doc = $doc])* $name($module::$section) = $word,)*
            }
        }

        /// Defaults of the keys that every optimizer has.
        fn shared_defaults(word: &str) -> Vec<(&'static str, serde_json::Value)> {
            let (learning_rate, weight_decay) = match word {
                $($word => ($name::LEARNING_RATE, $name::WEIGHT_DECAY),)*
                _ => return Vec::new(),
            };
            vec![
                ("learning_rate", learning_rate.into()),
                ("weight_decay", weight_decay.unwrap_or(0.0).into()),
            ]
        }

        impl Rule {
            /// η in Keras, where the file does not say.
            #[must_use]
            pub fn default_learning_rate(&self) -> f64 {
                match self { $(Self::$name(_) => $name::LEARNING_RATE,)* }
            }

            /// The weight decay in Keras, where the file does not say; `None` is none.
            #[must_use]
            pub fn default_weight_decay(&self) -> Option<f64> {
                match self { $(Self::$name(_) => $name::WEIGHT_DECAY,)* }
            }

            /// Whether weight decay is taken off before the step.
            #[must_use]
            pub fn decay_is_decoupled(&self) -> bool {
                match self { $(Self::$name(_) => $name::DECAY_IS_DECOUPLED,)* }
            }

            /// Calls `with` with the formula for one step.
            pub fn formula<W: WithFormula>(&self, context: StepContext, with: W) -> W::Output {
                match self { $(Self::$name(algorithm) => algorithm.formula(context, with),)* }
            }
        }
    };
}

optimizers! {
    /// Keras's `RMSprop`.
    Rmsprop(rmsprop::RmspropSection) = "rmsprop",
    /// Keras's `SGD`.
    Sgd(sgd::SgdSection) = "sgd",
    /// Keras's `Adam`.
    Adam(adam::AdamSection) = "adam",
    /// Keras's `AdamW`.
    Adamw(adamw::AdamwSection) = "adamw",
    /// Keras's `Adagrad`.
    Adagrad(adagrad::AdagradSection) = "adagrad",
    /// Keras's `Lion`.
    Lion(lion::LionSection) = "lion",
    /// Keras's `Lamb`.
    Lamb(lamb::LambSection) = "lamb",
}

impl Rule {
    /// The state that is kept per parameter.
    #[must_use]
    pub fn slots(&self) -> Vec<Slot> {
        struct Slots;
        impl WithFormula for Slots {
            type Output = Vec<Slot>;
            fn with<const SLOTS: usize, F: Formula<SLOTS>>(self, _: F) -> Vec<Slot> {
                F::SLOTS.to_vec()
            }
        }
        self.formula(StepContext::default(), Slots)
    }
}

/// The simplest, for a stage whose optimizer is missing.
impl Default for RuleSection {
    fn default() -> Self {
        Self::Sgd(sgd::SgdSection::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Augmentation, Gradcam, Optimizer};

    #[test]
    fn keeps_no_more_state_than_the_formula_needs() {
        let count = |rule: Rule| rule.slots().len();
        assert_eq!(count(Rule::Rmsprop(Rmsprop::default())), 1);
        assert_eq!(count(Rule::Rmsprop(Rmsprop { momentum: 0.9, ..Rmsprop::default() })), 2);
        assert_eq!(count(Rule::Adam(Adam::default())), 2);
        assert_eq!(Rule::Adagrad(Adagrad::default()).slots(), [Slot::Second]);
        assert_eq!(Rule::Lion(Lion::default()).slots(), [Slot::First]);
    }

    /// Keras 3.15: `keras.optimizers.Lamb()`.
    #[test]
    fn defaults_are_those_of_the_declaration() {
        let adam = Adam { beta_1: 0.9, beta_2: 0.999, epsilon: 1e-7 };
        assert_eq!(Lamb::default(), Lamb { adam });
        assert!((Rule::Lamb(Lamb { adam }).default_learning_rate() - 0.001).abs() < 1e-12);
        assert!(Optimizer::default().decay_biases);
        assert_eq!(Gradcam::default().samples, 25);
        assert_eq!(Augmentation::default().zoom, [1.0, 1.0]);
    }
}
