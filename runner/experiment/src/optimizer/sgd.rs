//! Keras's `SGD`.

use super::formula::{Algorithm, Formula, Slot, StepContext, Values, WithFormula, single};
use crate::value::{BelowOne, section};

section! {
    /// Keras's `SGD`: m ← μ m - η g; p ← p + m
    #[derive(Copy)]
    pub struct Sgd from SgdSection {
        /// μ: share of the last step that is repeated.
        momentum: BelowOne = 0.0,
        /// Look ahead along the momentum (Nesterov 1983): p ← p + μ m - η g.
        nesterov: bool = false,
    }
}

impl Algorithm for Sgd {
    const LEARNING_RATE: f64 = 1e-2;

    fn formula<W: WithFormula>(&self, context: StepContext, with: W) -> W::Output {
        with.with(Momentum {
            rate: single(context.learning_rate),
            momentum: single(self.momentum),
            nesterov: self.nesterov,
        })
    }
}

#[derive(Clone, Copy)]
struct Momentum {
    rate: f32,
    momentum: f32,
    nesterov: bool,
}

impl Formula<1> for Momentum {
    const SLOTS: [Slot; 1] = [Slot::First];

    #[inline(always)]
    fn step<V: Values>(&self, _: V, gradient: V, [m]: [V; 1]) -> (V, [V; 1]) {
        let m = m * self.momentum - gradient.clone() * self.rate;
        let forward = match self.nesterov {
            true => m.clone() * self.momentum - gradient * self.rate,
            false => m.clone(),
        };
        (-forward, [m])
    }
}
