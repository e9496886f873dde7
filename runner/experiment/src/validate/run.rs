//! `[run]`: what the file of the model can hold, and what no device of a kind can do.

use crate::architecture::Layer;
use crate::diagnostic::Diagnostics;
use crate::plan::{Model, Run, Stage};
use crate::section::Root;
use crate::section::run::{DeviceName, ModelFile, Precision, RunSection};
use crate::value::Plain;

pub(super) fn resolve(
    root: &Root,
    (model, layers, stages): (&Model, &[Layer], &[Stage]),
    diagnostics: &mut Diagnostics,
) -> Run {
    let mut run = root.run.as_ref().map(Plain::plain).unwrap_or_default();
    if let Some(table) = &root.run {
        refuse_impossible(&table.value, run.device, diagnostics);
    }
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

/// What the named device cannot do, whichever of its kind it is.
fn refuse_impossible(section: &RunSection, device: DeviceName, diagnostics: &mut Diagnostics) {
    let is_cpu = device == DeviceName::Cpu;
    let lacks_tf32 = is_cpu || matches!(device, DeviceName::Vulkan(_));
    let precision = section.precision.as_ref();
    if let Some(given) = precision.filter(|given| given.value == Precision::Tf32 && lacks_tf32) {
        diagnostics
            .error(
                given.span.clone(),
                "run.precision",
                format!("`device = \"{device}\"` does not compute in tf32"),
            )
            .help(
                "tf32 is what NVIDIA cards from Ampere on compute with, through CUDA: leave \
                 `precision` out for what the device does best, or write \"f32\"",
            );
    }
    let autotune = section.autotune.as_ref();
    if let Some(given) = autotune.filter(|given| given.value && is_cpu) {
        diagnostics
            .error(
                given.span.clone(),
                "run.autotune",
                "`autotune` is for GPUs, and `device = \"cpu\"` computes without one",
            )
            .help("leave it out, or name a GPU: `device = \"cuda\"`");
    }
}
