//! One stage: epochs over the features of the frozen prefix, the rest of the network trained.

mod epoch;

use std::collections::BTreeSet;
use std::time::Instant;

use burn::tensor::Tensor;
use runner_experiment::plan::{Augmentation, Stage};

use crate::average::Average;
use crate::checkpoint::{Checkpoint, Entry, Position};
use crate::early_stopping::Watch;
use crate::error::LearnError;
use crate::keeper::{Keeper, Snapshot};
use crate::optimizer::{Optimizer, State, Trained};
use crate::rates::{Plateau, Rates};
use crate::samples::Samples;
use runner_data::interrupt::Interrupt;
use runner_network::network::Network;
use runner_network::parameter::tensor;
use runner_record::{EarlyStop, EpochRecord, Event, LayerRecord, Reason};

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
    /// Changed by [`StageRun::run`].
    pub network: &'a mut Network,
    /// How many leading layers the features stand for.
    pub prefix: usize,
    /// What the prefix makes of the training images.
    pub train: &'a Samples,
    /// What the prefix makes of the validation images.
    pub validation: &'a Samples,
    /// How training images are changed, where they are.
    pub augmentation: Option<&'a Augmentation>,
    /// How much a training image of each class counts.
    pub class_weights: Vec<f64>,
    /// Looked at after every step.
    pub interrupt: &'a Interrupt,
    /// Keeps checkpoints.
    pub keeper: &'a mut Keeper,
}

/// What a stage has in its hands.
struct Work {
    indices: Vec<usize>,
    optimizer: Optimizer,
    rates: Rates,
    average: Option<Average>,
    watch: Option<Watch>,
    position: Position,
    /// Whether the last step was taken.
    over: bool,
    /// Why, where that was before the last epoch.
    reason: Reason,
    /// Epochs of earlier stages.
    epochs_before: usize,
    /// Since when this process is at it.
    begun: Instant,
    /// How long earlier processes were at it.
    seconds_before: f64,
}

