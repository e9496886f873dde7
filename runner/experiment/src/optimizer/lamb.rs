//! Keras's `Lamb` (You et al. 2019, "Large Batch Optimization for Deep Learning").

use super::adam::{AdamSection, Moments};
use super::formula::{Algorithm, Formula, Slot, StepContext, Values, WithFormula, single};
use crate::value::section;

section! {
    /// Keras's `Lamb`: u = m̂ / (√v̂ + ε) + λ p, with Adam's means; p ← p - η ‖p‖ / ‖u‖ u, for each
    /// tensor. The weight decay λ stands inside the ratio, as in the paper; Keras takes it off before.
    #[derive(Copy)]
    pub struct Lamb from LambSection {
        /// Everything but the ratio.
        adam: AdamSection [flat],
    }
}

impl Algorithm for Lamb {
    const DECAY_IS_DECOUPLED: bool = false;

    fn formula<W: WithFormula>(&self, context: StepContext, with: W) -> W::Output {
        let (mean, square) = self.adam.corrections(context.steps);
        with.with(Layerwise {
            moments: Moments::new(self.adam),
            mean: single(1.0 / mean),
            square: single(1.0 / square),
            epsilon: single(self.adam.epsilon),
            rate: single(context.learning_rate),
            decay: single(context.weight_decay),
        })
    }
}

#[derive(Clone, Copy)]
struct Layerwise {
    moments: Moments,
    /// Factors that correct the means for having started at 0.
    mean: f32,
    square: f32,
    epsilon: f32,
    rate: f32,
    decay: f32,
}

impl Formula<2> for Layerwise {
    const SLOTS: [Slot; 2] = Moments::SLOTS;

    fn layerwise_rate(&self) -> Option<f32> {
        Some(self.rate)
    }

    #[inline(always)]
    fn step<V: Values>(&self, parameter: V, gradient: V, slots: [V; 2]) -> (V, [V; 2]) {
        let [m, v] = self.moments.updated(gradient, slots);
        let scaled = m.clone() * self.mean / ((v.clone() * self.square).sqrt() + self.epsilon);
        (scaled + parameter * self.decay, [m, v])
    }
}
