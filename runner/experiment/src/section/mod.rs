//! One table of the experiment file per module: its keys, their types, their documentation.
//!
//! Each declaration makes two types: the table as written (`…Section`), where nothing is filled in
//! and nothing is checked against anything else, and the table of the plan. `validate` turns the one
//! into the other.

pub mod augmentation;
pub mod columns;
pub mod dataset;
mod device;
pub mod division;
pub(crate) mod experiment;
mod method;
pub mod model;
pub mod monitor;
mod named;
pub(crate) mod optimizer;
pub mod run;
pub(crate) mod schedule;
pub(crate) mod stage;
pub mod sweep;
pub mod task;
pub mod visualize;

use schemars::{JsonSchema, Schema, SchemaGenerator};

use crate::extends::EXTENDS;
use crate::value::{Located, Table, TableReader, TableSchema, section};

/// The key of the file for [`sweep`].
pub(crate) const SWEEP: &str = "sweep";

section! {
    /// A declarative experiment: what to train on, what to freeze, how to train, what to look at.
    pub struct Plan from Root {
        /// What this experiment is called and where it comes from.
        experiment: experiment::ExperimentSection [required],
        /// Where the images are, and what they are labelled with.
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

/// The whole file: a plan as written, and what makes many plans of it or lays it over another.
#[derive(Debug, Clone, Default)]
pub struct FileSection {
    /// The plan as written.
    pub root: Root,
    /// Where one file stands for many plans.
    pub sweep: Option<Located<sweep::SweepSection>>,
}

impl Table for FileSection {
    fn read_keys(reader: &mut TableReader<'_>) -> Option<Self> {
        let root = Root::read_keys(reader)?;
        reader.list(&[EXTENDS]);
        Some(Self { root, sweep: reader.read(SWEEP) })
    }
}

impl JsonSchema for FileSection {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Experiment".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let docs = Root::json_schema(generator);
        let docs = docs.get("description").and_then(|text| text.as_str()).unwrap_or("").to_owned();
        let mut table = TableSchema::new(generator);
        table.flat::<Root>();
        table.optional::<String>(EXTENDS, &[
            "Another experiment file, relative to the folder of this one: its tables count where \
             this file does not say otherwise.",
        ]);
        table.optional::<sweep::SweepSection>(SWEEP, &["One file that stands for many plans."]);
        table.finish(&[&docs])
    }
}
