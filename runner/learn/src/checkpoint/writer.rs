//! Writes checkpoints during a run, and keeps the two newest.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Instant;

use burn::tensor::Tensor;

use super::file::{files, write};
use super::state::{Entry, Lowest, Position, State};
use crate::average::Average;
use crate::early_stopping::Memory;
use crate::error::LearnError;
use crate::optimizer;
use crate::rates::Plateau;
use runner_network::network::Network;
use runner_network::parameter::read;
use runner_record::{EpochRecord, Reason};

/// How many checkpoints are kept.
const KEPT: usize = 2;

/// What a checkpoint is written from.
pub struct Snapshot<'a> {
    /// Index of the stage.
    pub stage: usize,
    /// How far it is.
    pub position: Position,
    /// Whether it has taken its last step.
    pub over: bool,
    /// Why, where that was before the last epoch.
    pub reason: Reason,
    /// Of the schedule.
    pub plateau: Plateau,
    /// Of the parameters.
    pub average: Option<&'a Average>,
    /// Of early stopping.
    pub early_stopping: Option<(Memory, &'a [Tensor<1>])>,
    /// Of the optimizer.
    pub optimizer: optimizer::State,
    /// The network.
    pub network: &'a Network,
}

/// Writes checkpoints.
pub struct CheckpointWriter {
    folder: Option<PathBuf>,
    fingerprint: String,
    dataset: String,
    weights: String,
    saved: Instant,
    number: usize,
    /// Whether the last checkpoint stays when everything is written.
    pub keeps_last: bool,
    /// Indices of the parameters that were trained so far.
    pub trained: BTreeSet<usize>,
    /// What was said so far.
    pub history: Vec<Entry>,
    /// The epoch of the run, 1-based, that the parameters are of once a stage is over.
    pub last_epoch: usize,
    /// Indices of the parameters that are kept from the epoch with the lowest validation loss: all
    /// that any stage trains.
    pub lowest_indices: BTreeSet<usize>,
    /// That epoch, and its values of these.
    pub lowest: Option<(Lowest, BTreeMap<usize, Tensor<1>>)>,
}

impl CheckpointWriter {
    /// Writes checkpoints into `folder`, or none where that is `None`. `lowest_indices` are the
    /// parameters whose values in the epoch with the lowest validation loss are kept too.
    #[must_use]
    pub fn new(
        folder: Option<PathBuf>,
        fingerprint: String,
        dataset: String,
        weights: String,
        lowest_indices: BTreeSet<usize>,
    ) -> Self {
        let number = folder.as_deref().map(files).and_then(|files| files.first().map(|f| f.0));
        Self {
            folder,
            fingerprint,
            dataset,
            weights,
            saved: Instant::now(),
            number: number.unwrap_or(0),
            keeps_last: false,
            trained: BTreeSet::new(),
            history: Vec::new(),
            last_epoch: 0,
            lowest_indices,
            lowest: None,
        }
    }

    /// Whether a checkpoint is one of this plan, these images and these weights.
    ///
    /// # Errors
    ///
    /// [`LearnError::OtherImages`] or [`LearnError::OtherWeights`].
    pub fn check(&self, state: &State) -> Result<(), LearnError> {
        if state.fingerprint != self.fingerprint || state.dataset != self.dataset {
            return Err(LearnError::OtherImages);
        }
        match state.weights.is_empty() || state.weights == self.weights {
            true => Ok(()),
            false => Err(LearnError::OtherWeights),
        }
    }

    /// Keeps the parameters of an epoch that has the lowest validation loss so far; `current` are
    /// those that its stage trains, with their indices.
    pub fn update_lowest<'a>(
        &mut self,
        epoch: &EpochRecord,
        network: &Network,
        current: impl Iterator<Item = (&'a usize, &'a Tensor<1>)>,
    ) {
        let loss = epoch.validation_loss;
        if self.lowest_indices.is_empty()
            || self.lowest.as_ref().is_some_and(|(l, _)| l.loss <= loss)
        {
            return;
        }
        let value = |index: &usize| (*index, network.parameters[*index].value.clone());
        let mut values: BTreeMap<usize, Tensor<1>> =
            self.lowest_indices.iter().map(value).collect();
        values.extend(current.map(|(index, value)| (*index, value.clone())));
        self.lowest = Some((Lowest { loss, global_epoch: epoch.global_epoch }, values));
    }

    /// Whether the last checkpoint is older than this.
    #[must_use]
    pub fn is_due(&self, seconds: u64) -> bool {
        self.folder.is_some() && self.saved.elapsed().as_secs() >= seconds
    }

    /// Writes a checkpoint and removes all but the newest two.
    ///
    /// # Errors
    ///
    /// [`LearnError::Write`], or [`LearnError::Compute`] where the device lost a tensor.
    pub fn save(&mut self, snapshot: &Snapshot<'_>) -> Result<(), LearnError> {
        let Some(folder) = &self.folder else { return Ok(()) };
        let state = self.state(snapshot);
        let named = self.tensors(snapshot)?;
        self.number += 1;
        write(&state, &named, folder, self.number)?;
        for (_, old) in files(folder).into_iter().skip(KEPT) {
            // One too many does no harm.
            let _ = std::fs::remove_file(old);
        }
        self.saved = Instant::now();
        Ok(())
    }

    /// Everything but tensors.
    fn state(&self, snapshot: &Snapshot<'_>) -> State {
        State {
            fingerprint: self.fingerprint.clone(),
            dataset: self.dataset.clone(),
            weights: self.weights.clone(),
            stage: snapshot.stage,
            position: snapshot.position,
            over: snapshot.over,
            reason: snapshot.reason,
            plateau: snapshot.plateau,
            average_steps: snapshot.average.map_or(0, Average::steps),
            lowest: self.lowest.as_ref().map(|(lowest, _)| *lowest),
            last_epoch: self.last_epoch,
            early_stopping: snapshot.early_stopping.map(|(memory, _)| memory),
            optimizer_steps: snapshot.optimizer.steps,
            history: self.history.clone(),
        }
    }

    /// Every tensor of a checkpoint by its name.
    fn tensors(&self, snapshot: &Snapshot<'_>) -> Result<BTreeMap<String, Vec<f32>>, LearnError> {
        let mut named: BTreeMap<String, Vec<f32>> = BTreeMap::new();
        for index in &self.trained {
            named.insert(
                format!("parameter.{index}"),
                snapshot.network.parameters[*index].values()?,
            );
        }
        for (index, [first, second]) in snapshot.optimizer.slots.iter().enumerate() {
            named.insert(format!("first.{index:06}"), first.clone());
            named.insert(format!("second.{index:06}"), second.clone());
        }
        let best = snapshot.early_stopping.map_or(&[][..], |(_, best)| best);
        let average = snapshot.average.map_or(&[][..], Average::values);
        for (name, values) in [("best", best), ("average", average)] {
            for (index, value) in values.iter().enumerate() {
                named.insert(format!("{name}.{index:06}"), read(value.clone())?);
            }
        }
        for (index, value) in self.lowest.iter().flat_map(|(_, values)| values) {
            named.insert(format!("lowest.{index}"), read(value.clone())?);
        }
        Ok(named)
    }

    /// Removes every checkpoint, but for the last where it is to be kept: the model is written.
    pub fn clear(&self) {
        let Some(folder) = &self.folder else { return };
        // What is left takes space and nothing else.
        if !self.keeps_last {
            let _ = std::fs::remove_dir_all(folder);
            return;
        }
        for (_, old) in files(folder).into_iter().skip(1) {
            let _ = std::fs::remove_file(old);
        }
    }
}
