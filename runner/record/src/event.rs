//! What happens in a run, in order: the only output of the crates that compute.

use std::path::PathBuf;

use crate::epoch::{EarlyStop, EpochRecord};
use crate::image::{BadImage, Duplicate, ValueRange};
use crate::layer::LayerRecord;
use crate::prediction::Prediction;
use crate::split::SplitRecord;
use crate::visual::{Activations, Embedding, Heatmap, LayerFilters, OutOfFold, Score};

/// Something happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A counter moved.
    Progress {
        /// Which counter.
        phase: Phase,
        /// How far it is.
        done: usize,
        /// Where it ends.
        total: usize,
    },
    /// The images are known.
    Dataset {
        /// Usable images of train, validation and test; `None` where there is no such split.
        images: [Option<usize>; 3],
        /// BLAKE3 of splits, classes and image contents.
        hash: String,
    },
    /// A folder was divided: where each of its images went.
    Splits(Vec<SplitRecord>),
    /// Images that `on_bad_image = "skip"` left out.
    Skipped(Vec<BadImage>),
    /// Images of 16 bits that use little of their range, with the range found.
    Narrow(Vec<(PathBuf, ValueRange)>),
    /// Images of several pages, of which the first is read.
    Pages(Vec<PathBuf>),
    /// Pictures that are in more than one split, or in more than one class.
    Duplicates(Vec<Duplicate>),
    /// Pretrained weights were read.
    Weights {
        /// The file, and which of its sets of tensors.
        source: String,
        /// What was taken, and what was not.
        notes: Vec<String>,
    },
    /// The network was built.
    Model {
        /// SHA-256 of the pretrained tensors; `None` for random ones.
        weights_sha256: Option<String>,
        /// Every parameter of the network.
        parameters: usize,
    },
    /// Kernels of a GPU are made ready, in passes over made-up images.
    Kernels {
        /// For what: `features`, or the name of a stage.
        of: String,
        /// Passes that are done, and all of them.
        passes: [usize; 2],
        /// Different kernels that were launched until now.
        launched: usize,
        /// How many were compiled and kept for later processes; known when all passes are done.
        compiled: usize,
        /// Seconds since the first pass began.
        seconds: f64,
    },
    /// A split's features are ready.
    Features {
        /// `train`, `validation` or `test`.
        split: &'static str,
        /// How many came from the cache.
        cached: usize,
        /// How many were computed.
        computed: usize,
        /// Seconds that all of it took.
        seconds: f64,
        /// Seconds of them that the network took.
        model_seconds: f64,
    },
    /// Features were computed but could not be cached.
    NotKept {
        /// `train`, `validation` or `test`.
        split: &'static str,
        /// The folder, and what the operating system said.
        reason: String,
    },
    /// A stage begins.
    Stage {
        /// Its name.
        stage: String,
        /// Every layer, and whether this stage trains it.
        layers: Vec<LayerRecord>,
        /// How many values this stage trains.
        trainable_parameters: usize,
    },
    /// An epoch is over.
    Epoch(EpochRecord),
    /// A stage stopped before its last epoch.
    EarlyStop(EarlyStop),
    /// What follows happened before an earlier process ended.
    Replay,
    /// What happens from here on is new.
    Resumed {
        /// The stage that continues.
        stage: String,
        /// How many of its epochs are over.
        epochs: usize,
        /// How many steps of the next one.
        steps: usize,
    },
    /// These parameters are kept and tested.
    Kept {
        /// The epoch that they are of, 1-based within the run.
        global_epoch: usize,
    },
    /// A split was measured with the final network.
    Evaluated {
        /// `train`, `validation` or `test`.
        split: &'static str,
        /// Mean loss.
        loss: f64,
        /// Share of correct predictions, of images or of all their labels; none of numbers.
        accuracy: Option<f64>,
        /// Mean absolute error of numbers.
        mae: Option<f64>,
        /// One row per image.
        predictions: Vec<Prediction>,
    },
    /// A file was written.
    Written(PathBuf),
    /// It is the turn of a job whose picture is drawn from the tables.
    Drawn {
        /// Which job, from 1.
        number: usize,
    },
    /// A job failed; the others continue.
    JobFailed {
        /// Which job, from 1.
        number: usize,
        /// Its word in the file.
        job: &'static str,
        /// Why.
        reason: String,
    },
    /// Activations of a layer for a photo.
    Activations {
        /// Which job, from 1.
        number: usize,
        /// Its feature maps.
        activations: Activations,
    },
    /// What the filters of a layer respond to.
    Filters {
        /// Which job, from 1.
        number: usize,
        /// One picture per filter.
        found: LayerFilters,
    },
    /// What a prediction rests on.
    Heatmap {
        /// Which job, from 1.
        number: usize,
        /// With its photo.
        heatmap: Heatmap,
    },
    /// How good heatmaps are.
    Faithfulness {
        /// Which job, from 1.
        number: usize,
        /// One score each.
        scores: Vec<Score>,
    },
    /// Images in the plane.
    Embedding {
        /// Which job, from 1.
        number: usize,
        /// One point each.
        embedding: Embedding,
    },
    /// What models say of images that each was not trained on.
    OutOfFold {
        /// Which job, from 1.
        number: usize,
        /// Every image.
        found: OutOfFold,
    },
}

/// A counter that moves.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Files read and hashed.
    Scan,
    /// Kernels made ready on a GPU, in passes over made-up images; for what.
    Kernels(String),
    /// Features of a split looked up in the cache, in images.
    Cached(&'static str),
    /// Features of a split computed, in images.
    Features(&'static str),
    /// Images trained in one epoch.
    Epoch {
        /// The stage.
        stage: String,
        /// 1-based within the stage.
        epoch: usize,
        /// The stage's last.
        epochs: usize,
    },
    /// Predictions of a split, in images.
    Evaluate(&'static str),
    /// Predictions for images without labels.
    Predict,
    /// Pictures of a visualize job, in units of work that the job chooses.
    Job(String),
}
