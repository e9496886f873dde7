//! What a checkpoint holds.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::early_stopping::Memory;
use crate::rates::Plateau;
use runner_record::{EarlyStop, EpochRecord, Event, Reason};

/// Sums over the images of an epoch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Sums {
    /// Of the losses.
    pub loss: f64,
    /// Of what is counted beside the losses: correct predictions, shares of labels that are right, or
    /// absolute errors.
    #[serde(alias = "correct")]
    pub score: f64,
    /// How many there were.
    pub images: usize,
}

impl Sums {
    /// Takes in a batch: loss and score of each image.
    pub(crate) fn add(&mut self, images: &[(f64, f64)]) {
        self.loss += images.iter().map(|(loss, _)| loss).sum::<f64>();
        self.score += images.iter().map(|(_, score)| score).sum::<f64>();
        self.images += images.len();
    }

    pub(crate) fn mean_loss(&self) -> f64 {
        self.per_image(self.loss)
    }

    pub(crate) fn mean_score(&self) -> f64 {
        self.per_image(self.score)
    }

    fn per_image(&self, sum: f64) -> f64 {
        sum / self.images.max(1) as f64
    }
}

/// How far a stage is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Position {
    /// Epochs that are over.
    pub epochs: usize,
    /// Steps of the next epoch that were taken.
    pub steps: usize,
    /// What these came to.
    pub sums: Sums,
    /// Seconds that the stage was at work, pauses aside.
    #[serde(default)]
    pub seconds: f64,
}

/// Something that was said and has to be said again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Entry {
    /// An epoch is over.
    Epoch(EpochRecord),
    /// A stage ended early.
    EarlyStop(EarlyStop),
}

impl Entry {
    /// The stage that it belongs to.
    #[must_use]
    pub fn stage(&self) -> &str {
        match self {
            Self::Epoch(record) => &record.stage,
            Self::EarlyStop(stop) => &stop.stage,
        }
    }

    /// As it was said.
    #[must_use]
    pub fn event(&self) -> Event {
        match self {
            Self::Epoch(record) => Event::Epoch(record.clone()),
            Self::EarlyStop(stop) => Event::EarlyStop(stop.clone()),
        }
    }
}

/// Everything but tensors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Of the plan.
    pub fingerprint: String,
    /// See [`runner_data::scan::dataset_hash`].
    pub dataset: String,
    /// SHA-256 of the pretrained tensors, or `random`; empty in checkpoints that do not say.
    #[serde(default)]
    pub weights: String,
    /// Index of the stage that is under way.
    pub stage: usize,
    /// How far it is.
    pub position: Position,
    /// Whether it has taken its last step.
    pub over: bool,
    /// Why, where that was before the last epoch.
    #[serde(default)]
    pub reason: Reason,
    /// Of the schedule.
    #[serde(default)]
    pub plateau: Plateau,
    /// Steps of the moving average.
    #[serde(default)]
    pub average_steps: u32,
    /// The epoch with the lowest validation loss of the run, where its parameters are kept.
    #[serde(default)]
    pub lowest: Option<Lowest>,
    /// The epoch of the run, 1-based, that the parameters of the stage before are of.
    #[serde(default)]
    pub last_epoch: usize,
    /// Of early stopping, where the stage has it.
    #[serde(rename = "watch")]
    pub early_stopping: Option<Memory>,
    /// Steps of the optimizer.
    pub optimizer_steps: u32,
    /// From the run's beginning on.
    pub history: Vec<Entry>,
}

/// A checkpoint that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    /// Everything but tensors.
    pub state: State,
    /// Values of the parameters that were trained so far, by their index.
    pub parameters: BTreeMap<usize, Vec<f32>>,
    /// Of the optimizer, for each parameter of the stage.
    pub slots: Vec<[Vec<f32>; 2]>,
    /// Parameters of the stage at its best epoch, where these are kept.
    pub best: Vec<Vec<f32>>,
    /// The moving average of the stage's parameters.
    pub average: Vec<Vec<f32>>,
    /// Values of parameters in the epoch with the lowest validation loss, by their index.
    pub lowest: BTreeMap<usize, Vec<f32>>,
}

impl Checkpoint {
    /// Every tensor by its name in the file.
    pub(super) fn tensors(&self) -> BTreeMap<String, Vec<f32>> {
        let mut named = BTreeMap::new();
        for (name, values) in [("parameter", &self.parameters), ("lowest", &self.lowest)] {
            let values = values.iter();
            named.extend(values.map(|(index, values)| (format!("{name}.{index}"), values.clone())));
        }
        let [first, second] = [0, 1]
            .map(|slot| -> Vec<_> { self.slots.iter().map(|slots| slots[slot].clone()).collect() });
        let lists = [("first", &first), ("second", &second)];
        for (name, list) in
            lists.into_iter().chain([("best", &self.best), ("average", &self.average)])
        {
            let list = list.iter().enumerate();
            named.extend(list.map(|(at, values)| (format!("{name}.{at:06}"), values.clone())));
        }
        named
    }
}

/// The epoch with the lowest validation loss so far.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Lowest {
    /// That loss.
    pub loss: f64,
    /// 1-based within the run.
    pub global_epoch: usize,
}
