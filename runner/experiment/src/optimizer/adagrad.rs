//! Keras's `Adagrad` (Duchi et al. 2011).

use super::formula::{Algorithm, Formula, Slot, StepContext, Values, WithFormula, single};
use crate::value::{NonNegative, Positive, section};

section! {
    /// Keras's `Adagrad`: v ← v + g²; p ← p - η g / √(v + ε)
    #[derive(Copy)]
    pub struct Adagrad from AdagradSection {
        /// What the sums of squares start with.
        initial_accumulator: NonNegative = 0.1,
        /// ε: added to the sum of squares under the root.
        epsilon: Positive = 1e-7,
    }
}

impl Algorithm for Adagrad {
    fn formula<W: WithFormula>(&self, context: StepContext, with: W) -> W::Output {
        with.with(Accumulated {
            rate: single(context.learning_rate),
            initial: single(self.initial_accumulator),
            epsilon: single(self.epsilon),
        })
    }
}

#[derive(Clone, Copy)]
struct Accumulated {
    rate: f32,
    initial: f32,
    epsilon: f32,
}

impl Formula<1> for Accumulated {
    const SLOTS: [Slot; 1] = [Slot::Second];

    fn initial(&self) -> f32 {
        self.initial
    }

    #[inline(always)]
    fn step<V: Values>(&self, _: V, gradient: V, [v]: [V; 1]) -> (V, [V; 1]) {
        let v = v + gradient.clone().square();
        (gradient * self.rate / (v.clone() + self.epsilon).sqrt(), [v])
    }
}