impl Work {
    /// Seconds that the stage was at work, by a clock that nobody sets.
    fn seconds(&self) -> f64 {
        self.seconds_before + self.begun.elapsed().as_secs_f64()
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
            self.ended(&mut work, record, observe)?;
            if work.over || self.keeper.is_due(EPOCH_SECONDS) {
                self.save(&work)?;
            }
        }
        let epochs = work.position.epochs;
        self.settle(work, observe);
        Ok(epochs)
    }

    /// An epoch is over: everything that looks at it does.
    fn ended(
        &mut self,
        work: &mut Work,
        record: EpochRecord,
        observe: &mut dyn FnMut(Event),
    ) -> Result<(), LearnError> {
        observe(Event::Epoch(record.clone()));
        self.keeper.history.push(Entry::Epoch(record.clone()));
        let steps = self.train.len().div_ceil(self.stage.batch_size);
        self.check_finite(record.validation_loss, record.epoch, steps)?;
        work.position = Position { epochs: record.epoch, ..Position::default() };
        work.rates.after(&record);
        let current = self.current(work);
        self.keeper.consider(&record, self.network, work.indices.iter().zip(&current));
        let stops = work.watch.as_mut().is_some_and(|watch| watch.stops(&record, || current));
        let late = self.stage.max_minutes.is_some_and(|limit| work.seconds() >= 60.0 * limit);
        work.over = stops || late || record.epoch == self.stage.epochs;
        work.reason = if late && !stops { Reason::Minutes } else { Reason::Patience };
        Ok(())
    }

    /// Layers with parameters that this stage trains.
    fn trained(&self) -> BTreeSet<usize> {
        trained(self.stage, self.network)
    }

    /// A fresh start, or where an earlier process ended.
    fn begin(
        &self,
        indices: Vec<usize>,
        epochs_before: usize,
        resumed: Option<Checkpoint>,
        observe: &mut dyn FnMut(Event),
    ) -> Work {
        let compute = &self.network.compute;
        let trained = indices.iter().map(|at| {
            let layer = self.network.owner(*at);
            // Validation made sure that every trained layer has a rate.
            let rate = self.stage.optimizer.learning_rate.of(layer).unwrap_or(0.0);
            Trained::new(&self.network.parameters[*at], rate)
        });
        let settings = self.stage.optimizer.clone();
        let optimizer = Optimizer::new(settings, trained.collect(), compute.is_host());
        let mut work = Work {
            optimizer,
            rates: Rates::new(self.stage.schedule, Plateau::default()),
            average: self.average(0, || self.parameters(&indices)),
            watch: self.stage.early_stopping.map(Watch::new),
            position: Position::default(),
            over: false,
            reason: Reason::default(),
            indices,
            epochs_before,
            begun: Instant::now(),
            seconds_before: 0.0,
        };
        if let Some(checkpoint) = resumed {
            self.go_on(&mut work, checkpoint, observe);
        }
        work
    }

    /// Goes on where an earlier process ended: what it said is said again.
    fn go_on(&self, work: &mut Work, checkpoint: Checkpoint, observe: &mut dyn FnMut(Event)) {
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
        let watch = self.stage.early_stopping.zip(state.watch);
        work.watch = watch.map(|(rule, memory)| Watch::resume(rule, memory, tensors(best)));
        (work.position, work.over, work.reason) = (state.position, state.over, state.reason);
        work.seconds_before = state.position.seconds;
    }

    /// The moving average after some steps, where the stage has one.
    fn average(&self, steps: u32, values: impl FnOnce() -> Vec<Tensor<1>>) -> Option<Average> {
        let warmup = self.stage.ema_warmup;
        self.stage.ema.map(|ema| Average::new(ema, warmup, steps, values()))
    }

    fn save(&mut self, work: &Work) -> Result<(), LearnError> {
        self.keeper.save(&Snapshot {
            stage: self.index,
            position: Position { seconds: work.seconds(), ..work.position },
            over: work.over,
            reason: work.reason,
            plateau: work.rates.plateau(),
            average: work.average.as_ref(),
            watch: work.watch.as_ref().map(Watch::memory),
            optimizer: work.optimizer.state()?,
            network: self.network,
        })
    }

    /// Puts the average in place, or brings back the best parameters where that was asked for, and
    /// says so.
    fn settle(&mut self, work: Work, observe: &mut dyn FnMut(Event)) {
        let last = work.position.epochs;
        if let Some(average) = &work.average {
            self.replace(&work.indices, average.values().to_vec());
        }
        let (best_epoch, best) = match work.watch {
            Some(watch) => (Some(watch.best_epoch()), watch.into_best()),
            None => (None, None),
        };
        let restored = best.is_some() && best_epoch != Some(last);
        if let Some(best) = best {
            self.replace(&work.indices, best);
        }
        let kept = best_epoch.filter(|_| restored).unwrap_or(last);
        self.keeper.last_epoch = work.epochs_before + kept;
        if last < self.stage.epochs || restored {
            let stage = self.stage.name.clone();
            let reason = work.reason;
            let stop = EarlyStop { stage, epoch: last, best_epoch, restored, reason };
            self.keeper.history.push(Entry::EarlyStop(stop.clone()));
            observe(Event::EarlyStop(stop));
        }
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
            learning_rate: self.stage.optimizer.learning_rate.largest(),
        })
    }

    /// What the parameters are now: their moving average where the stage has one.
    fn current(&self, work: &Work) -> Vec<Tensor<1>> {
        match &work.average {
            Some(average) => average.values().to_vec(),
            None => self.parameters(&work.indices),
        }
    }

    fn parameters(&self, indices: &[usize]) -> Vec<Tensor<1>> {
        indices.iter().map(|at| self.network.parameters[*at].value.clone()).collect()
    }

    fn replace(&mut self, indices: &[usize], values: Vec<Tensor<1>>) {
        for (at, value) in indices.iter().zip(values) {
            self.network.parameters[*at].value = value;
        }
    }
}

/// Layers with parameters that a stage trains.
#[must_use]
pub fn trained(stage: &Stage, network: &Network) -> BTreeSet<usize> {
    let layers = network.layers.iter().enumerate();
    layers
        .filter(|(_, layer)| layer.has_parameters() && !stage.freezes(layer))
        .map(|(at, _)| at)
        .collect()
}

/// A stage begins.
#[must_use]
pub fn announcement(stage: &Stage, network: &Network, trained: &BTreeSet<usize>) -> Event {
    let layers = network.layers.iter().enumerate();
    Event::Stage {
        stage: stage.name.clone(),
        trainable_parameters: trained
            .iter()
            .map(|index| network.layers[*index].trainable_parameters())
            .sum(),
        layers: layers
            .map(|(at, layer)| LayerRecord {
                stage: stage.name.clone(),
                layer: layer.name.clone(),
                kind: layer.keras_name().to_owned(),
                output_shape: layer.output.to_string(),
                parameters: layer.parameters(),
                trainable: trained.contains(&at),
            })
            .collect(),
    }
}
