//! Keras's `Lion` (Chen et al. 2023).

use super::formula::{Algorithm, Formula, Slot, StepContext, Values, WithFormula, single};
use crate::value::{BelowOne, section};

section! {
    /// Keras's `Lion`: p ← p - η sign(β₁ m + (1 - β₁) g); m ← β₂ m + (1 - β₂) g
    #[derive(Copy)]
    pub struct Lion from LionSection {
        /// β₁: weight of the remembered gradient in the step.
        beta_1: BelowOne = 0.9,
        /// β₂: decay of the remembered gradient.
        beta_2: BelowOne = 0.99,
    }
}

impl Algorithm for Lion {
    fn formula<W: WithFormula>(&self, context: StepContext, with: W) -> W::Output {
        with.with(Signed {
            rate: single(context.learning_rate),
            beta_1: single(self.beta_1),
            beta_2: single(self.beta_2),
        })
    }
}

#[derive(Clone, Copy)]
struct Signed {
    rate: f32,
    beta_1: f32,
    beta_2: f32,
}

impl Formula<1> for Signed {
    const SLOTS: [Slot; 1] = [Slot::First];

    #[inline(always)]
    fn step<V: Values>(&self, _: V, gradient: V, [m]: [V; 1]) -> (V, [V; 1]) {
        let mixed = m.clone() * self.beta_1 + gradient.clone() * (1.0 - self.beta_1);
        let m = m * self.beta_2 + gradient * (1.0 - self.beta_2);
        (mixed.sign() * self.rate, [m])
    }
}
