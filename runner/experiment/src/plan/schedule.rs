//! `schedule = { … }`: how the learning rate moves, as a factor of the optimizer's.

use crate::section::schedule::Schedule;

impl Schedule {
    /// The factor for the step at `step`, 0-based within a stage of `epochs` of `steps` each.
    ///
    /// Reductions on a plateau come on top; `runner-learn` keeps track of them.
    #[must_use]
    pub fn factor(&self, step: usize, steps: usize, epochs: usize) -> f64 {
        let steps = steps.max(1);
        let (now, last) = (step as f64, (steps * epochs).saturating_sub(1) as f64);
        let warmup = self.warmup_epochs() * steps as f64;
        if now + 1.0 < warmup {
            return (now + 1.0) / warmup;
        }
        let epoch = step / steps;
        match self {
            Self::Constant(_) | Self::Plateau(_) => 1.0,
            Self::Cosine(cosine) => {
                // Torch's and Keras's: the first step after the warm-up is at the top, and the one
                // after the last would be at the bottom, so that the last still trains.
                let steps = last + 1.0 - warmup;
                half_cosine(1.0, cosine.final_factor, (now - warmup).max(0.0) / steps.max(1.0))
            }
            Self::OneCycle(cycle) => {
                // PyTorch's: the peak is at `peak * total_steps - 1`.
                let top = (cycle.peak * (last + 1.0) - 1.0).max(0.0);
                match now <= top {
                    true => half_cosine(cycle.start_factor, 1.0, now / top.max(1.0)),
                    false => {
                        half_cosine(1.0, cycle.final_factor, (now - top) / (last - top).max(1.0))
                    }
                }
            }
            Self::Step(down) => power(down.factor, epoch / down.every.max(1)),
            Self::Exponential(down) => power(down.factor, epoch),
        }
    }

    /// Whether the rate at an epoch depends on how many epochs there are.
    #[must_use]
    pub fn counts_epochs(&self) -> bool {
        matches!(self, Self::Cosine(_) | Self::OneCycle(_))
    }

    fn warmup_epochs(&self) -> f64 {
        match self {
            Self::Constant(constant) => constant.warmup.warmup_epochs,
            Self::Cosine(cosine) => cosine.warmup.warmup_epochs,
            Self::Step(down) => down.warmup.warmup_epochs,
            Self::Exponential(down) => down.warmup.warmup_epochs,
            Self::OneCycle(_) | Self::Plateau(_) => 0.0,
        }
    }
}

fn power(factor: f64, times: usize) -> f64 {
    factor.powi(i32::try_from(times).unwrap_or(i32::MAX))
}

/// From `from` at 0 to `to` at 1.
fn half_cosine(from: f64, to: f64, share: f64) -> f64 {
    to + (from - to) * 0.5 * (1.0 + (std::f64::consts::PI * share.min(1.0)).cos())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::section::schedule::{Constant, Cosine, Exponential, OneCycle, Step, Warmup};

    fn factors(schedule: Schedule, steps: usize, epochs: usize) -> Vec<f64> {
        (0..steps * epochs).map(|step| schedule.factor(step, steps, epochs)).collect()
    }

    fn assert_near(got: &[f64], expected: &[f64]) {
        assert_eq!(got.len(), expected.len());
        for (got, expected) in got.iter().zip(expected) {
            assert!((got - expected).abs() < 1e-6, "{got} and {expected}");
        }
    }

    #[test]
    fn factors_by_hand() {
        let warmup = |warmup_epochs| Warmup { warmup_epochs };
        let cosine = Schedule::Cosine(Cosine { warmup: warmup(1.0), final_factor: 0.0 });
        // torch 2.15: LinearLR over two steps, then CosineAnnealingLR(T_max=4).
        assert_near(&factors(cosine, 2, 3), &[0.5, 1.0, 1.0, 0.853_553_4, 0.5, 0.146_446_6]);
        // torch 2.15: CosineAnnealingLR(T_max=4, eta_min=0.2); Keras 3.15: CosineDecay(1, 4, 0.2).
        let plain = Schedule::Cosine(Cosine { warmup: warmup(0.0), final_factor: 0.2 });
        assert_near(&factors(plain, 1, 4), &[1.0, 0.882_842_7, 0.6, 0.317_157_3]);
        let step = Schedule::Step(Step { warmup: warmup(0.0), every: 2, factor: 0.1 });
        assert_near(&factors(step, 1, 5), &[1.0, 1.0, 0.1, 0.1, 0.01]);
        let exponential = Schedule::Exponential(Exponential { warmup: warmup(0.0), factor: 0.5 });
        assert_near(&factors(exponential, 2, 2), &[1.0, 1.0, 0.5, 0.5]);
        let constant = Schedule::Constant(Constant { warmup: warmup(1.5) });
        assert_near(&factors(constant, 2, 2), &[1.0 / 3.0, 2.0 / 3.0, 1.0, 1.0]);
    }

    #[test]
    fn one_cycle_is_pytorchs() {
        // torch 2.15: OneCycleLR(max_lr=1, total_steps=10, div_factor=25, final_div_factor=1e4).
        let schedule = Schedule::OneCycle(OneCycle {
            peak: 0.3,
            start_factor: 0.04,
            final_factor: 0.04 / 1e4,
        });
        let expected = [
            0.04,
            0.52,
            1.0,
            0.950_484_6,
            0.811_745_5,
            0.611_261_7,
            0.388_742_3,
            0.188_258_5,
            0.049_519_4,
            4e-6,
        ];
        assert_near(&factors(schedule, 10, 1), &expected);
    }
}
