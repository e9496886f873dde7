//! One stage: epochs over the features of the frozen prefix, the rest of the network trained.

use std::collections::BTreeSet;
use std::time::Instant;

use burn::tensor::Tensor;
use runner_experiment::plan::Stage;

use super::checkpoint::{Checkpoint, Entry, Position};
use super::early_stopping::Watch;
use super::gradients::gradients;
use super::keeper::{Keeper, Snapshot};
use super::loss::Outcome;
use super::optimizer::{Optimizer, State};
use crate::data::samples::Samples;
use crate::error::LearnError;
use crate::evaluate;
use crate::event::{EarlyStop, EpochRecord, Event, LayerState, Phase};
use crate::interrupt::Interrupt;
use crate::model::network::{Dropping, Flow, Network};
use crate::model::parameter::tensor;
use crate::random::{Key, Purpose};

/// A checkpoint is written at the end of an epoch where the last one is older than this, in
/// seconds: short epochs need not each wait for the disk.
const EPOCH_SECONDS: u64 = 5;

/// And in the middle of an epoch where it is older than this.
const STEP_SECONDS: u64 = 300;

/// A stage with everything it works on.
pub struct StageRun<'a> {
    /// What to do.
    pub stage: &'a Stage,
    /// Its position, 0-based.
    pub index: usize,
    /// `experiment.seed`
    pub seed: u64,
    /// Changed by [`StageRun::run`].
    pub network: &'a mut Network,
    /// How many leading layers the features stand for.
    pub prefix: usize,
    /// What the prefix makes of the training images.
    pub train: &'a Samples,
    /// What the prefix makes of the validation images.
    pub validation: &'a Samples,
    /// Looked at after every step.
    pub interrupt: &'a Interrupt,
    /// Keeps checkpoints.
    pub keeper: &'a mut Keeper,
}

/// What a stage has in its hands.
struct Work {
    indices: Vec<usize>,
    optimizer: Optimizer,
    watch: Option<Watch>,
    position: Position,
    /// Whether the last step was taken.
    over: bool,
    /// Epochs of earlier stages.
    epochs_before: usize,
}

