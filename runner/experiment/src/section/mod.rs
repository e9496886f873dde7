//! One table of the experiment file per module: its keys, their types, their documentation.
//!
//! These are the raw tables, as written: nothing is filled in, nothing is checked against anything
//! else. `validate` turns them into the plan.

pub mod augmentation;
pub mod dataset;
pub mod experiment;
pub mod model;
pub mod optimizer;
pub mod run;
pub mod schedule;
pub mod stage;
pub mod visualize;

use crate::value::section;

section! {
    /// A declarative experiment: what to train on, what to freeze, how to train, what to look at.
    pub struct Root {
        /// What this experiment is called and where it comes from.
        #[schemars(required)]
        experiment: experiment::ExperimentSection,
        /// Folders with one folder per class inside each.
        dataset: dataset::DatasetSection,
        /// The pretrained convnet and what stands on it.
        model: model::ModelSection,
        /// Random changes to training images, for stages with `augment = true`.
        augmentation: augmentation::AugmentationSection,
        /// Training phases, in order.
        stage: Vec<stage::StageSection>,
        /// Pictures to draw after training.
        visualize: Vec<visualize::VisualizeSection>,
        /// How to execute, never what to compute.
        run: run::RunSection,
    }
}
