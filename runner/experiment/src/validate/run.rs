//! `[run]`: what the file of the model can hold.

use crate::architecture::Layer;
use crate::diagnostic::Diagnostics;
use crate::plan::{Model, Run, Stage};
use crate::section::Root;
use crate::section::run::ModelFile;
use crate::value::Plain;

pub(super) fn resolve(
    root: &Root,
    (model, layers, stages): (&Model, &[Layer], &[Stage]),
    diagnostics: &mut Diagnostics,
) -> Run {
    let mut run = root.run.as_ref().map(Plain::plain).unwrap_or_default();
    let given = root.run.as_ref().and_then(|table| table.value.model.as_ref());
    let is_published = model
        .architecture
        .family()
        .published()
        .iter()
        .any(|published| model.weights == "imagenet" || published.name == model.weights);
    if let Some(given) = given.filter(|given| given.value == ModelFile::Trained && !is_published) {
        let message = format!(
            "the model cannot be kept without its base: nobody publishes weights = `{}`",
            model.weights
        );
        diagnostics
            .error(given.span.clone(), "run.model", message)
            .help("`model = \"whole\"` keeps every layer");
    }
    let trains_base =
        stages.iter().any(|stage| layers.iter().any(|layer| layer.base && !stage.freezes(layer)));
    run.model = match given {
        Some(given) => given.value,
        None if is_published && !trains_base => ModelFile::Trained,
        None => ModelFile::Whole,
    };
    run
}
