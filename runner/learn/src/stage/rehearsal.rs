//! A stage on made-up images: on a GPU, everything that its epochs launch is launched once before the
//! real images are there, so that no step waits for a compiler.
//!
//! It takes the steps of the stage itself, on a copy of the network: what they draw depends on seed,
//! stage, epoch and sample alone, and what they compute is thrown away.

use std::collections::BTreeSet;
use std::panic::resume_unwind;

use runner_data::interrupt::Interrupt;
use runner_experiment::architecture::Shape;
use runner_experiment::plan::{Augmentation, Dataset, LearningRate, Stage};
use runner_network::NetworkError;
use runner_network::device::memory::out_of_memory;
use runner_network::inference::Inference;
use runner_network::network::Network;
use runner_random::{Key, Purpose};
use runner_record::Event;

use super::{StageRun, trained};
use crate::checkpoint::{CheckpointWriter, Position};
use crate::error::LearnError;
use crate::evaluate;
use crate::feature_cache::prefix_shape;
use crate::feature_set::{FeatureSet, Store};
use crate::feature_views::FeatureViews;
use crate::images::Images;
use crate::labels::Labels;
use crate::objective::Objective;
use crate::samples::Samples;
use crate::warm::{Passes, once};

/// How a rehearsal ended: what it panicked over too.
pub type Warmed = std::thread::Result<Result<(), LearnError>>;

/// Passes on how a rehearsal ended. That the memory was full is nothing yet: the rehearsal was not alone
/// on the device, and the stage itself will say so where it does not fit.
pub(super) fn require(warmed: Option<Warmed>) -> Result<(), LearnError> {
    let panic = match warmed {
        None | Some(Ok(Err(LearnError::Network(NetworkError::OutOfMemory(_))))) => return Ok(()),
        Some(Ok(done)) => return done,
        Some(Err(panic)) => panic,
    };
    let said = panic.downcast_ref::<String>().map(String::as_str);
    match said.or_else(|| panic.downcast_ref::<&str>().copied()).and_then(out_of_memory) {
        Some(_) => Ok(()),
        None => resume_unwind(panic),
    }
}

/// Epochs: the first step of an optimizer begins its memory, the second one goes on with it.
const EPOCHS: usize = 2;

/// Images of a batch that is to be a small one.
const FEW: usize = 2;

/// What is rehearsed.
pub(crate) struct Rehearsal<'a> {
    /// Copied; the tensors themselves are shared, and stay as they are.
    pub(crate) network: &'a Network,
    pub(crate) stage: &'a Stage,
    pub(crate) dataset: &'a Dataset,
    /// That of the plan.
    pub(crate) augmentation: Option<&'a Augmentation>,
    /// Images of the training and the validation split.
    pub(crate) images: [usize; 2],
    pub(crate) objective: Objective,
    /// Whether to do little of it: a program that stands in for a GPU compiles quickly and computes
    /// slowly.
    pub(crate) briefly: bool,
}

/// Some of a split's images, made up.
#[derive(Clone, Copy)]
struct MadeUp {
    count: usize,
    /// So many there are.
    of: usize,
    /// Whether they are changed.
    augment: bool,
}

