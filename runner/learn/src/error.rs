//! What can go wrong while learning, by what it means for whoever started it.

use std::path::PathBuf;

use runner_experiment::text::shown;

use crate::data::scan::BadImage;
use crate::device::DeviceError;
use crate::model::weights::WeightsError;

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
    /// The asked-for device is not there.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// Images of a data set cannot be used, and the experiment says to fail then.
    #[error("{} of the images cannot be used:{}\nremove or replace them, or set `on_bad_image = \"skip\"` in `[dataset]`", .0.len(), bad_list(.0))]
    BadDataset(Vec<BadImage>),
    /// Images cannot be used that were asked for, or that could be used a moment ago.
    #[error("{} of the images cannot be used:{}\nremove or replace them", .0.len(), bad_list(.0))]
    BadImages(Vec<BadImage>),
    /// Too many images were skipped.
    #[error("no usable image is left of the class `{class}` in `{split}`")]
    EmptyClass {
        /// The split.
        split: &'static str,
        /// The class.
        class: String,
    },
    /// Pretrained weights cannot be used.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// The cache folder cannot be used.
    #[error(
        "cannot use the cache folder {path}: {reason}; set RUNNER_CACHE to a folder that can be written"
    )]
    Cache {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        reason: String,
    },
    /// Features that are no numbers, or too large for their precision.
    #[error(
        "the features of {path} are not finite; if `dataset.feature_precision` is \"f16\", they may be too large for it"
    )]
    Features {
        /// The image.
        path: PathBuf,
    },
    /// A result could not be written.
    #[error("cannot write {path}: {reason}")]
    Write {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        reason: String,
    },
    /// A loss that is not finite.
    #[error(
        "the loss became {loss} in stage `{stage}`, epoch {epoch}, step {step}; a smaller learning rate often helps (now {learning_rate})"
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
    /// A device lost its tensors, or a shape is not what it should be.
    #[error("the device failed: {0}")]
    Compute(String),
    /// A picture job asks for what the network does not have.
    #[error("{0}")]
    Job(String),
    /// Somebody asked to stop.
    #[error("interrupted")]
    Interrupted,
}

impl LearnError {
    /// What this error means for the command line.
    #[must_use]
    pub fn category(&self) -> Category {
        match self {
            Self::Device(_) | Self::Job(_) => Category::Experiment,
            Self::BadDataset(_)
            | Self::BadImages(_)
            | Self::EmptyClass { .. }
            | Self::Features { .. }
            | Self::OtherImages
            | Self::OtherWeights
            | Self::OtherFormat { .. }
            | Self::Weights(_) => Category::Data,
            Self::NotFinite { .. } => Category::Training,
            Self::Interrupted => Category::Interrupted,
            Self::Cache { .. } | Self::Write { .. } | Self::Compute(_) => Category::Internal,
        }
    }
}

fn bad_list(bad: &[BadImage]) -> String {
    bad.iter().map(|bad| format!("\n  {}: {}", shown(&bad.path), bad.problem)).collect()
}
