//! Keras's `AdamW` (Loshchilov & Hutter 2017).

use super::adam::AdamSection;
use super::formula::{Algorithm, StepContext, WithFormula};
use crate::value::section;

section! {
    /// Keras's `AdamW`: Adam, whose decoupled weight decay is not optional.
    #[derive(Copy)]
    pub struct Adamw from AdamwSection {
        /// Everything but the decay.
        adam: AdamSection [flat],
    }
}

impl Algorithm for Adamw {
    const WEIGHT_DECAY: Option<f64> = Some(4e-3);

    fn formula<W: WithFormula>(&self, context: StepContext, with: W) -> W::Output {
        self.adam.formula(context, with)
    }
}
