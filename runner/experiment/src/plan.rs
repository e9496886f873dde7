//! The plan: the experiment with every default filled in and every cross-check passed.
//!
//! Its tables are declared in [`crate::section`], together with those of the file; here are
//! their methods. It serialises to a TOML file with the keys of the experiment file, so that a
//! plan can be run again and is the same run. An `Option` in it means "this run has none" (no test
//! split, no early stopping), never "not decided yet".

pub(crate) mod class_weights;
pub(crate) mod learning_rate;
mod schedule;
pub(crate) mod stage;

pub use class_weights::{Balanced, ClassWeights};
pub use learning_rate::LearningRate;

pub use crate::optimizer::{Adagrad, Adam, Adamw, Lamb, Lion, Rmsprop, Rule, Sgd};
pub use crate::section::Plan;
pub use crate::section::augmentation::{Augmentation, RandAugment};
pub use crate::section::dataset::Dataset;
pub use crate::section::experiment::Experiment;
pub use crate::section::model::{Head, Model};
pub use crate::section::optimizer::Optimizer;
pub use crate::section::run::Run;
pub use crate::section::schedule::{
    Constant, Cosine, Exponential, OneCycle, Plateau, Schedule, Step, Warmup,
};
pub use crate::section::stage::{BatchNorm, EarlyStopping, Stage};
pub use crate::section::visualize::{
    Activations, Confusion, Curves, Embedding, Faithfulness, Filters, Gradcam, ImageSet, Mistakes,
    Suspects, Visualize,
};

use crate::architecture::{Top, output};
use crate::section::task::Task;

impl Plan {
    /// What the network learns.
    #[must_use]
    pub fn task(&self) -> Task {
        self.dataset.as_ref().map(|dataset| dataset.task).unwrap_or_default()
    }

    /// The plan as an experiment file: running it is the same run.
    ///
    /// # Errors
    ///
    /// Where a value has no place in TOML, which no plan that passed its checks has.
    pub fn to_toml(&self) -> Result<String, toml::ser::Error> {
        toml::to_string(self)
    }
}

impl Head {
    /// The layers on top of the base, for this many classes, labels or numbers.
    #[must_use]
    pub fn top(&self, task: Task, classes: usize) -> Top<'_> {
        Top::Head {
            pooling: self.pooling,
            hidden: &self.hidden,
            dropout: self.dropout,
            output: output(task, classes),
        }
    }
}

impl Optimizer {
    /// A rule with one learning rate and nothing else.
    #[must_use]
    pub fn plain(rule: Rule, learning_rate: f64) -> Self {
        Self { rule, learning_rate: LearningRate::One(learning_rate), ..Self::default() }
    }
}
