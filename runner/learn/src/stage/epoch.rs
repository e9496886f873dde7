//! One epoch: the steps that are left of it, and the validation after them.

use std::time::Instant;

use burn::tensor::Tensor;

use super::tally::{NotFinite, Tally, Trouble};
use super::{StageRun, Work};
use crate::batch::Batch;
use crate::checkpoint::Position;
use crate::error::LearnError;
use crate::evaluate;
use crate::gradients::{Gradients, Suffix, gradients, gradients_on_device};
use crate::samples::{Draws, Pass};
use runner_data::mixing::Mixing;
use runner_experiment::architecture::Op;
use runner_network::Training;
use runner_network::network::Moved;
use runner_random::{Key, Purpose};
use runner_record::{EpochRecord, Event, Phase};

/// A checkpoint is written in the middle of an epoch where the last one is older than this, in
/// seconds.
const STEP_SECONDS: u64 = 300;

/// Gradients of batches that wait for the step that they share.
#[derive(Default)]
struct Pending {
    gradients: Vec<Tensor<1>>,
    images: usize,
    batches: usize,
}

impl Pending {
    /// Adds the mean gradient over some images.
    fn add(&mut self, gradients: Vec<Tensor<1>>, images: usize) {
        // A step of one batch takes its gradient as it is.
        if self.batches == 0 {
            self.gradients = gradients;
        } else {
            let (old, new) = (weight(self.images, images), weight(images, self.images));
            let pairs = std::mem::take(&mut self.gradients).into_iter().zip(gradients);
            self.gradients = pairs.map(|(sum, gradient)| sum * old + gradient * new).collect();
        }
        self.images += images;
        self.batches += 1;
    }
}

/// The share that `images` have of all the images.
fn weight(images: usize, others: usize) -> f32 {
    (images as f64 / (images + others).max(1) as f64) as f32
}

