//! One stage: epochs over the features of the frozen prefix, the rest of the network trained.

use std::collections::BTreeSet;
use std::time::Instant;

use burn::tensor::{Tensor, TensorData};
use runner_experiment::plan::Stage;

use super::early_stopping::Watch;
use super::loss::{Outcome, cross_entropy};
use super::optimizer::Optimizer;
use crate::data::samples::Samples;
use crate::error::LearnError;
use crate::evaluate;
use crate::event::{EpochRecord, Event, LayerState, Phase};
use crate::interrupt::Interrupt;
use crate::model::network::{Dropping, Flow, Network};
use crate::model::parameter::read;
use crate::random::{Key, Purpose};

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
}

/// Sums over the images of an epoch.
#[derive(Default)]
struct Sums {
    loss: f64,
    correct: usize,
    images: usize,
}

impl StageRun<'_> {
    /// Trains; returns how many epochs it took. `epochs_before` are those of earlier stages.
    ///
    /// # Errors
    ///
    /// [`LearnError::NotFinite`] with stage, epoch and step, [`LearnError::Interrupted`], and what
    /// reading features can say.
    pub fn run(
        &mut self,
        epochs_before: usize,
        observe: &mut dyn FnMut(Event),
    ) -> Result<usize, LearnError> {
        let trained = self.trained();
        self.announce(&trained, observe);
        let indices = self.network.indices(&trained);
        let lengths: Vec<usize> =
            indices.iter().map(|at| self.network.parameters[*at].shape.iter().product()).collect();
        let on_host = self.network.compute.is_host();
        let mut optimizer = Optimizer::new(self.stage.optimizer, &lengths, on_host);
        let mut watch = self.stage.early_stopping.map(Watch::new);
        let mut last = 0;
        for epoch in 1..=self.stage.epochs {
            let record = self.epoch(epoch, epochs_before, &indices, &mut optimizer, observe)?;
            observe(Event::Epoch(record.clone()));
            let steps = self.train.len().div_ceil(self.stage.batch_size);
            self.check_finite(record.validation_loss, epoch, steps)?;
            last = epoch;
            let current = || self.current(&indices);
            if watch.as_mut().is_some_and(|watch| watch.stops(&record, current)) {
                break;
            }
        }
        self.settle(watch, last, &indices, observe);
        Ok(last)
    }

    /// Layers with parameters that this stage trains.
    fn trained(&self) -> BTreeSet<usize> {
        let layers = self.network.layers.iter().enumerate();
        layers
            .filter(|(_, layer)| layer.kind.has_parameters() && !self.stage.freezes(layer))
            .map(|(at, _)| at)
            .collect()
    }

    fn announce(&self, trained: &BTreeSet<usize>, observe: &mut dyn FnMut(Event)) {
        let layers = self.network.layers.iter().enumerate();
        observe(Event::Stage {
            stage: self.stage.name.clone(),
            trainable_parameters: trained
                .iter()
                .map(|at| self.network.layers[*at].parameters())
                .sum(),
            layers: layers
                .map(|(at, layer)| LayerState {
                    layer: layer.name.clone(),
                    kind: layer.kind.keras_name(),
                    output_shape: layer.output.to_string(),
                    parameters: layer.parameters(),
                    trainable: trained.contains(&at),
                })
                .collect(),
        });
    }

    /// Brings back the best parameters where that was asked for, and says so.
    fn settle(
        &mut self,
        watch: Option<Watch>,
        last: usize,
        indices: &[usize],
        observe: &mut dyn FnMut(Event),
    ) {
        let Some(watch) = watch else { return };
        let best_epoch = watch.best_epoch();
        let best = watch.into_best();
        let restored = best.is_some() && best_epoch != last;
        for (at, value) in indices.iter().zip(best.unwrap_or_default()) {
            self.network.parameters[*at].value = value;
        }
        if last < self.stage.epochs || restored {
            let stage = self.stage.name.clone();
            observe(Event::EarlyStop { stage, epoch: last, best_epoch, restored });
        }
    }

    fn current(&self, indices: &[usize]) -> Vec<Tensor<1>> {
        indices.iter().map(|at| self.network.parameters[*at].value.clone()).collect()
    }

    fn epoch(
        &mut self,
        epoch: usize,
        epochs_before: usize,
        indices: &[usize],
        optimizer: &mut Optimizer,
        observe: &mut dyn FnMut(Event),
    ) -> Result<EpochRecord, LearnError> {
        let start = Instant::now();
        let key = Key {
            stage: self.index as u64,
            epoch: epoch as u64,
            ..Key::new(self.seed, Purpose::Shuffle)
        };
        let order = key.stream().permutation(self.train.len());
        let mut sums = Sums::default();
        let mut step = 0;
        let augment = Key { purpose: Purpose::Augment, ..key };
        let (train, size) = (self.train, self.stage.batch_size);
        let waiting_s = train.batches(&order, size, augment, &mut |batch, values| {
            self.interrupt.check()?;
            let outcomes = self.step(key, batch, values, indices, optimizer)?;
            sums.add(&outcomes);
            step += 1;
            self.check_finite(sums.loss, epoch, step)?;
            let phase =
                Phase::Epoch { stage: self.stage.name.clone(), epoch, epochs: self.stage.epochs };
            observe(Event::Progress { phase, done: sums.images, total: order.len() });
            Ok(())
        })?;
        let train_seconds = start.elapsed().as_secs_f64();
        let (validation_loss, validation_accuracy) =
            evaluate::score(self.network, self.prefix, self.validation, self.interrupt)?;
        Ok(EpochRecord {
            stage: self.stage.name.clone(),
            epoch,
            epochs: self.stage.epochs,
            global_epoch: epochs_before + epoch,
            train_loss: sums.mean_loss(),
            train_accuracy: sums.accuracy(),
            validation_loss,
            validation_accuracy,
            learning_rate: self.stage.optimizer.learning_rate(),
            duration_s: start.elapsed().as_secs_f64(),
            images_per_s: sums.per_second(train_seconds),
            waiting_s,
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

impl Sums {
    fn add(&mut self, outcomes: &[Outcome]) {
        self.loss += outcomes.iter().map(|outcome| outcome.loss).sum::<f64>();
        self.correct += outcomes.iter().filter(|outcome| outcome.correct).count();
        self.images += outcomes.len();
    }

    fn mean_loss(&self) -> f64 {
        self.per_image(self.loss)
    }

    #[allow(clippy::cast_precision_loss)]
    fn accuracy(&self) -> f64 {
        self.per_image(self.correct as f64)
    }

    #[allow(clippy::cast_precision_loss)]
    fn per_image(&self, sum: f64) -> f64 {
        sum / self.images.max(1) as f64
    }

    #[allow(clippy::cast_precision_loss)]
    fn per_second(&self, seconds: f64) -> f64 {
        self.images as f64 / seconds.max(f64::MIN_POSITIVE)
    }
}

/// Loss of a batch and its gradient by the parameters at `indices`, each flat.
///
/// The loss is the mean over the batch. Autodiff starts at the leaves and ends at the logits: the
/// derivative of the loss by these is known, so that the network is differentiated through the
/// product of the two.
///
/// # Errors
///
/// [`LearnError::Compute`] where the device lost a tensor.
pub fn gradients(
    network: &Network,
    prefix: usize,
    input: Flow,
    labels: &[usize],
    dropping: Option<Dropping<'_>>,
    indices: &[usize],
) -> Result<(Vec<Outcome>, Vec<Tensor<1>>), LearnError> {
    let mut values = network.values();
    for at in indices {
        values[*at] = values[*at].clone().autodiff().require_grad();
    }
    let last = network.layers.len();
    let logits = network.forward(prefix..last, input, &values, dropping, &mut |_, _| {}).rows();
    let [images, classes] = logits.dims();
    let rows = read(logits.clone().inner())?;
    let outcomes: Vec<Outcome> = rows
        .chunks_exact(classes)
        .zip(labels)
        .map(|(row, label)| cross_entropy(row, *label))
        .collect();
    #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]
    let slope: Vec<f32> = outcomes
        .iter()
        .flat_map(|outcome| &outcome.gradient)
        .map(|slope| (slope / images as f64) as f32)
        .collect();
    let slope =
        Tensor::<2>::from_data(TensorData::new(slope, [images, classes]), &network.compute.device);
    let mut graph = (logits * slope).sum().backward();
    indices
        .iter()
        .map(|at| {
            values[*at]
                .grad_remove(&mut graph)
                .ok_or_else(|| LearnError::Compute(format!("no gradient for parameter {at}")))
        })
        .collect::<Result<_, _>>()
        .map(|gradients| (outcomes, gradients))
}
