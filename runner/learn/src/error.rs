//! What can go wrong while learning, by what it means for whoever started it.

use std::path::PathBuf;

use runner_data::DataError;
use runner_network::NetworkError;
use runner_network::device::DeviceError;
use runner_network::error::Cause;
use runner_network::weights::WeightsError;

/// What an error means for the command line: its exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Category {
    /// A fault of this program.
    Internal,
    /// The experiment or the command line is wrong.
    Experiment,
    /// Images or weights are unusable.
    Data,
    /// Training went wrong.
    Training,
    /// Somebody asked to stop.
    Interrupted,
}

/// Why a run did not finish.
#[derive(Debug, thiserror::Error)]
pub enum LearnError {
    /// Images cannot be used.
    #[error(transparent)]
    Data(DataError),
    /// The network cannot be made, run or written.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// The cache folder cannot be used.
    #[error(
        "cannot use the cache folder {path}: {source}; set RUNNER_CACHE to a folder that can be written"
    )]
    Cache {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: Cause,
    },
    /// Features that are no numbers, or too large for their precision.
    #[error(
        "the features of {path} are not finite; if `dataset.feature_precision` is \"f16\", they may be too large for it"
    )]
    Features {
        /// The image.
        path: PathBuf,
    },
    /// A loss that is not finite.
    #[error(
        "the loss became {loss} in stage `{stage}`, epoch {epoch}, step {step}; a smaller learning rate often helps (now {learning_rate:e})"
    )]
    NotFinite {
        /// The stage.
        stage: String,
        /// 1-based.
        epoch: usize,
        /// 1-based within the epoch.
        step: usize,
        /// What it became.
        loss: f64,
        /// Of the optimizer.
        learning_rate: f64,
    },
    /// A run cannot go on with other images.
    #[error(
        "the images are no longer those that this run was started with; start a new run, or bring them back"
    )]
    OtherImages,
    /// A checkpoint of another version of this program.
    #[error(
        "the checkpoint {path} has format {format}, written by runner {written_by}; this one reads \
         format {reads}: resume with that version, or start a new run"
    )]
    OtherFormat {
        /// The file.
        path: PathBuf,
        /// Its format.
        format: u64,
        /// The version of the program that wrote it.
        written_by: String,
        /// The format of this one.
        reads: u64,
    },
    /// A run cannot go on from other weights.
    #[error(
        "the pretrained weights are no longer those that this run was started with; start a new run, \
         or bring them back"
    )]
    OtherWeights,
    /// Somebody asked to stop.
    #[error("interrupted")]
    Interrupted,
}

impl From<DataError> for LearnError {
    fn from(error: DataError) -> Self {
        match error {
            DataError::Interrupted => Self::Interrupted,
            other => Self::Data(other),
        }
    }
}

impl From<WeightsError> for LearnError {
    fn from(error: WeightsError) -> Self {
        NetworkError::from(error).into()
    }
}

impl From<DeviceError> for LearnError {
    fn from(error: DeviceError) -> Self {
        NetworkError::from(error).into()
    }
}

impl LearnError {
    /// A fault of this program.
    #[must_use]
    pub fn bug(what: impl Into<String>) -> Self {
        NetworkError::Bug(what.into()).into()
    }

    /// What this error means for the command line.
    #[must_use]
    pub fn category(&self) -> Category {
        match self {
            Self::Network(NetworkError::Device(_) | NetworkError::Unsound(_)) => {
                Category::Experiment
            }
            Self::Data(_)
            | Self::Features { .. }
            | Self::OtherImages
            | Self::OtherWeights
            | Self::OtherFormat { .. }
            | Self::Network(NetworkError::Weights(_)) => Category::Data,
            Self::NotFinite { .. } | Self::Network(NetworkError::OutOfMemory(_)) => {
                Category::Training
            }
            Self::Interrupted => Category::Interrupted,
            Self::Cache { .. }
            | Self::Network(
                NetworkError::Write { .. } | NetworkError::Compute(_) | NetworkError::Bug(_),
            ) => Category::Internal,
        }
    }
}
