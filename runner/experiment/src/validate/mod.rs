//! From the tables as written to the plan: defaults, cross-checks, every problem at once.
//!
//! One module per table. Each takes what could be read, notes what is wrong, and fills in the
//! rest, so that one mistake never hides another.

mod dataset;
pub(crate) mod division;
mod groups;
mod keys;
mod model;
mod optimizer;
mod path;
mod run;
mod stage;
mod table;
mod visualize;

use crate::architecture::Layer;
use crate::diagnostic::Diagnostics;
use crate::listing::Split;
use crate::origin::Origin;
use crate::plan::{Experiment, Model, Plan, Stage};
use crate::section::Root;
use crate::section::experiment::ExperimentSection;
use crate::source::SourceText;
use crate::value::Plain;

use keys::require;

/// A checked plan, with what the checks found.
#[derive(Debug, Clone)]
pub struct Checked {
    /// The plan.
    pub plan: Plan,
    /// Every layer of the network, with shapes.
    pub layers: Vec<Layer>,
    /// The splits that the plan names, listed.
    pub splits: Vec<Split>,
    /// The names of the classes, sorted; empty without a data set. With two classes the second is
    /// the positive one.
    pub classes: Vec<String>,
    /// Warnings for the author of the file.
    pub warnings: Diagnostics,
    /// The text that the warnings point into.
    pub source: SourceText,
    /// Where the values of the plan come from, defaults aside.
    pub origins: Vec<Origin>,
}

/// Checks everything and resolves; `None` where too little could be read for a plan.
pub(crate) fn validate(
    root: &Root,
    source: &SourceText,
    diagnostics: &mut Diagnostics,
) -> Option<Checked> {
    let experiment = experiment(root, diagnostics);
    let trains = root.stage.as_ref().is_some_and(|stages| !stages.value.is_empty());
    let data = dataset::resolve(root, trains, diagnostics);
    let (model, layers) = model::resolve(root, &data, diagnostics);
    let augmentation = root.augmentation.as_ref().map(Plain::plain);
    let stage = stage::resolve(root, &layers, (&data, model.include_top), diagnostics);
    model::warn_of_random_features(root, &model, &stage, diagnostics);
    warn_of_unused_augmentation(root, &stage, diagnostics);
    let explained = explained(&model, &data);
    let visualize = visualize::resolve(root, &layers, (&data, &explained), diagnostics);
    if !trains && visualize.is_empty() && diagnostics.errors() == 0 {
        nothing_to_do(diagnostics);
    }
    let run = run::resolve(root, (&model, &layers, &stage), diagnostics);
    Some(Checked {
        plan: Plan {
            experiment: experiment?,
            dataset: data.plan,
            model,
            augmentation,
            stage,
            visualize,
            run,
        },
        layers,
        splits: data.splits,
        classes: data.classes,
        warnings: Diagnostics::default(),
        source: source.clone(),
        origins: Vec::new(),
    })
}

/// The classes that a heatmap can be about.
fn explained(model: &Model, data: &dataset::Data) -> Vec<String> {
    match model.architecture.family().classifier().filter(|_| model.include_top) {
        Some(classifier) => (classifier.classes)(),
        None => data.classes.clone(),
    }
}

/// Bytes that file systems allow in a name.
const LONGEST_NAME: usize = 255;

fn nothing_to_do(diagnostics: &mut Diagnostics) {
    diagnostics
        .error(0..0, "", "this experiment does nothing: it has neither a stage nor a visualize job")
        .help("add a `[[stage]]` or a `[[visualize]]` table");
}

fn experiment(root: &Root, diagnostics: &mut Diagnostics) -> Option<Experiment> {
    let Some(table) = &root.experiment else {
        if !root.present.iter().any(|key| key == "experiment") {
            diagnostics
                .error(0..0, "experiment", "the table `[experiment]` is missing")
                .help("start the file with `[experiment]` and `name = \"…\"`");
        }
        return None;
    };
    let section: &ExperimentSection = &table.value;
    require(&section.present, "name", "experiment", &section.span, diagnostics);
    let name = section.name.as_ref()?;
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if name.value.len() > LONGEST_NAME {
        diagnostics
            .error(
                name.span.clone(),
                "experiment.name",
                format!("{} letters are too long for the name of a folder", name.value.len()),
            )
            .label(format!("at most {LONGEST_NAME} letters"));
    }
    if name.value.is_empty() || !name.value.chars().all(fits) || name.value.starts_with('.') {
        diagnostics
            .error(
                name.span.clone(),
                "experiment.name",
                format!("`{}` cannot be the name of a folder", name.value),
            )
            .help("use letters, digits, `-`, `_` and `.`, and no `.` at the start");
    }
    Some(section.plain())
}

fn warn_of_unused_augmentation(root: &Root, stages: &[Stage], diagnostics: &mut Diagnostics) {
    let Some(table) = &root.augmentation else { return };
    if !stages.is_empty() && !stages.iter().any(|stage| stage.augment) {
        diagnostics
            .warning(
                table.span.clone(),
                "augmentation",
                "no stage augments, so this table does nothing",
            )
            .help("set `augment = true` in a stage, or remove the table");
    }
}
