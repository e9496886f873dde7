//! Where a run stands, on disk: what was trained so far, the optimizer's memory, early stopping's
//! memory, the position, and everything that was said until then.
//!
//! A checkpoint is a safetensors file that appears whole or not at all and carries its own
//! checksum. The two newest are kept, so that one that is damaged costs little.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use safetensors::SafeTensors;
use serde::{Deserialize, Serialize};

use crate::early_stopping::Memory;
use crate::error::LearnError;
use crate::loss::Outcome;
use crate::rates::Plateau;
use runner_record::{EarlyStop, EpochRecord, Event, Reason};

/// Sums over the images of an epoch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Sums {
    /// Of the losses.
    pub loss: f64,
    /// Of the correct predictions.
    pub correct: usize,
    /// How many there were.
    pub images: usize,
}

impl Sums {
    pub(super) fn add(&mut self, outcomes: &[Outcome]) {
        self.loss += outcomes.iter().map(|outcome| outcome.loss).sum::<f64>();
        self.correct += outcomes.iter().filter(|outcome| outcome.correct).count();
        self.images += outcomes.len();
    }

    pub(super) fn mean_loss(&self) -> f64 {
        self.per_image(self.loss)
    }

    #[allow(clippy::cast_precision_loss)]
    pub(super) fn accuracy(&self) -> f64 {
        self.per_image(self.correct as f64)
    }

    #[allow(clippy::cast_precision_loss)]
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
    pub watch: Option<Memory>,
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

/// The epoch with the lowest validation loss so far.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Lowest {
    /// That loss.
    pub loss: f64,
    /// 1-based within the run.
    pub global_epoch: usize,
}

pub(super) fn checksum<'a>(
    state: &str,
    tensors: impl Iterator<Item = (&'a str, &'a [u8])>,
) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(state.as_bytes());
    for (name, bytes) in tensors {
        hasher.update(name.as_bytes());
        hasher.update(&(bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    }
    hasher.finalize().to_hex().to_string()
}

/// Checkpoints with their numbers, newest first.
pub(super) fn files(folder: &Path) -> Vec<(usize, PathBuf)> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<(usize, PathBuf)> = entries
        .filter_map(|entry| {
            let path = entry.path();
            let number = path.file_name()?.to_str()?.strip_suffix(".safetensors")?.parse().ok()?;
            Some((number, path))
        })
        .collect();
    files.sort_unstable_by(|a, b| b.cmp(a));
    files
}

/// Raised when a checkpoint of before would be misread: 2 numbers images by their content.
pub(super) const FORMAT: u64 = 2;

/// Why a checkpoint is not read.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Flaw {
    /// It is not as it was written.
    Damaged,
    /// It is whole, and of another version of this program.
    Format { format: u64, written_by: String },
}

/// The newest checkpoint that is whole and that `check` has nothing to say against; `None` where
/// there is none.
///
/// # Errors
///
/// [`LearnError::OtherFormat`] where another version of this program wrote it: that is no damage,
/// and starting over would lose what it holds.
pub fn newest(
    folder: &Path,
    check: impl Fn(&Checkpoint) -> Result<(), String>,
) -> Result<Option<Checkpoint>, LearnError> {
    for (_, path) in files(folder) {
        let reason = match load(&path) {
            Ok(found) => match check(&found) {
                Ok(()) => return Ok(Some(found)),
                Err(reason) => reason,
            },
            Err(Flaw::Damaged) => "it is damaged".to_owned(),
            Err(Flaw::Format { format, written_by }) => {
                return Err(LearnError::OtherFormat { path, format, written_by, reads: FORMAT });
            }
        };
        tracing::warn!("the checkpoint {} is passed over: {reason}", path.display());
    }
    Ok(None)
}

fn load(path: &Path) -> Result<Checkpoint, Flaw> {
    let bytes = std::fs::read(path).map_err(|_| Flaw::Damaged)?;
    let about = about(&bytes).ok_or(Flaw::Damaged)?;
    // The first versions did not say.
    let format = about["format"].as_u64().unwrap_or(1);
    if format != FORMAT {
        let written_by = about["runner"].as_str().unwrap_or("an earlier version").to_owned();
        return Err(Flaw::Format { format, written_by });
    }
    read(&bytes, &about).ok_or(Flaw::Damaged)
}

/// What stands beside the tensors.
fn about(bytes: &[u8]) -> Option<serde_json::Value> {
    let (_, header) = SafeTensors::read_metadata(bytes).ok()?;
    serde_json::from_str(header.metadata().as_ref()?.get("runner")?).ok()
}

