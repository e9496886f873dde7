//! One table of the experiment file per module: its keys, their types, their documentation.
//!
//! Each declaration makes two types: the table as written (`…Section`), where nothing is filled in
//! and nothing is checked against anything else, and the table of the plan. `validate` turns the one
//! into the other.

pub mod augmentation;
pub mod dataset;
pub(crate) mod experiment;
mod method;
pub mod model;
pub mod monitor;
mod named;
pub(crate) mod optimizer;
pub mod run;
pub(crate) mod schedule;
pub(crate) mod stage;
pub mod visualize;

use crate::value::section;

section! {
    /// A declarative experiment: what to train on, what to freeze, how to train, what to look at.
    pub struct Plan from Root {
        /// What this experiment is called and where it comes from.
        experiment: experiment::ExperimentSection [required],
        /// Folders with one folder per class inside each.
        dataset: dataset::DatasetSection [optional],
        /// The pretrained convnet and what stands on it.
        model: model::ModelSection = model::Model::default(),
        /// Random changes to training images, for stages with `augment = true`.
        augmentation: augmentation::AugmentationSection [optional],
        /// Training phases, in order.
        stage: Vec<stage::StageSection> [omit] = Vec::new(),
        /// Pictures to draw after training.
        visualize: Vec<visualize::VisualizeSection> [omit] = Vec::new(),
        /// How to execute, never what to compute.
        run: run::RunSection = run::Run::default(),
    }
}
