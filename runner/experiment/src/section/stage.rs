//! `[[stage]]`: one training phase.

use schemars::{JsonSchema, Schema, SchemaGenerator};

use crate::diagnostic::Diagnostics;
use crate::plan::class_weights::{Balanced, ClassWeights};
use crate::section::monitor::Monitor;
use crate::section::named::{NamedNumbers, by_name, read_by_name};
use crate::section::optimizer::OptimizerSection;
use crate::section::schedule::ScheduleSection;
use crate::tree::{Kind, Node};
use crate::value::{
    BelowOne, Count, FromNode, Located, Plain, Positive, Size, Whole, choice, section, wrong_type,
};

section! {
    /// One training phase: what is frozen, which optimizer, how many epochs.
    pub struct Stage from StageSection {
        /// What this stage is called in the tables.
        name: String [required],
        /// Stages, blocks and layers of the conv base that this stage does not train: `"all"`, `"none"`,
        /// or a list such as `["block1", "block2_conv1"]`. Default: `"all"`.
        frozen: FrozenSection => Vec<String> [computed],
        /// What becomes of the batch normalizations among the layers that this stage trains.
        batch_norm: BatchNorm [omit] = BatchNorm::Frozen,
        /// Whether training images go through `[augmentation]`.
        augment: bool = false,
        /// Passes over the training images.
        epochs: Count [required],
        /// Images per step.
        batch_size: Size = 32,
        /// How parameters are updated.
        optimizer: OptimizerSection [required],
        /// How the learning rate moves. Default: constant.
        schedule: ScheduleSection [computed optional],
        /// Batches whose gradients are averaged before a step.
        accumulate: Size [omit] = 1,
        /// Share of the target that is spread evenly over all classes while training.
        label_smoothing: BelowOne [omit] = 0.0,
        /// How much a training image of each class counts: `"balanced"` (the rarer the more), or a
        /// table such as `{ cats = 1.0, dogs = 2.0 }`. Default: all the same.
        class_weights: ClassWeightsSection [computed optional],
        /// Decay of a moving average of the parameters, which takes their place for validation and
        /// after the stage (Keras's `ema_momentum`).
        ema: BelowOne [optional],
        /// Whether the decay starts low, min(ema, (1 + t) / (10 + t)) at step t, so that the first
        /// values are soon forgotten (TensorFlow's `ExponentialMovingAverage`).
        ema_warmup: bool [omit] = false,
        /// No epoch begins after this many minutes of the stage. Default: no limit.
        max_minutes: Positive [computed optional],
        /// When to stop before the last epoch. Default: never.
        early_stopping: EarlyStoppingSection [computed optional],
    }
}

section! {
    /// Stop where the monitored metric no longer improves (Keras's `EarlyStopping`).
    #[derive(Copy, Eq)]
    pub struct EarlyStopping from EarlyStoppingSection {
        /// The metric to watch.
        monitor: Monitor = Monitor::ValidationLoss,
        /// Epochs without improvement before stopping.
        patience: Whole = 0,
        /// Whether the parameters of the best epoch are restored.
        restore_best: bool = false,
    }
}

choice! {
    /// What becomes of batch normalizations whose layers are trained.
    pub enum BatchNorm {
        /// They compute in inference mode, by the moving mean and variance that they came with, and
        /// keep their scale and offset (Keras: `layer.trainable = False`).
        Frozen = "frozen",
        /// They go by the mean and variance of each batch, which move those that are kept, and learn
        /// their scale and offset. Evaluated by the moving ones. With `accumulate` the batch is each of
        /// those that share a step.
        Train = "train",
    }
}

/// What a stage does not train.
#[derive(Debug, Clone, PartialEq)]
pub enum FrozenSection {
    /// The whole conv base.
    All,
    /// Nothing.
    None,
    /// These blocks and layers.
    Names(Vec<Located<String>>),
}

impl FromNode for FrozenSection {
    fn from_node(node: &Node, key: &str, diagnostics: &mut Diagnostics) -> Option<Self> {
        match &node.kind {
            Kind::String(word) if word == "all" => Some(Self::All),
            Kind::String(word) if word == "none" => Some(Self::None),
            Kind::String(word) => {
                diagnostics
                    .error(node.span.clone(), key, format!("unknown value `{word}` for `{key}`"))
                    .label("neither \"all\" nor \"none\"")
                    .help(format!("`{key}` is \"all\", \"none\", or a list such as [\"{word}\"]"));
                None
            }
            Kind::Array(_) => Vec::from_node(node, key, diagnostics).map(Self::Names),
            _ => wrong_type(node, key, "\"all\", \"none\" or a list of names", diagnostics),
        }
    }
}

impl JsonSchema for FrozenSection {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Frozen".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({
            "anyOf": [
                { "enum": ["all", "none"] },
                { "type": "array", "items": { "type": "string" } }
            ]
        })
    }
}

/// How much a training image of each class counts.
#[derive(Debug, Clone, PartialEq)]
pub enum ClassWeightsSection {
    /// Images ÷ (classes × images of the class).
    Balanced,
    /// By the name of the class.
    Named(NamedNumbers),
}

impl FromNode for ClassWeightsSection {
    fn from_node(node: &Node, key: &str, diagnostics: &mut Diagnostics) -> Option<Self> {
        match &node.kind {
            Kind::String(word) if word == "balanced" => Some(Self::Balanced),
            Kind::Table(entries) => read_by_name(entries, key, diagnostics).map(Self::Named),
            _ => wrong_type(node, key, "\"balanced\" or a table of weights by class", diagnostics),
        }
    }
}

impl Plain for ClassWeightsSection {
    type Value = ClassWeights;
    fn plain(&self) -> ClassWeights {
        match self {
            Self::Balanced => ClassWeights::Rule(Balanced::Balanced),
            Self::Named(weights) => ClassWeights::Named(by_name(weights)),
        }
    }
}

impl JsonSchema for ClassWeightsSection {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ClassWeights".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let weight = Positive::json_schema(generator);
        schemars::json_schema!({
            "anyOf": [
                { "enum": ["balanced"] },
                { "type": "object", "additionalProperties": weight }
            ]
        })
    }
}
