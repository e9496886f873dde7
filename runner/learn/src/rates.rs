//! Learning rates while a stage runs: its schedule, and what a plateau takes off.

use runner_experiment::plan::{self, Schedule};
use serde::{Deserialize, Serialize};

use crate::early_stopping::metric;
use runner_record::EpochRecord;

/// What a plateau has seen.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Plateau {
    factor: f64,
    best: Option<f64>,
    waited: usize,
}

impl Default for Plateau {
    fn default() -> Self {
        Self { factor: 1.0, best: None, waited: 0 }
    }
}

/// The factor of every learning rate.
#[derive(Debug, Clone, Copy)]
pub struct Rates {
    schedule: Option<Schedule>,
    plateau: Plateau,
}

impl Rates {
    /// Goes on with what a plateau has seen.
    #[must_use]
    pub fn new(schedule: Option<Schedule>, plateau: Plateau) -> Self {
        Self { schedule, plateau }
    }

    /// What a plateau has seen.
    #[must_use]
    pub fn plateau(&self) -> Plateau {
        self.plateau
    }

    /// For the step at `step`, 0-based within a stage of `epochs` of `steps` each.
    #[must_use]
    pub fn factor(&self, step: usize, steps: usize, epochs: usize) -> f64 {
        let schedule = self.schedule.map_or(1.0, |schedule| schedule.factor(step, steps, epochs));
        schedule * self.plateau.factor
    }

    /// Looks at an epoch. Keras's `ReduceLROnPlateau` without a cooldown.
    pub fn after(&mut self, epoch: &EpochRecord) {
        let Some(Schedule::Plateau(plan)) = self.schedule else { return };
        let plan::Plateau { monitor, factor, patience, min_delta, final_factor } = plan;
        let (value, sign) = metric(monitor, epoch);
        let plateau = &mut self.plateau;
        if plateau.best.is_none_or(|best| sign * value < sign * best - min_delta) {
            plateau.best = Some(value);
            plateau.waited = 0;
            return;
        }
        plateau.waited += 1;
        if plateau.waited >= patience {
            plateau.factor = (plateau.factor * factor).max(final_factor);
            plateau.waited = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use runner_experiment::section::monitor::Monitor;

    use super::*;
    use crate::early_stopping::tests::epoch;

    #[test]
    fn a_plateau_takes_off_after_patience_runs_out() {
        let schedule = Schedule::Plateau(plan::Plateau {
            monitor: Monitor::ValidationLoss,
            factor: 0.5,
            patience: 2,
            min_delta: 0.01,
            final_factor: 0.3,
        });
        let mut rates = Rates::new(Some(schedule), Plateau::default());
        let losses = [1.0, 0.995, 0.98, 0.98, 0.975, 0.99, 0.99];
        let factors: Vec<f64> = losses
            .iter()
            .enumerate()
            .map(|(index, loss)| {
                rates.after(&epoch(index + 1, *loss));
                rates.factor(0, 1, 9)
            })
            .collect();
        assert_eq!(factors, [1.0, 1.0, 1.0, 1.0, 0.5, 0.5, 0.3]);
    }
}