impl StageRun<'_> {
    /// The rest of an epoch.
    pub(super) fn epoch(
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
        let (validation_loss, validation_score) = self.validate(work)?;
        let sums = work.position.sums;
        let (train_accuracy, train_mae) = self.objective.named(sums.mean_score());
        let (validation_accuracy, validation_mae) = self.objective.named(validation_score);
        let last = self.steps_per_epoch() * epoch - 1;
        Ok(EpochRecord {
            stage: self.stage.name.clone(),
            epoch,
            epochs: self.stage.epochs,
            global_epoch: work.epochs_before + epoch,
            train_loss: sums.mean_loss(),
            train_accuracy,
            train_mae,
            validation_loss,
            validation_accuracy,
            validation_mae,
            learning_rate: self.stage.optimizer.learning_rate.largest() * self.factor(work, last),
            duration_s: start.elapsed().as_secs_f64(),
            images_per_s: per_second(sums.images - before, train_seconds),
            waiting_s,
        })
    }

    /// Loss and score on the validation images, with the averaged parameters where there are
    /// some.
    fn validate(&self, work: &Work) -> Result<(f64, f64), LearnError> {
        let mut network = self.network.clone();
        if let Some(average) = &work.average {
            for (index, value) in work.indices.iter().zip(average.values()) {
                network.parameters[*index].value = value.clone();
            }
        }
        let on = (&network, self.prefix, &self.objective);
        evaluate::score(on, self.validation, self.interrupt)
    }

    /// Steps of the optimizer in an epoch.
    fn steps_per_epoch(&self) -> usize {
        self.train.len().div_ceil(self.stage.batch_size).div_ceil(self.stage.accumulate)
    }

    /// Of the learning rates, at a step of the optimizer, 0-based within the stage.
    fn factor(&self, work: &Work, step: usize) -> f64 {
        work.rates.factor(step, self.steps_per_epoch(), self.stage.epochs)
    }

    /// The batches of an epoch that are left; returns the seconds that were spent waiting.
    fn steps(
        &mut self,
        key: Key,
        work: &mut Work,
        observe: &mut dyn FnMut(Event),
    ) -> Result<f64, LearnError> {
        let order = key.stream().permutation(self.train.len());
        let (train, size, total) = (self.train, self.stage.batch_size, order.len());
        let left = &order[(work.position.steps * size).min(order.len())..];
        let compute = self.network.compute.clone();
        // A row that only fills a batch would count in its mean and variance.
        let full = !self.trains_norm(work);
        let mut tally = Tally::new(work.position, size, &compute);
        let mut pending = Pending::default();
        // Moving statistics as they were at the last step of the optimizer.
        let mut before = Moved::new();
        let mut sent = work.position.sums.images;
        let pass = Pass { size, draws: self.draws(key), full, compute: &compute };
        let result = train.batches(left, pass, &mut |batch| {
            self.interrupt.check()?;
            let images = batch.images;
            sent += images;
            let (gradients, moved, news) = self.gradients(key, batch, &work.indices, &mut tally)?;
            self.shift(moved, (pending.batches == 0).then_some(&mut before));
            pending.add(gradients, images);
            if pending.batches == self.stage.accumulate || sent == total {
                self.step(work, std::mem::take(&mut pending).gradients)?;
                tally.stepped();
                before.clear();
            }
            work.position = tally.saved();
            if news {
                self.progress(tally.reached(), total, observe);
            }
            if pending.batches > 0 || !self.writer.is_due(STEP_SECONDS) {
                return Ok(());
            }
            self.settle(&mut tally, work)?;
            self.save(work)
        });
        // What is saved now is the state after the last step.
        self.put(before);
        // Steps that were taken count, also where somebody asked to stop.
        if matches!(result, Ok(_) | Err(LearnError::Interrupted)) {
            self.settle(&mut tally, work)?;
        }
        if result.is_ok() && !compute.is_host() {
            self.progress(tally.reached(), total, observe);
        }
        result
    }

    /// What is drawn for the images of an epoch.
    fn draws(&self, key: Key) -> Draws {
        let mixing = self.augmentation.and_then(|settings| Mixing::new(settings, key));
        Draws { augment: Key { purpose: Purpose::Augment, ..key }, mixing }
    }

    /// Puts new moving statistics in place; what they were goes into `before`.
    fn shift(&mut self, moved: Moved, before: Option<&mut Moved>) {
        if let Some(before) = before {
            let values = moved.iter().map(|(index, _)| *index);
            let value = |index: usize| (index, self.network.parameters[index].value.clone());
            *before = values.map(value).collect();
        }
        self.put(moved);
    }

    fn put(&mut self, values: Moved) {
        for (index, value) in values {
            self.network.parameters[index].value = value;
        }
    }

    /// Waits for the outcomes of all batches.
    fn settle(&self, tally: &mut Tally<'_>, work: &mut Work) -> Result<(), LearnError> {
        let done = tally.finish().map_err(|trouble| self.failed(trouble, work.position));
        work.position = tally.saved();
        done
    }

    fn failed(&self, trouble: Trouble, position: Position) -> LearnError {
        match trouble {
            Trouble::Other(error) => error,
            Trouble::Loss(NotFinite { loss, step }) => {
                self.not_finite(loss, position.epochs + 1, step)
            }
        }
    }

    fn progress(&self, reached: Position, total: usize, observe: &mut dyn FnMut(Event)) {
        let (stage, epochs) = (self.stage.name.clone(), self.stage.epochs);
        let phase = Phase::Epoch { stage, epoch: reached.epochs + 1, epochs };
        observe(Event::Progress { phase, done: reached.sums.images, total });
    }

    /// Whether the stage trains a batch normalization.
    fn trains_norm(&self, work: &Work) -> bool {
        let mut owners = work.indices.iter().map(|index| self.network.owner(*index));
        owners.any(|layer| matches!(layer.op, Op::BatchNorm { .. }))
    }

    /// Gradients of a batch, which the tally counts, and new values of parameters that no gradient
    /// reaches. Whether something new is known of the outcomes.
    fn gradients(
        &self,
        key: Key,
        batch: Batch<'_>,
        indices: &[usize],
        tally: &mut Tally<'_>,
    ) -> Result<(Vec<Tensor<1>>, Moved, bool), LearnError> {
        let Batch { samples, images, input, mix } = batch;
        let compute = &self.network.compute;
        let input = input.flow(samples.len(), self.train.shape(), compute);
        let targets = self.targets(&samples[..images], mix);
        let suffix = Suffix {
            network: &*self.network,
            prefix: self.prefix,
            training: Some(Training { key, samples }),
            indices,
        };
        let position = tally.reached();
        let (gradients, moved, news) = if compute.is_host() {
            let Gradients { outcomes, gradients, moved } = gradients(suffix, input, &targets)?;
            (gradients, moved, tally.count(&outcomes).map(|()| true))
        } else {
            let mut ledger = tally.ledger();
            let (gradients, moved) = gradients_on_device(suffix, input, &targets, &mut ledger)?;
            (gradients, moved, tally.note(images, ledger))
        };
        Ok((gradients, moved, news.map_err(|trouble| self.failed(trouble, position))?))
    }

    /// One step of the optimizer.
    fn step(&mut self, work: &mut Work, gradients: Vec<Tensor<1>>) -> Result<(), LearnError> {
        let step = usize::try_from(work.optimizer.steps()).unwrap_or(usize::MAX);
        let factor = self.factor(work, step);
        let role = |index: &usize| self.network.parameters[*index].role;
        let is_averaged: Vec<bool> =
            work.indices.iter().map(|index| role(index).is_trainable()).collect();
        let mut parameters = self.network.parameters.iter_mut().enumerate();
        let mut trained: Vec<&mut Tensor<1>> = work
            .indices
            .iter()
            .filter_map(|trained| parameters.find(|(index, _)| index == trained))
            .map(|(_, parameter)| &mut parameter.value)
            .collect();
        work.optimizer.step(&mut trained, gradients, factor)?;
        let on_host = self.network.compute.is_host();
        let trained = trained.iter().zip(is_averaged).map(|(value, averaged)| (&**value, averaged));
        work.average.as_mut().map_or(Ok(()), |average| average.add(trained, on_host))
    }
}

fn per_second(images: usize, seconds: f64) -> f64 {
    images as f64 / seconds.max(f64::MIN_POSITIVE)
}
