//! One stage: epochs over the features of the frozen prefix, the rest of the network trained.

mod epoch;
mod rehearsal;
mod tally;
mod trained;
mod wanted;

use std::time::Instant;

use burn::tensor::Tensor;
use runner_experiment::plan::{Augmentation, Stage};

use crate::average::Average;
use crate::checkpoint::{Checkpoint, CheckpointWriter, Entry, Position, Snapshot};
use crate::early_stopping::EarlyStopping;
use crate::error::LearnError;
use crate::objective::Objective;
use crate::optimizer::{Optimizer, State, Trained};
use crate::rates::{Plateau, Rates};
use crate::samples::Samples;
pub(crate) use rehearsal::Rehearsal;
pub use rehearsal::Warmed;
use runner_data::interrupt::Interrupt;
use runner_network::network::Network;
use runner_network::parameter::tensor;
use runner_record::{EarlyStop, EpochRecord, Event, Reason};
pub use trained::{announcement, trained};

#[cfg(test)]
mod tests;

/// A checkpoint is written at the end of an epoch where the last one is older than this, in
/// seconds: short epochs need not each wait for the disk.
const EPOCH_SECONDS: u64 = 5;

/// A stage with everything it works on.
pub struct StageRun<'a> {
    /// What to do.
    pub stage: &'a Stage,
    /// Its position, 0-based.
    pub index: usize,
    /// `experiment.seed`
    pub seed: u64,
    /// Trained by [`StageRun::run`].
    pub network: &'a mut Network,
    /// How many leading layers the features stand for.
    pub prefix: usize,
    /// What the prefix makes of the training images.
    pub train: &'a Samples,
    /// What the prefix makes of the validation images.
    pub validation: &'a Samples,
    /// How training images are changed, where they are.
    pub augmentation: Option<&'a Augmentation>,
    /// How much a training image of each class counts; of labels, one that has it.
    pub class_weights: Vec<f64>,
    /// What is learned, and how it is measured.
    pub objective: Objective,
    /// Looked at after every step.
    pub interrupt: &'a Interrupt,
    /// How it was rehearsed, where it was.
    pub warmed: Option<Warmed>,
    /// Writes checkpoints.
    pub writer: &'a mut CheckpointWriter,
}

/// The state of a stage while it trains.
struct Work {
    indices: Vec<usize>,
    optimizer: Optimizer,
    rates: Rates,
    average: Option<Average>,
    early_stopping: Option<EarlyStopping>,
    position: Position,
    /// Whether the last step has been taken.
    over: bool,
    /// Why, where that was before the last epoch.
    reason: Reason,
    /// Epochs of earlier stages.
    epochs_before: usize,
    /// When this process started it.
    started: Instant,
    /// How long earlier processes worked on it.
    seconds_before: f64,
}

impl Work {
    /// How long the stage has been training, by a monotonic clock.
    fn seconds(&self) -> f64 {
        self.seconds_before + self.started.elapsed().as_secs_f64()
    }
}

