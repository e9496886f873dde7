//! The plan: the experiment with every default filled in and every cross-check passed.
//!
//! It serialises to a TOML file with the keys of the experiment file, so that a plan can be run
//! again and is the same run. An `Option` here means "this run has none" (no test split, no early
//! stopping), never "not decided yet".

use std::collections::BTreeSet;

use serde::Serialize;

use crate::architecture::{Layer, Top};
use crate::section::augmentation::Fill;
use crate::section::dataset::{FeaturePrecision, OnBadImage, Preprocessing};
use crate::section::model::{ArchitectureName, Pooling};
use crate::section::run::DeviceName;
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
#[derive(Debug, Clone, PartialEq, Serialize)]
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

/// `[augmentation]`
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Augmentation {
    /// Degrees either way.
    pub rotation: f64,
    /// Fraction of the width.
    pub width_shift: f64,
    /// Fraction of the height.
    pub height_shift: f64,
    /// Degrees.
    pub shear: f64,
    /// Factors of height and width, each drawn between these.
    pub zoom: [f64; 2],
    /// Mirror half of the images left to right.
    pub horizontal_flip: bool,
    /// Mirror half of the images top to bottom.
    pub vertical_flip: bool,
    /// Brightness is multiplied by a factor between these.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub brightness: Option<[f64; 2]>,
    /// Grey levels either way.
    pub channel_shift: f64,
    /// What stands where the warp has no image.
    pub fill: Fill,
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
    /// When to stop before the last epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub early_stopping: Option<EarlyStopping>,
}

impl Stage {
    /// The layers with parameters that this stage leaves alone.
    #[must_use]
    pub fn frozen_layers<'a>(&self, layers: &'a [Layer]) -> BTreeSet<&'a str> {
        layers.iter().filter(|layer| self.freezes(layer)).map(|layer| layer.name.as_str()).collect()
    }

    /// Whether this stage leaves `layer` alone, by its own name or its block's.
    #[must_use]
    pub fn freezes(&self, layer: &Layer) -> bool {
        layer.base && self.frozen.iter().any(|name| *name == layer.name || *name == layer.block)
    }

    /// How many leading layers of the conv base this stage does not train: the frozen prefix.
    ///
    /// It ends with the base at the latest, so that one set of features serves every head.
    #[must_use]
    pub fn frozen_prefix(&self, layers: &[Layer]) -> usize {
        layers
            .iter()
            .take_while(|layer| layer.base && (!layer.kind.has_parameters() || self.freezes(layer)))
            .count()
    }
}

/// `optimizer = { … }`, Keras's meaning of every number.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(tag = "name", rename_all = "lowercase")]
pub enum Optimizer {
    /// v ← ρ v + (1 - ρ) g²; p ← p - η g / √(v + ε)
    Rmsprop {
        /// η
        learning_rate: f64,
        /// ρ
        rho: f64,
        /// Of the step; 0 is none.
        momentum: f64,
        /// ε, under the root.
        epsilon: f64,
    },
    /// m ← μ m - η g; p ← p + m
    Sgd {
        /// η
        learning_rate: f64,
        /// μ
        momentum: f64,
        /// p ← p + μ m - η g instead.
        nesterov: bool,
    },
    /// Kingma & Ba 2014.
    Adam {
        /// η
        learning_rate: f64,
        /// Decay of the mean gradient.
        beta_1: f64,
        /// Decay of the mean squared gradient.
        beta_2: f64,
        /// ε, outside the root.
        epsilon: f64,
    },
    /// Loshchilov & Hutter 2017.
    Adamw {
        /// η
        learning_rate: f64,
        /// Decay of the mean gradient.
        beta_1: f64,
        /// Decay of the mean squared gradient.
        beta_2: f64,
        /// ε, outside the root.
        epsilon: f64,
        /// Share of each parameter taken off per step, times η.
        weight_decay: f64,
    },
}

impl Optimizer {
    /// η
    #[must_use]
    pub fn learning_rate(&self) -> f64 {
        match self {
            Self::Rmsprop { learning_rate, .. }
            | Self::Sgd { learning_rate, .. }
            | Self::Adam { learning_rate, .. }
            | Self::Adamw { learning_rate, .. } => *learning_rate,
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

/// `[[visualize]]`
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "job", rename_all = "lowercase")]
pub enum Visualize {
    /// Accuracy and loss over the epochs.
    Curves {
        /// Weight of the past in the moving average.
        smoothing: f64,
    },
    /// What layers answer to images.
    Activations {
        /// Image files.
        images: Vec<String>,
        /// Layer names.
        layers: Vec<String>,
        /// Tiles per row.
        images_per_row: usize,
    },
    /// What filters respond to most.
    Filters {
        /// Layer names.
        layers: Vec<String>,
        /// Filters per layer.
        count: usize,
    },
    /// Heatmaps laid over the photo.
    Gradcam {
        /// Image files.
        images: Vec<String>,
        /// Whose feature maps are weighted.
        layer: String,
        /// `predicted` or a class.
        target: String,
    },
}

impl Visualize {
    /// The word that stands in the file.
    #[must_use]
    pub fn job(&self) -> &'static str {
        match self {
            Self::Curves { .. } => "curves",
            Self::Activations { .. } => "activations",
            Self::Filters { .. } => "filters",
            Self::Gradcam { .. } => "gradcam",
        }
    }
}

/// `[run]`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Run {
    /// Where tensors live.
    pub device: DeviceName,
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
