//! Keras's `Adam` (Kingma & Ba 2014).

use super::formula::{Algorithm, Formula, Slot, StepContext, Values, WithFormula, single};
use crate::value::{BelowOne, Positive, section};

section! {
    /// Keras's `Adam`: m ← β₁ m + (1 - β₁) g; v ← β₂ v + (1 - β₂) g²; p ← p - η m / (√v + ε), where
    /// η is corrected for m and v having started at 0.
    #[derive(Copy)]
    pub struct Adam from AdamSection {
        /// β₁: decay of the mean gradient.
        beta_1: BelowOne = 0.9,
        /// β₂: decay of the mean squared gradient.
        beta_2: BelowOne = 0.999,
        /// ε: added to the root of the mean squared gradient.
        epsilon: Positive = 1e-7,
    }
}

impl Algorithm for Adam {
    fn formula<W: WithFormula>(&self, context: StepContext, with: W) -> W::Output {
        let moments = Moments::new(*self);
        let (mean, square) = self.corrections(context.steps);
        // Keras folds both corrections into the rate.
        let rate = single(context.learning_rate * (square.sqrt() / mean));
        with.with(Scaled { moments, rate, epsilon: single(self.epsilon) })
    }
}

impl Adam {
    /// What the mean gradient and the mean squared gradient are divided by after this many steps,
    /// because they started at 0.
    pub(super) fn corrections(&self, steps: u32) -> (f64, f64) {
        let steps = f64::from(steps);
        (1.0 - self.beta_1.powf(steps), 1.0 - self.beta_2.powf(steps))
    }
}

/// The two means that Adam and its descendants keep.
#[derive(Clone, Copy)]
pub(super) struct Moments {
    beta_1: f32,
    beta_2: f32,
}

impl Moments {
    pub(super) const SLOTS: [Slot; 2] = [Slot::First, Slot::Second];

    pub(super) fn new(settings: Adam) -> Self {
        Self { beta_1: single(settings.beta_1), beta_2: single(settings.beta_2) }
    }

    /// Both means after one more gradient.
    #[inline(always)]
    pub(super) fn updated<V: Values>(self, gradient: V, [m, v]: [V; 2]) -> [V; 2] {
        let square = gradient.clone().square();
        [
            m.clone() + (gradient - m) * (1.0 - self.beta_1),
            v.clone() + (square - v) * (1.0 - self.beta_2),
        ]
    }
}

#[derive(Clone, Copy)]
struct Scaled {
    moments: Moments,
    rate: f32,
    epsilon: f32,
}

impl Formula<2> for Scaled {
    const SLOTS: [Slot; 2] = Moments::SLOTS;

    #[inline(always)]
    fn step<V: Values>(&self, _: V, gradient: V, slots: [V; 2]) -> (V, [V; 2]) {
        let [m, v] = self.moments.updated(gradient, slots);
        (m.clone() * self.rate / (v.clone().sqrt() + self.epsilon), [m, v])
    }
}
