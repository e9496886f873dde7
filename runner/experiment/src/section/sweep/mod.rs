//! `[sweep]`: one file that stands for many plans.

mod axes;
mod random;

use schemars::{JsonSchema, Schema, SchemaGenerator};

pub use axes::{Axes, Axis};
pub use random::{Distribution, Random};

use super::monitor::Monitor;
use crate::value::{Count, Fraction, Located, Seed, Table, TableReader, TableSchema, section};

section! {
    /// Ends the worse members early: after some epochs the best go on, for longer each time
    /// (successive halving; Jamieson and Talwalkar 2016, Li et al. 2018).
    #[derive(Copy)]
    pub struct Halving from HalvingSection {
        /// Epochs, over all stages, before members are compared for the first time. The next
        /// comparison is after this many divided by `keep`, and so on.
        after: Count [required],
        /// The share of the members that goes on. Members that differ in their seed alone stay or go
        /// together, by their mean.
        keep: Fraction = 0.5,
        /// What they are compared by.
        monitor: Monitor [omit] = Monitor::ValidationLoss,
    }
}

/// The table as it stands in the file.
#[derive(Debug, Clone, Default)]
pub struct SweepSection {
    /// Names of the keys that the table has, right or wrong.
    pub present: Vec<String>,
    /// Every combination of these values.
    pub grid: Option<Axes>,
    /// These values side by side: the first of each, the second of each, …
    pub zip: Option<Axes>,
    /// Values drawn at random.
    pub random: Option<Random>,
    /// Every member once per seed.
    pub seeds: Option<Vec<Located<Seed>>>,
    /// When the worse members end early.
    pub halving: Option<Located<HalvingSection>>,
}

impl Table for SweepSection {
    fn read_keys(reader: &mut TableReader<'_>) -> Option<Self> {
        Some(Self {
            present: reader.present(),
            grid: reader.read("grid"),
            zip: reader.read("zip"),
            random: reader.read("random"),
            seeds: reader.read("seeds"),
            halving: reader.read("halving"),
        })
    }
}

impl JsonSchema for SweepSection {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "SweepSection".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut table = TableSchema::new(generator);
        table.optional::<Axes>("grid", &["Every combination of these values, by dotted key."]);
        table
            .optional::<Axes>("zip", &["These values side by side: the first of each, and so on."]);
        table.optional::<Random>(
            "random",
            &["Values drawn at random, by dotted key: \
            { uniform = [a, b] }, { log_uniform = [a, b] } or { choice = […] }."],
        );
        table.optional::<Vec<Seed>>("seeds", &["Every member once per seed."]);
        table.optional::<HalvingSection>("halving", &["Ends the worse members early."]);
        table.finish(&["One file that stands for many plans, its members."])
    }
}