impl Rehearsal<'_> {
    /// Takes the steps and measures the validation images, once and once again.
    ///
    /// # Errors
    ///
    /// [`LearnError::Network`] where the device fails or computes wrong results, and
    /// [`LearnError::Interrupted`].
    pub(crate) fn run(
        &self,
        interrupt: &Interrupt,
        observe: &mut dyn FnMut(Event),
    ) -> Result<(), LearnError> {
        let changes = self.changes();
        let total = self.epochs() * changes.len();
        let compute = &self.network.compute;
        let stage = self.kernels();
        let of =
            (&self.network.layers, &stage, self.dataset, &changes, self.images, self.objective);
        once(compute, &of, || {
            let mut passes = Passes::start(&self.stage.name, total, compute, observe)?;
            self.pass(&changes, interrupt, &mut passes)
        })
    }

    fn epochs(&self) -> usize {
        if self.briefly { 1 } else { EPOCHS }
    }

    /// Of the stage what decides which kernels it launches.
    fn kernels(&self) -> Stage {
        let mut optimizer = self.stage.optimizer.clone();
        optimizer.learning_rate = LearningRate::One(1.0);
        let Stage { frozen, augment, ema, label_smoothing, batch_norm, .. } = self.stage.clone();
        let Stage { batch_size, accumulate, .. } = self.stage();
        let same = Stage { frozen, augment, ema, label_smoothing, batch_norm, ..Stage::default() };
        Stage { batch_size, accumulate, optimizer, ..same }
    }

    pub(super) fn pass(
        &self,
        changes: &[Option<Augmentation>],
        interrupt: &Interrupt,
        passes: &mut Passes<'_>,
    ) -> Result<(), LearnError> {
        let prefix = self.stage.frozen_prefix(&self.network.layers);
        let shape = prefix_shape(&self.network.layers, prefix, self.dataset.image_size);
        let stage = self.stage();
        let [train, validation] = self.samples((prefix, shape), &stage)?;
        for augmentation in changes {
            let mut network = self.network.clone();
            let mut writer = nowhere();
            let mut run = StageRun {
                stage: &stage,
                index: 0,
                seed: 0,
                network: &mut network,
                prefix,
                train: &train,
                validation: &validation,
                augmentation: augmentation.as_ref(),
                class_weights: vec![1.0; self.objective.classes],
                objective: self.objective,
                interrupt,
                warmed: None,
                writer: &mut writer,
            };
            let indices = run.network.indices(&trained(&stage, run.network));
            let mut work = run.start(indices, 0, None, &mut |_| {});
            for epoch in 1..=self.epochs() {
                match passes.pass(|| run.epoch(&mut work, &mut |_| {}).map(drop)) {
                    // Made-up images may come to anything.
                    Err(LearnError::NotFinite { .. }) => break,
                    done => done?,
                }
                work.position = Position { epochs: epoch, ..Position::default() };
            }
        }
        passes.finish();
        Ok(())
    }

    /// Of a stage that draws for each batch how it is mixed, one for each way.
    pub(super) fn changes(&self) -> Vec<Option<Augmentation>> {
        let settings = self.augmentation.filter(|_| self.stage.augment);
        match settings {
            Some(both) if both.mixup.is_some() && both.cutmix.is_some() => vec![
                Some(Augmentation { cutmix: None, ..both.clone() }),
                Some(Augmentation { mixup: None, ..both.clone() }),
            ],
            other => vec![other.cloned()],
        }
    }

    /// The stage with batches of the size that they will have, of which few share a step.
    fn stage(&self) -> Stage {
        let most = if self.briefly { FEW } else { self.images[0] };
        let batch_size = self.stage.batch_size.min(most).max(1);
        Stage { batch_size, accumulate: self.stage.accumulate.min(2), ..self.stage.clone() }
    }

    fn samples(&self, before: (usize, Shape), stage: &Stage) -> Result<[Samples; 2], LearnError> {
        let [train, validation] = self.images;
        // The last batch, where that is a smaller one.
        let is_last_smaller = train > stage.batch_size && !self.briefly;
        let last = if is_last_smaller { train % stage.batch_size } else { 0 };
        let count = stage.batch_size * stage.accumulate + last;
        let train = MadeUp { count, of: train, augment: stage.augment };
        let count = validation.min(if self.briefly { FEW } else { evaluate::BATCH });
        let validation = MadeUp { count, of: validation, augment: false };
        Ok([self.made_up(before, train)?, self.made_up(before, validation)?])
    }

    /// Samples of the kind that the stage will have.
    fn made_up(
        &self,
        (prefix, shape): (usize, Shape),
        some: MadeUp,
    ) -> Result<Samples, LearnError> {
        let settings = self.augmentation.filter(|_| some.augment);
        let views = settings.and_then(|settings| settings.views);
        if prefix > 0 && (!some.augment || views.is_some()) {
            let views = views.unwrap_or(1).clamp(1, 2);
            let set = |view| self.features(some.count, shape, view);
            return Ok(Samples::Features(Box::new(FeatureViews::new(
                (0..views).map(set).collect(),
            ))));
        }
        let layers = match prefix {
            0 => None,
            _ => Some(Inference::new(self.network, 0..prefix)?),
        };
        let counts = (some.count, some.of);
        let settings = settings.cloned();
        let images =
            Images::made_up(counts, &self.objective, self.dataset, settings, (layers, shape));
        Ok(Samples::Images(Box::new(images)))
    }

    fn features(&self, count: usize, shape: Shape, view: usize) -> FeatureSet {
        let mut values = vec![0.0; count * shape.elements()];
        let key = Key { layer: view as u64, ..Key::new(0, Purpose::Generate) };
        // Not zeros: what matrix units compute is compared with exact products the first time.
        key.stream().fill_uniform(&mut values);
        FeatureSet {
            split: "train",
            shape,
            labels: Labels::even((0..count).map(|index| self.objective.made_up(index)).collect()),
            paths: vec![Default::default(); count],
            hashes: vec![Default::default(); count],
            store: Store::Memory(values),
        }
    }
}

/// Writes no checkpoint.
fn nowhere() -> CheckpointWriter {
    let none = String::new;
    CheckpointWriter::new(None, none(), none(), none(), BTreeSet::new())
}

#[cfg(all(test, feature = "gpu"))]
mod tests;
