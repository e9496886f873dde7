//! Keras's `RMSprop` (Tieleman & Hinton 2012).

use super::formula::{Algorithm, Formula, Slot, StepContext, Values, WithFormula, single};
use crate::value::{BelowOne, Positive, section};

section! {
    /// Keras's `RMSprop`: v ← ρ v + (1 - ρ) g²; m ← μ m + η g / √(v + ε); p ← p - m
    #[derive(Copy)]
    pub struct Rmsprop from RmspropSection {
        /// ρ: decay of the mean square.
        rho: BelowOne = 0.9,
        /// μ: share of the last step that is taken again.
        momentum: BelowOne = 0.0,
        /// ε: added to the mean square under the root.
        epsilon: Positive = 1e-7,
    }
}

impl Algorithm for Rmsprop {
    fn formula<W: WithFormula>(&self, context: StepContext, with: W) -> W::Output {
        let scaled = Scaled {
            rate: single(context.learning_rate),
            rho: single(self.rho),
            epsilon: single(self.epsilon),
        };
        let momentum = single(self.momentum);
        // Without momentum, half of the memory need not be touched.
        match momentum == 0.0 {
            true => with.with(scaled),
            false => with.with(Momentum { scaled, momentum }),
        }
    }
}

/// The gradient in units of its root mean square.
#[derive(Clone, Copy)]
struct Scaled {
    rate: f32,
    rho: f32,
    epsilon: f32,
}

impl Formula<1> for Scaled {
    const SLOTS: [Slot; 1] = [Slot::Second];

    #[inline(always)]
    fn step<V: Values>(&self, _: V, gradient: V, [v]: [V; 1]) -> (V, [V; 1]) {
        let v = v * self.rho + gradient.clone() * (1.0 - self.rho) * gradient.clone();
        (gradient * self.rate / (v.clone() + self.epsilon).sqrt(), [v])
    }
}

#[derive(Clone, Copy)]
struct Momentum {
    scaled: Scaled,
    momentum: f32,
}

impl Formula<2> for Momentum {
    const SLOTS: [Slot; 2] = [Slot::First, Slot::Second];

    #[inline(always)]
    fn step<V: Values>(&self, parameter: V, gradient: V, [m, v]: [V; 2]) -> (V, [V; 2]) {
        let (step, [v]) = self.scaled.step(parameter, gradient, [v]);
        let m = m * self.momentum + step;
        (m.clone(), [m, v])
    }
}
