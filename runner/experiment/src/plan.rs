//! The plan: the experiment with every default filled in and every cross-check passed.
//!
//! It serialises to a TOML file with the keys of the experiment file, so that a plan can be run
//! again and is the same run. An `Option` here means "this run has none" (no test split, no early
//! stopping), never "not decided yet".

mod augmentation;
mod optimizer;
mod schedule;
mod visualize;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use augmentation::{Augmentation, RandAugment};
pub use optimizer::{LearningRate, Optimizer, Rule};
pub use schedule::Schedule;
pub use visualize::{Activations, Faithfulness, Filters, Gradcam, Visualize};

use crate::architecture::{Layer, Top, cuts};
use crate::section::dataset::{FeaturePrecision, OnBadImage, Preprocessing};
use crate::section::model::{ArchitectureName, Pooling};
use crate::section::run::{DeviceName, Kept};
use crate::section::stage::Monitor;

/// One experiment, resolved.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plan {
    /// What it is called.
    pub experiment: Experiment,
    /// Where the images are; none for picture jobs alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dataset: Option<Dataset>,
    /// The network.
    pub model: Model,
    /// Random changes to training images.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub augmentation: Option<Augmentation>,
    /// Training phases in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stage: Vec<Stage>,
    /// Picture jobs in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub visualize: Vec<Visualize>,
    /// How to execute.
    pub run: Run,
}

/// `[experiment]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Experiment {
    /// Also the folder below the results.
    pub name: String,
    /// One sentence, may be empty.
    pub description: String,
    /// Where random draws start.
    pub seed: u64,
    /// Words to find it by.
    pub tags: Vec<String>,
}

/// `[dataset]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Dataset {
    /// Folder of the training images.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub train: Option<String>,
    /// Folder of the validation images.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validation: Option<String>,
    /// Folder of the test images.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test: Option<String>,
    /// Height, width.
    pub image_size: [usize; 2],
    /// From pixels to what the network sees.
    pub preprocessing: Preprocessing,
    /// What to do about an image that cannot be read.
    pub on_bad_image: OnBadImage,
    /// Precision of the frozen prefix's features.
    pub feature_precision: FeaturePrecision,
}

/// `[model]`
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Model {
    /// Which convnet.
    pub architecture: ArchitectureName,
    /// Where its weights come from.
    pub weights: String,
    /// Whether the ImageNet classifier stands on the base.
    pub include_top: bool,
    /// What stands on the base; none with `include_top`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub head: Option<Head>,
}

/// `[model.head]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Head {
    /// How the last feature map becomes a vector.
    pub pooling: Pooling,
    /// Units of the hidden layers.
    pub hidden: Vec<usize>,
    /// Share of units dropped.
    pub dropout: f64,
}

impl Head {
    /// The layers behind the base, for so many classes.
    #[must_use]
    pub fn top(&self, classes: usize) -> Top<'_> {
        Top::Head { pooling: self.pooling, hidden: &self.hidden, dropout: self.dropout, classes }
    }
}

/// `[[stage]]`
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Stage {
    /// What it is called in the tables.
    pub name: String,
    /// Whole blocks by their name, else layers, in the order of the network.
    pub frozen: Vec<String>,
    /// Whether training images are augmented.
    pub augment: bool,
    /// Passes over the training images.
    pub epochs: usize,
    /// Images per step.
    pub batch_size: usize,
    /// How parameters are updated.
    pub optimizer: Optimizer,
    /// How the learning rate moves; none is constant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
    /// Batches per step.
    #[serde(skip_serializing_if = "is_one")]
    pub accumulate: usize,
    /// Share of the target that goes to all classes evenly while training.
    #[serde(skip_serializing_if = "is_zero")]
    pub label_smoothing: f64,
    /// How much a training image of each class counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class_weights: Option<ClassWeights>,
    /// Decay of the moving average of the parameters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ema: Option<f64>,
    /// Whether that decay starts low.
    #[serde(skip_serializing_if = "is_false")]
    pub ema_warmup: bool,
    /// No epoch begins after this many minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_minutes: Option<f64>,
    /// When to stop before the last epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub early_stopping: Option<EarlyStopping>,
}

impl Stage {
    /// Whether this stage leaves `layer` alone, by its own name or its block's.
    #[must_use]
    pub fn freezes(&self, layer: &Layer) -> bool {
        layer.is_named(&self.frozen)
    }

    /// How many leading layers of the conv base this stage does not train: the frozen prefix.
    ///
    /// It ends at a cut, and with the base at the latest, so that one set of features serves every head.
    #[must_use]
    pub fn frozen_prefix(&self, layers: &[Layer]) -> usize {
        cuts::longest(layers, |layer| {
            layer.base && (!layer.has_parameters() || self.freezes(layer))
        })
    }
}

#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_one(number: &usize) -> bool {
    *number == 1
}

#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_false(flag: &bool) -> bool {
    !flag
}

#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_zero(number: &f64) -> bool {
    *number == 0.0
}

/// `class_weights = …`
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum ClassWeights {
    /// Images ÷ (classes × images of the class).
    Rule(Balanced),
    /// By the name of the class.
    Named(BTreeMap<String, f64>),
}

/// The word for weights that make up for how many images a class has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Balanced {
    /// Images ÷ (classes × images of the class).
    Balanced,
}

impl ClassWeights {
    /// One weight per class, in the order of `classes`; `images` says how many each has.
    #[must_use]
    #[allow(clippy::cast_precision_loss)]
    pub fn resolve(&self, classes: &[String], images: &[usize]) -> Vec<f64> {
        match self {
            Self::Rule(Balanced::Balanced) => {
                let all = images.iter().sum::<usize>() as f64;
                let share = all / classes.len().max(1) as f64;
                images.iter().map(|own| share / (*own).max(1) as f64).collect()
            }
            Self::Named(weights) => {
                classes.iter().map(|class| weights.get(class).copied().unwrap_or(1.0)).collect()
            }
        }
    }
}

/// `early_stopping = { … }`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct EarlyStopping {
    /// The figure to watch.
    pub monitor: Monitor,
    /// Epochs without improvement before stopping.
    pub patience: usize,
    /// Whether the parameters of the best epoch come back.
    pub restore_best: bool,
}

/// `[run]`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Run {
    /// Where tensors live.
    pub device: DeviceName,
    /// Which parameters are kept and tested.
    #[serde(skip_serializing_if = "is_last")]
    pub checkpoint: Kept,
}

#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_last(kept: &Kept) -> bool {
    *kept == Kept::Last
}

impl Plan {
    /// The plan as an experiment file: running it is the same run.
    ///
    /// # Errors
    ///
    /// Where a value has no place in TOML, which no plan that passed its checks has.
    pub fn to_toml(&self) -> Result<String, toml::ser::Error> {
        toml::to_string(self)
    }
}