fn read(bytes: &[u8], about: &serde_json::Value) -> Option<Checkpoint> {
    let tensors = SafeTensors::deserialize(bytes).ok()?;
    let text = about.get("state")?.as_str()?;
    let named: BTreeMap<&str, &[u8]> =
        tensors.iter().map(|(name, view)| (name, view.data())).collect();
    let own = checksum(text, named.iter().map(|(name, bytes)| (*name, *bytes)));
    if about.get("checksum")?.as_str()? != own {
        return None;
    }
    let values = |bytes: &[u8]| -> Vec<f32> {
        bytes.as_chunks::<4>().0.iter().map(|value| f32::from_le_bytes(*value)).collect()
    };
    let list = |prefix: &str| -> Vec<Vec<f32>> {
        let own = named.iter().filter(|(name, _)| name.starts_with(prefix));
        own.map(|(_, bytes)| values(bytes)).collect()
    };
    let indexed = |prefix: &str| -> BTreeMap<usize, Vec<f32>> {
        let own = named.iter();
        own.filter_map(|(name, bytes)| {
            Some((name.strip_prefix(prefix)?.parse().ok()?, values(bytes)))
        })
        .collect()
    };
    Some(Checkpoint {
        state: serde_json::from_str(text).ok()?,
        parameters: indexed("parameter."),
        lowest: indexed("lowest."),
        average: list("average."),
        slots: list("first.").into_iter().zip(list("second.")).map(|(a, b)| [a, b]).collect(),
        best: list("best."),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::keeper::{Keeper, Snapshot};
    use crate::optimizer;
    use runner_experiment::architecture::{Activation, Builder, Shape};
    use runner_network::device::Compute;
    use runner_network::network::Network;
    use runner_network::parameter::tensor;
    use runner_network::weights::Weights;

    fn network() -> Network {
        let mut net = Builder::on(Shape::Vector(1));
        net.dense("a", 1, Activation::Linear);
        let mut network =
            Network::new(net.finish().unwrap_or_default(), Weights::new(), 0, Compute::cpu());
        let values = [vec![1.0], vec![2.0, 3.0]];
        for (parameter, values) in network.parameters.iter_mut().zip(values) {
            parameter.value = tensor(values, &network.compute.device);
        }
        network
    }

    fn snapshot(network: &Network, steps: usize) -> Snapshot<'_> {
        let sums = Sums { loss: 0.1 + 0.2, correct: 3, images: 5 };
        let position = Position { epochs: 2, steps, sums, seconds: 0.5 };
        Snapshot {
            stage: 1,
            position,
            over: false,
            reason: Reason::default(),
            plateau: Plateau::default(),
            average: None,
            watch: Some((Memory::default(), &[])),
            optimizer: optimizer::State { steps: 7, slots: vec![[vec![0.5, 0.25], Vec::new()]] },
            network,
        }
    }

    #[test]
    fn comes_back_bit_by_bit_and_a_damaged_one_is_passed_over() -> Result<(), LearnError> {
        let folder = tempfile::tempdir().map_err(|e| LearnError::bug(e.to_string()))?;
        let network = network();
        let mut keeper = Keeper::new(
            Some(folder.path().to_path_buf()),
            "f".to_owned(),
            "d".to_owned(),
            "random".to_owned(),
            BTreeSet::new(),
        );
        keeper.trained.insert(1);
        for steps in 1..=3 {
            keeper.save(&snapshot(&network, steps))?;
        }
        let kept = files(folder.path());
        assert_eq!(kept.iter().map(|file| file.0).collect::<Vec<_>>(), [3, 2]);
        let found = newest(folder.path(), |_| Ok(()))?.unwrap();
        assert_eq!(found.state.position.steps, 3);
        assert_eq!(found.state.position.sums.loss.to_bits(), (0.1_f64 + 0.2).to_bits());
        assert_eq!(found.parameters, BTreeMap::from([(1, vec![2.0, 3.0])]));
        assert_eq!(found.slots, [[vec![0.5, 0.25], vec![]]]);
        let mut bytes = std::fs::read(&kept[0].1).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        std::fs::write(&kept[0].1, &bytes).unwrap();
        assert_eq!(newest(folder.path(), |_| Ok(()))?.unwrap().state.position.steps, 2);
        std::fs::write(&kept[1].1, &bytes[..last / 2]).unwrap();
        assert_eq!(newest(folder.path(), |_| Ok(()))?, None);
        Ok(())
    }
}
