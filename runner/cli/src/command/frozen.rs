//! The frozen passes of a plan: what members of a sweep compute once for all.

use std::collections::BTreeMap;

use runner_experiment::Checked;
use runner_experiment::architecture::{Layer, Role};
use runner_experiment::plan::Stage;

use crate::text::thousands;

/// The frozen passes of a plan: what tells one from another, and in words.
pub(super) fn frozen(checked: &Checked) -> BTreeMap<String, String> {
    let plan = &checked.plan;
    let Some(dataset) = &plan.dataset else { return BTreeMap::new() };
    let images: usize = checked.splits.iter().map(|split| split.images.len()).sum();
    let pass = |stage: &Stage| {
        let prefix = stage.frozen_prefix(&checked.layers);
        let last = checked.layers[..prefix].last().filter(|_| !stage.augment)?;
        let folders: Vec<&str> = checked.splits.iter().map(|split| split.folder.as_str()).collect();
        // Random weights are others with every seed.
        let seed = (plan.model.weights == "random").then_some(plan.experiment.seed);
        let key = format!(
            "{folders:?} {seed:?} {:?} {:?} {} {} {} {} {}",
            plan.run.precision,
            dataset.image_size,
            dataset.preprocessing,
            dataset.feature_precision,
            plan.model.architecture,
            plan.model.weights,
            last.name
        );
        let work = images as f64 * multiplications(&checked.layers[..prefix]);
        let text = format!(
            "{} of {} images, {} values each: {:.2} T multiply-adds",
            last.name,
            thousands(images),
            thousands(last.output.elements()),
            work / 1e12
        );
        Some((key, text))
    };
    plan.stage.iter().filter_map(pass).collect()
}

/// Multiply-adds of one image through some layers: every value of a kernel once per place of the
/// output.
pub(super) fn multiplications(layers: &[Layer]) -> f64 {
    let of_layer = |layer: &Layer| {
        let kernels = layer.specs().into_iter().filter(|spec| spec.role == Role::Kernel);
        let values: usize = kernels.map(|spec| spec.length()).sum();
        values as f64 * (layer.output.elements() / layer.output.channels().max(1)) as f64
    };
    layers.iter().map(of_layer).sum()
}