impl StageRun<'_> {
    /// Trains; returns how many epochs it took. `epochs_before` are those of earlier stages;
    /// `resumed` is where an earlier process left this stage.
    ///
    /// # Errors
    ///
    /// [`LearnError::NotFinite`] with stage, epoch and step, [`LearnError::Interrupted`] after
    /// everything was saved, and what reading features can say.
    pub fn run(
        &mut self,
        epochs_before: usize,
        resumed: Option<Checkpoint>,
        observe: &mut dyn FnMut(Event),
    ) -> Result<usize, LearnError> {
        let trained = self.trained();
        observe(announcement(self.stage, self.network, &trained));
        let mut work = self.begin(self.network.indices(&trained), epochs_before, resumed, observe);
        self.keeper.trained.extend(&work.indices);
        while !work.over {
            let record = match self.epoch(&mut work, observe) {
                Err(LearnError::Interrupted) => {
                    self.save(&work)?;
                    return Err(LearnError::Interrupted);
                }
                other => other?,
            };
            observe(Event::Epoch(record.clone()));
            self.keeper.history.push(Entry::Epoch(record.clone()));
            let steps = self.train.len().div_ceil(self.stage.batch_size);
            self.check_finite(record.validation_loss, record.epoch, steps)?;
            work.position = Position { epochs: record.epoch, ..Position::default() };
            let current = || self.current(&work.indices);
            let stops = work.watch.as_mut().is_some_and(|watch| watch.stops(&record, current));
            work.over = stops || record.epoch == self.stage.epochs;
            if work.over || self.keeper.is_due(EPOCH_SECONDS) {
                self.save(&work)?;
            }
        }
        let epochs = work.position.epochs;
        self.settle(work, observe);
        Ok(epochs)
    }

    /// Layers with parameters that this stage trains.
    fn trained(&self) -> BTreeSet<usize> {
        trained(self.stage, self.network)
    }

    /// A fresh start, or where an earlier process ended: what it said is said again.
    fn begin(
        &self,
        indices: Vec<usize>,
        epochs_before: usize,
        resumed: Option<Checkpoint>,
        observe: &mut dyn FnMut(Event),
    ) -> Work {
        let lengths: Vec<usize> =
            indices.iter().map(|at| self.network.parameters[*at].shape.iter().product()).collect();
        let compute = &self.network.compute;
        let mut optimizer = Optimizer::new(self.stage.optimizer, &lengths, compute.is_host());
        let Some(Checkpoint { state, slots, best, .. }) = resumed else {
            let watch = self.stage.early_stopping.map(Watch::new);
            let (position, over) = (Position::default(), false);
            return Work { indices, optimizer, watch, position, over, epochs_before };
        };
        let name = &self.stage.name;
        state.history.iter().filter(|entry| entry.stage() == name).for_each(|e| observe(e.event()));
        let (epochs, steps) = (state.position.epochs, state.position.steps);
        observe(Event::Resumed { stage: name.clone(), epochs, steps });
        optimizer.restore(State { steps: state.optimizer_steps, slots }, &compute.device);
        let best = best.into_iter().map(|values| tensor(values, &compute.device)).collect();
        let watch = self.stage.early_stopping.zip(state.watch);
        let watch = watch.map(|(rule, memory)| Watch::resume(rule, memory, best));
        let (position, over) = (state.position, state.over);
        Work { indices, optimizer, watch, position, over, epochs_before }
    }

    fn save(&mut self, work: &Work) -> Result<(), LearnError> {
        self.keeper.save(&Snapshot {
            stage: self.index,
            position: work.position,
            over: work.over,
            watch: work.watch.as_ref().map(Watch::memory),
            optimizer: work.optimizer.state()?,
            network: self.network,
        })
    }

    /// Brings back the best parameters where that was asked for, and says so.
    fn settle(&mut self, work: Work, observe: &mut dyn FnMut(Event)) {
        let last = work.position.epochs;
        let Some(watch) = work.watch else { return };
        let best_epoch = watch.best_epoch();
        let best = watch.into_best();
        let restored = best.is_some() && best_epoch != last;
        for (at, value) in work.indices.iter().zip(best.unwrap_or_default()) {
            self.network.parameters[*at].value = value;
        }
        if last < self.stage.epochs || restored {
            let stage = self.stage.name.clone();
            let stop = EarlyStop { stage, epoch: last, best_epoch, restored };
            self.keeper.history.push(Entry::EarlyStop(stop.clone()));
            observe(Event::EarlyStop(stop));
        }
    }

    fn current(&self, indices: &[usize]) -> Vec<Tensor<1>> {
        indices.iter().map(|at| self.network.parameters[*at].value.clone()).collect()
    }

    /// The rest of an epoch.
    fn epoch(
        &mut self,
        work: &mut Work,
        observe: &mut dyn FnMut(Event),
    ) -> Result<EpochRecord, LearnError> {
        let start = Instant::now();
        let epoch = work.position.epochs + 1;
        let key = Key {
            stage: self.index as u64,
            epoch: epoch as u64,
            ..Key::new(self.seed, Purpose::Shuffle)
        };
        let before = work.position.sums.images;
        let waiting_s = self.steps(key, work, observe)?;
        let train_seconds = start.elapsed().as_secs_f64();
        let (validation_loss, validation_accuracy) =
            evaluate::score(self.network, self.prefix, self.validation, self.interrupt)?;
        let sums = work.position.sums;
        Ok(EpochRecord {
            stage: self.stage.name.clone(),
            epoch,
            epochs: self.stage.epochs,
            global_epoch: work.epochs_before + epoch,
            train_loss: sums.mean_loss(),
            train_accuracy: sums.accuracy(),
            validation_loss,
            validation_accuracy,
            learning_rate: self.stage.optimizer.learning_rate(),
            duration_s: start.elapsed().as_secs_f64(),
            images_per_s: per_second(sums.images - before, train_seconds),
            waiting_s,
        })
    }

    /// The steps of an epoch that are left; returns the seconds that were spent waiting.
    fn steps(
        &mut self,
        key: Key,
        work: &mut Work,
        observe: &mut dyn FnMut(Event),
    ) -> Result<f64, LearnError> {
        let epoch = work.position.epochs + 1;
        let order = key.stream().permutation(self.train.len());
        let augment = Key { purpose: Purpose::Augment, ..key };
        let (train, size) = (self.train, self.stage.batch_size);
        let left = &order[(work.position.steps * size).min(order.len())..];
        train.batches(left, size, augment, &mut |batch, values| {
            self.interrupt.check()?;
            let outcomes = self.step(key, batch, values, &work.indices, &mut work.optimizer)?;
            work.position.sums.add(&outcomes);
            work.position.steps += 1;
            self.check_finite(work.position.sums.loss, epoch, work.position.steps)?;
            let phase =
                Phase::Epoch { stage: self.stage.name.clone(), epoch, epochs: self.stage.epochs };
            let done = work.position.sums.images;
            observe(Event::Progress { phase, done, total: order.len() });
            match self.keeper.is_due(STEP_SECONDS) {
                true => self.save(work),
                false => Ok(()),
            }
        })
    }

    /// One step on the images at `batch`: their outcomes before it.
    fn step(
        &mut self,
        key: Key,
        batch: &[usize],
        values: Vec<f32>,
        indices: &[usize],
        optimizer: &mut Optimizer,
    ) -> Result<Vec<Outcome>, LearnError> {
        let labels: Vec<usize> = batch.iter().map(|at| self.train.labels()[*at]).collect();
        let input = Flow::batch(values, batch.len(), self.train.shape(), &self.network.compute);
        let dropping = Dropping { key, samples: batch };
        let (outcomes, gradients) =
            gradients(self.network, self.prefix, input, &labels, Some(dropping), indices)?;
        let mut parameters = self.network.parameters.iter_mut().enumerate();
        let mut trained: Vec<&mut Tensor<1>> = indices
            .iter()
            .filter_map(|at| parameters.find(|(index, _)| index == at))
            .map(|(_, parameter)| &mut parameter.value)
            .collect();
        optimizer.step(&mut trained, gradients)?;
        Ok(outcomes)
    }

    /// Ends the stage where a loss is no number any more; every epoch before is kept.
    fn check_finite(&self, loss: f64, epoch: usize, step: usize) -> Result<(), LearnError> {
        if loss.is_finite() {
            return Ok(());
        }
        Err(LearnError::NotFinite {
            stage: self.stage.name.clone(),
            epoch,
            step,
            loss,
            learning_rate: self.stage.optimizer.learning_rate(),
        })
    }
}

/// Layers with parameters that a stage trains.
#[must_use]
pub fn trained(stage: &Stage, network: &Network) -> BTreeSet<usize> {
    let layers = network.layers.iter().enumerate();
    layers
        .filter(|(_, layer)| layer.kind.has_parameters() && !stage.freezes(layer))
        .map(|(at, _)| at)
        .collect()
}

/// A stage begins.
#[must_use]
pub fn announcement(stage: &Stage, network: &Network, trained: &BTreeSet<usize>) -> Event {
    let layers = network.layers.iter().enumerate();
    Event::Stage {
        stage: stage.name.clone(),
        trainable_parameters: trained.iter().map(|at| network.layers[*at].parameters()).sum(),
        layers: layers
            .map(|(at, layer)| LayerState {
                layer: layer.name.clone(),
                kind: layer.kind.keras_name(),
                output_shape: layer.output.to_string(),
                parameters: layer.parameters(),
                trainable: trained.contains(&at),
            })
            .collect(),
    }
}

#[allow(clippy::cast_precision_loss)]
fn per_second(images: usize, seconds: f64) -> f64 {
    images as f64 / seconds.max(f64::MIN_POSITIVE)
}