impl StageRun<'_> {
    /// Trains; returns how many epochs it took. `epochs_before` are those of earlier stages;
    /// `resumed` is where an earlier process left this stage.
    ///
    /// # Errors
    ///
    /// [`LearnError::NotFinite`] with stage, epoch and step, [`LearnError::Interrupted`] after
    /// everything was saved, and errors from reading features.
    pub fn run(
        &mut self,
        epochs_before: usize,
        resumed: Option<Checkpoint>,
        observe: &mut dyn FnMut(Event),
    ) -> Result<usize, LearnError> {
        let trained = trained(self.stage, self.network);
        observe(announcement(self.stage, self.network, &trained));
        rehearsal::require(self.warmed.take())?;
        let mut work = self.start(self.network.indices(&trained), epochs_before, resumed, observe);
        self.writer.trained.extend(&work.indices);
        while !work.over {
            let record = match self.epoch(&mut work, observe) {
                Err(LearnError::Interrupted) => {
                    self.save(&work)?;
                    return Err(LearnError::Interrupted);
                }
                other => other?,
            };
            self.end_epoch(&mut work, record, observe)?;
            // What takes less time than a checkpoint is worth is computed again.
            if self.writer.is_due(EPOCH_SECONDS) || (work.over && self.writer.keeps_last) {
                self.save(&work)?;
            }
        }
        let epochs = work.position.epochs;
        self.finish(work, observe);
        Ok(epochs)
    }

    /// What follows the end of an epoch: history, schedule, early stopping, time limit.
    fn end_epoch(
        &mut self,
        work: &mut Work,
        record: EpochRecord,
        observe: &mut dyn FnMut(Event),
    ) -> Result<(), LearnError> {
        observe(Event::Epoch(record.clone()));
        self.writer.history.push(Entry::Epoch(record.clone()));
        let steps = self.train.len().div_ceil(self.stage.batch_size);
        self.check_finite(record.validation_loss, record.epoch, steps)?;
        work.position = Position { epochs: record.epoch, ..Position::default() };
        work.rates.after(&record);
        let current = self.current(work);
        self.writer.update_lowest(&record, self.network, work.indices.iter().zip(&current));
        let stops = work.early_stopping.as_mut();
        let stops =
            stops.is_some_and(|early_stopping| early_stopping.should_stop(&record, || current));
        let late = self.stage.max_minutes.is_some_and(|limit| work.seconds() >= 60.0 * limit);
        work.over = stops || late || record.epoch == self.stage.epochs;
        work.reason = if late && !stops { Reason::Minutes } else { Reason::Patience };
        Ok(())
    }

    /// A fresh start, or where an earlier process ended.
    fn start(
        &self,
        indices: Vec<usize>,
        epochs_before: usize,
        resumed: Option<Checkpoint>,
        observe: &mut dyn FnMut(Event),
    ) -> Work {
        let compute = &self.network.compute;
        let trained = indices.iter().map(|index| {
            let layer = self.network.owner(*index);
            // Validation made sure that every trained layer has a rate.
            let rate = self.stage.optimizer.learning_rate.of(layer).unwrap_or(0.0);
            Trained::new(&self.network.parameters[*index], rate)
        });
        let settings = self.stage.optimizer.clone();
        let optimizer = Optimizer::new(settings, trained.collect(), compute.is_host());
        let mut work = Work {
            optimizer,
            rates: Rates::new(self.stage.schedule, Plateau::default()),
            average: self.average(0, || self.parameters(&indices)),
            early_stopping: self.stage.early_stopping.map(EarlyStopping::new),
            position: Position::default(),
            over: false,
            reason: Reason::default(),
            indices,
            epochs_before,
            started: Instant::now(),
            seconds_before: 0.0,
        };
        if let Some(checkpoint) = resumed {
            self.resume(&mut work, checkpoint, observe);
        }
        work
    }

    /// Resumes where an earlier process left the stage; its events are sent again.
    fn resume(&self, work: &mut Work, checkpoint: Checkpoint, observe: &mut dyn FnMut(Event)) {
        let Checkpoint { state, slots, best, average, .. } = checkpoint;
        let device = &self.network.compute.device;
        let stage = self.stage.name.clone();
        state
            .history
            .iter()
            .filter(|entry| entry.stage() == stage)
            .for_each(|e| observe(e.event()));
        let Position { epochs, steps, .. } = state.position;
        observe(Event::Resumed { stage, epochs, steps });
        let tensors = |values: Vec<Vec<f32>>| -> Vec<Tensor<1>> {
            values.into_iter().map(|values| tensor(values, device)).collect()
        };
        work.optimizer.restore(State { steps: state.optimizer_steps, slots }, device);
        work.rates = Rates::new(self.stage.schedule, state.plateau);
        work.average = self.average(state.average_steps, || tensors(average));
        let early_stopping = self.stage.early_stopping.zip(state.early_stopping);
        work.early_stopping =
            early_stopping.map(|(rule, memory)| EarlyStopping::resume(rule, memory, tensors(best)));
        (work.position, work.reason) = (state.position, state.reason);
        // The last epoch of a run that was shorter ends this one no longer.
        work.over = state.over
            && (epochs >= self.stage.epochs
                || state.reason == Reason::Minutes
                || work.early_stopping.as_ref().is_some_and(EarlyStopping::ran_out));
        work.seconds_before = state.position.seconds;
    }

    /// The moving average after some steps, where the stage has one.
    fn average(&self, steps: u32, values: impl FnOnce() -> Vec<Tensor<1>>) -> Option<Average> {
        let warmup = self.stage.ema_warmup;
        self.stage.ema.map(|ema| Average::new(ema, warmup, steps, values()))
    }

    fn save(&mut self, work: &Work) -> Result<(), LearnError> {
        self.writer.save(&Snapshot {
            stage: self.index,
            position: Position { seconds: work.seconds(), ..work.position },
            over: work.over,
            reason: work.reason,
            plateau: work.rates.plateau(),
            average: work.average.as_ref(),
            early_stopping: work.early_stopping.as_ref().map(EarlyStopping::memory),
            optimizer: work.optimizer.state()?,
            network: self.network,
        })
    }

    /// Puts the average in place, or brings back the best parameters where that was asked for, and
    /// says so.
    fn finish(&mut self, work: Work, observe: &mut dyn FnMut(Event)) {
        let last = work.position.epochs;
        if let Some(average) = &work.average {
            self.replace(&work.indices, average.values().to_vec());
        }
        let (best_epoch, best) = match work.early_stopping {
            Some(early_stopping) => (Some(early_stopping.best_epoch()), early_stopping.into_best()),
            None => (None, None),
        };
        let restored = best.is_some() && best_epoch != Some(last);
        if let Some(best) = best {
            self.replace(&work.indices, best);
        }
        let kept = best_epoch.filter(|_| restored).unwrap_or(last);
        self.writer.last_epoch = work.epochs_before + kept;
        if last < self.stage.epochs || restored {
            let stage = self.stage.name.clone();
            let reason = work.reason;
            let stop = EarlyStop { stage, epoch: last, best_epoch, restored, reason };
            self.writer.history.push(Entry::EarlyStop(stop.clone()));
            observe(Event::EarlyStop(stop));
        }
    }

    /// Ends the stage where a loss is no number any more; every epoch before is kept.
    fn check_finite(&self, loss: f64, epoch: usize, step: usize) -> Result<(), LearnError> {
        if loss.is_finite() { Ok(()) } else { Err(self.not_finite(loss, epoch, step)) }
    }

    fn not_finite(&self, loss: f64, epoch: usize, step: usize) -> LearnError {
        LearnError::NotFinite {
            stage: self.stage.name.clone(),
            epoch,
            step,
            loss,
            learning_rate: self.stage.optimizer.learning_rate.largest(),
        }
    }

    /// What the parameters are now: their moving average where the stage has one.
    fn current(&self, work: &Work) -> Vec<Tensor<1>> {
        match &work.average {
            Some(average) => average.values().to_vec(),
            None => self.parameters(&work.indices),
        }
    }

    fn parameters(&self, indices: &[usize]) -> Vec<Tensor<1>> {
        indices.iter().map(|index| self.network.parameters[*index].value.clone()).collect()
    }

    fn replace(&mut self, indices: &[usize], values: Vec<Tensor<1>>) {
        for (index, value) in indices.iter().zip(values) {
            self.network.parameters[*index].value = value;
        }
    }
}
