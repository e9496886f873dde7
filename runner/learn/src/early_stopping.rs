//! When to stop before the last epoch: Keras's `EarlyStopping`.

use burn::tensor::Tensor;
use runner_experiment::plan::EarlyStopping as Rule;
use runner_experiment::section::monitor::Monitor;
use serde::{Deserialize, Serialize};

use runner_record::EpochRecord;

/// Remembers the best epoch so far.
#[derive(Debug)]
pub struct EarlyStopping {
    rule: Rule,
    memory: Memory,
    parameters: Vec<Tensor<1>>,
}

/// What early stopping has seen, but for the parameters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    best: Option<f64>,
    best_epoch: usize,
    waited: usize,
}

impl Memory {
    /// Whether the patience of a rule has run out.
    #[must_use]
    pub fn ran_out(&self, rule: Rule) -> bool {
        self.waited >= rule.patience.max(1)
    }
}

impl EarlyStopping {
    /// Nothing seen yet.
    #[must_use]
    pub fn new(rule: Rule) -> Self {
        Self { rule, memory: Memory::default(), parameters: Vec::new() }
    }

    /// Resumes with what an earlier process has seen; `parameters` are those of its best epoch.
    #[must_use]
    pub fn resume(rule: Rule, memory: Memory, parameters: Vec<Tensor<1>>) -> Self {
        Self { rule, memory, parameters }
    }

    /// What it has seen, and the parameters of the best epoch where they are kept.
    #[must_use]
    pub fn memory(&self) -> (Memory, &[Tensor<1>]) {
        (self.memory, &self.parameters)
    }

    /// Takes in an epoch; `current` gives the parameters after it. Whether it is time to stop.
    ///
    /// Keras: an epoch that does not improve counts up, and stops the stage once it has counted to
    /// `patience`; 0 stops at the first.
    pub fn should_stop(
        &mut self,
        epoch: &EpochRecord,
        current: impl FnOnce() -> Vec<Tensor<1>>,
    ) -> bool {
        let (metric, sign) = metric(self.rule.monitor, epoch);
        let memory = &mut self.memory;
        if memory.best.is_none_or(|best| sign * metric < sign * best) {
            *memory = Memory { best: Some(metric), best_epoch: epoch.epoch, waited: 0 };
            if self.rule.restore_best {
                self.parameters = current();
            }
            return false;
        }
        memory.waited += 1;
        memory.ran_out(self.rule)
    }

    /// Whether its patience has run out.
    #[must_use]
    pub fn ran_out(&self) -> bool {
        self.memory.ran_out(self.rule)
    }

    /// The epoch with the best value of the metric, 1-based.
    #[must_use]
    pub fn best_epoch(&self) -> usize {
        self.memory.best_epoch
    }

    /// The parameters of the best epoch, where they are to come back.
    #[must_use]
    pub fn into_best(self) -> Option<Vec<Tensor<1>>> {
        (self.rule.restore_best && !self.parameters.is_empty()).then_some(self.parameters)
    }
}

/// A metric of an epoch, and the sign that makes less of it better.
pub(super) fn metric(monitor: Monitor, epoch: &EpochRecord) -> (f64, f64) {
    match monitor {
        Monitor::ValidationLoss => (epoch.validation_loss, 1.0),
        Monitor::TrainLoss => (epoch.train_loss, 1.0),
        // Validation lets accuracies be watched only where there are some.
        Monitor::ValidationAccuracy => (epoch.validation_accuracy.unwrap_or(0.0), -1.0),
        Monitor::TrainAccuracy => (epoch.train_accuracy.unwrap_or(0.0), -1.0),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(crate) fn epoch(number: usize, validation_loss: f64) -> EpochRecord {
        EpochRecord {
            stage: "head".to_owned(),
            epoch: number,
            epochs: 9,
            global_epoch: number,
            train_loss: 0.0,
            train_accuracy: Some(0.0),
            validation_loss,
            validation_accuracy: Some(0.0),
            learning_rate: 0.1,
            ..EpochRecord::default()
        }
    }

    #[test]
    fn waits_as_long_as_patience_says() {
        let rule = Rule { monitor: Monitor::ValidationLoss, patience: 2, restore_best: false };
        let mut early_stopping = EarlyStopping::new(rule);
        let losses = [0.5, 0.4, 0.4, 0.3, 0.35, 0.31];
        let stops: Vec<bool> = losses
            .iter()
            .enumerate()
            .map(|(index, loss)| early_stopping.should_stop(&epoch(index + 1, *loss), Vec::new))
            .collect();
        assert_eq!(stops, [false, false, false, false, false, true]);
        assert_eq!(early_stopping.best_epoch(), 4);
    }
}
