//! `schedule = { … }`: how the learning rate moves, as a factor of the optimizer's.

use serde::Serialize;

use crate::section::stage::Monitor;

/// `schedule = { … }`
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(tag = "name", rename_all = "snake_case")]
pub enum Schedule {
    /// Always the same, after the warm-up.
    Constant {
        /// Epochs in which the rate rises from 0.
        warmup_epochs: f64,
    },
    /// Half a cosine down.
    Cosine {
        /// Epochs in which the rate rises from 0.
        warmup_epochs: f64,
        /// Where it would be one step after the last.
        final_factor: f64,
    },
    /// Up and down once, on half a cosine each.
    OneCycle {
        /// Share of the steps until the rate is at its highest.
        peak: f64,
        /// Where it starts.
        start_factor: f64,
        /// Where it ends.
        final_factor: f64,
    },
    /// Down every few epochs.
    Step {
        /// Epochs in which the rate rises from 0.
        warmup_epochs: f64,
        /// Every how many.
        every: usize,
        /// By how much.
        factor: f64,
    },
    /// Down after every epoch.
    Exponential {
        /// Epochs in which the rate rises from 0.
        warmup_epochs: f64,
        /// By how much.
        factor: f64,
    },
    /// Down where a figure no longer improves.
    Plateau {
        /// The figure to watch.
        monitor: Monitor,
        /// By how much.
        factor: f64,
        /// Epochs without improvement before it goes down.
        patience: usize,
        /// Less than this is no improvement.
        min_delta: f64,
        /// It does not go below this.
        final_factor: f64,
    },
}

impl Schedule {
    /// The factor for the step at `step`, 0-based within a stage of `epochs` of `steps` each.
    ///
    /// What a plateau adds to it is its own affair.
    #[must_use]
    #[allow(clippy::cast_precision_loss)]
    pub fn factor(&self, step: usize, steps: usize, epochs: usize) -> f64 {
        let steps = steps.max(1);
        let (at, last) = (step as f64, (steps * epochs).saturating_sub(1) as f64);
        let warmup = self.warmup_epochs() * steps as f64;
        if at + 1.0 < warmup {
            return (at + 1.0) / warmup;
        }
        let epoch = step / steps;
        match *self {
            Self::Constant { .. } | Self::Plateau { .. } => 1.0,
            Self::Cosine { final_factor, .. } => {
                // Torch's and Keras's: the first step after the warm-up is at the top, and the one
                // after the last would be at the bottom, so that the last still trains.
                let steps = last + 1.0 - warmup;
                half_cosine(1.0, final_factor, (at - warmup).max(0.0) / steps.max(1.0))
            }
            Self::OneCycle { peak, start_factor, final_factor } => {
                // PyTorch's: the peak is at `peak * total_steps - 1`.
                let top = (peak * (last + 1.0) - 1.0).max(0.0);
                match at <= top {
                    true => half_cosine(start_factor, 1.0, at / top.max(1.0)),
                    false => half_cosine(1.0, final_factor, (at - top) / (last - top).max(1.0)),
                }
            }
            Self::Step { every, factor, .. } => power(factor, epoch / every.max(1)),
            Self::Exponential { factor, .. } => power(factor, epoch),
        }
    }

    /// The word that stands in the file.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Constant { .. } => "constant",
            Self::Cosine { .. } => "cosine",
            Self::OneCycle { .. } => "one_cycle",
            Self::Step { .. } => "step",
            Self::Exponential { .. } => "exponential",
            Self::Plateau { .. } => "plateau",
        }
    }

    fn warmup_epochs(&self) -> f64 {
        match *self {
            Self::Constant { warmup_epochs }
            | Self::Cosine { warmup_epochs, .. }
            | Self::Step { warmup_epochs, .. }
            | Self::Exponential { warmup_epochs, .. } => warmup_epochs,
            Self::OneCycle { .. } | Self::Plateau { .. } => 0.0,
        }
    }
}

fn power(factor: f64, times: usize) -> f64 {
    factor.powi(i32::try_from(times).unwrap_or(i32::MAX))
}

/// From `from` at 0 to `to` at 1.
fn half_cosine(from: f64, to: f64, at: f64) -> f64 {
    to + (from - to) * 0.5 * (1.0 + (std::f64::consts::PI * at.min(1.0)).cos())
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let cosine = Schedule::Cosine { warmup_epochs: 1.0, final_factor: 0.0 };
        // torch 2.15: LinearLR over two steps, then CosineAnnealingLR(T_max=4).
        assert_near(&factors(cosine, 2, 3), &[0.5, 1.0, 1.0, 0.853_553_4, 0.5, 0.146_446_6]);
        // torch 2.15: CosineAnnealingLR(T_max=4, eta_min=0.2); Keras 3.15: CosineDecay(1, 4, 0.2).
        let plain = Schedule::Cosine { warmup_epochs: 0.0, final_factor: 0.2 };
        assert_near(&factors(plain, 1, 4), &[1.0, 0.882_842_7, 0.6, 0.317_157_3]);
        let step = Schedule::Step { warmup_epochs: 0.0, every: 2, factor: 0.1 };
        assert_near(&factors(step, 1, 5), &[1.0, 1.0, 0.1, 0.1, 0.01]);
        let exponential = Schedule::Exponential { warmup_epochs: 0.0, factor: 0.5 };
        assert_near(&factors(exponential, 2, 2), &[1.0, 1.0, 0.5, 0.5]);
        let constant = Schedule::Constant { warmup_epochs: 1.5 };
        assert_near(&factors(constant, 2, 2), &[1.0 / 3.0, 2.0 / 3.0, 1.0, 1.0]);
    }

    #[test]
    fn one_cycle_is_pytorchs() {
        // torch 2.15: OneCycleLR(max_lr=1, total_steps=10, div_factor=25, final_div_factor=1e4).
        let schedule =
            Schedule::OneCycle { peak: 0.3, start_factor: 0.04, final_factor: 0.04 / 1e4 };
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
