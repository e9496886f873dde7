//! `[model]`: an architecture that fits the image, and a head where there is room for one.

use crate::architecture::{self, Layer, Top};
use crate::diagnostic::Diagnostics;
use crate::plan::{Head, Model, Stage};
use crate::section::Root;
use crate::section::model::{ArchitectureName, HeadSection, ModelSection, Pooling};
use crate::section::task::{Loss, Task};
use crate::value::Plain;

use super::dataset::Data;
use super::keys::get;
use super::path::{has_control, missing_help};

pub(super) fn resolve(
    root: &Root,
    data: &Data,
    diagnostics: &mut Diagnostics,
) -> (Model, Vec<Layer>) {
    let empty = ModelSection::default();
    let section = root.model.as_ref().map_or(&empty, |table| &table.value);
    let plan = section.plain();
    let (architecture, include_top) = (plan.architecture, plan.include_top);
    check_top(root, section, data, diagnostics);
    check_weights(section, architecture, diagnostics);
    let head_section = section.head.as_ref().map(|table| &table.value);
    let task = data.plan.as_ref().map(|plan| plan.task).unwrap_or_default();
    check_loss(head_section, task, diagnostics);
    let head = (!include_top).then(|| head(head_section, (architecture, task)));
    let model = Model {
        weights: get(&section.weights).unwrap_or_else(|| default_weights(architecture).to_owned()),
        head,
        ..plan
    };
    let layers = layers(&model, data, diagnostics);
    (model, layers)
}

/// ImageNet's where the family has published some, else random ones.
fn default_weights(architecture: ArchitectureName) -> &'static str {
    if architecture.family().published().is_empty() { "random" } else { "imagenet" }
}

fn head(section: Option<&HeadSection>, (architecture, task): (ArchitectureName, Task)) -> Head {
    let mut plan = section.map(Plain::plain).unwrap_or_default();
    if task == Task::Regression {
        let loss = plan.loss.unwrap_or(task.loss());
        plan.loss = Some(loss);
        let delta = plan.huber_delta.unwrap_or(1.0);
        plan.huber_delta = (loss == Loss::Huber).then_some(delta);
    }
    let family = architecture.family();
    let default = if family.averages() { Pooling::Average } else { Pooling::Flatten };
    let pooling = section.and_then(|head| get(&head.pooling)).unwrap_or(default);
    match section.and_then(|head| head.hidden.as_ref()) {
        Some(_) => Head { pooling, ..plan },
        None => Head { pooling, hidden: vec![family.hidden_units()], ..plan },
    }
}

/// A loss that measures what the task is about.
fn check_loss(section: Option<&HeadSection>, task: Task, diagnostics: &mut Diagnostics) {
    let Some(section) = section else { return };
    if let Some(loss) = &section.loss
        && (loss.value == Loss::CrossEntropy) == (task == Task::Regression)
    {
        diagnostics
            .error(
                loss.span.clone(),
                "model.head.loss",
                format!("`{}` does not measure `{task}`", loss.value),
            )
            .help(match task {
                Task::Regression => {
                    "numbers have `mean_squared_error`, `mean_absolute_error` or `huber`"
                }
                _ => "classes and labels have `cross_entropy`",
            });
    }
    let is_huber = section.loss.as_ref().is_some_and(|loss| loss.value == Loss::Huber);
    if let Some(delta) = section.huber_delta.as_ref().filter(|_| !is_huber) {
        diagnostics
            .error(
                delta.span.clone(),
                "model.head.huber_delta",
                "`huber_delta` is about `loss = \"huber\"`",
            )
            .help("remove this key, or set the loss");
    }
}

/// With the ImageNet classifier there is no head, no stage, and one image size.
fn check_top(root: &Root, section: &ModelSection, data: &Data, diagnostics: &mut Diagnostics) {
    let Some(top) = section.include_top.as_ref().filter(|top| top.value) else {
        return;
    };
    let architecture = get(&section.architecture).unwrap_or_default();
    let classifier = architecture.family().classifier();
    if classifier.is_none() {
        let message = format!("`{architecture}` has no ImageNet classifier");
        diagnostics
            .error(top.span.clone(), "model.include_top", message)
            .help("remove `include_top`");
    }
    if let Some(head) = &section.head {
        diagnostics
            .error(
                head.span.clone(),
                "model.head",
                "`[model.head]` and `include_top = true` exclude each other",
            )
            .help("remove one of the two");
    }
    if let Some(stages) = root.stage.as_ref().filter(|stages| !stages.value.is_empty()) {
        diagnostics
            .error(
                stages.value[0].span.clone(),
                "stage",
                "with `include_top = true` there is nothing to train: the ImageNet classifier is used as published",
            )
            .help("remove the stages, or set `include_top = false`");
    }
    let Some(size) = classifier.map(|classifier| classifier.image_size) else { return };
    if root.dataset.is_some() && data.image_size != size {
        diagnostics
            .error(
                data.image_size_span.clone(),
                "dataset.image_size",
                format!("with `include_top = true` the image size must be {size:?}"),
            )
            .help(format!("set `image_size = {size:?}`"));
    }
}

fn check_weights(
    section: &ModelSection,
    architecture: ArchitectureName,
    diagnostics: &mut Diagnostics,
) {
    let Some(weights) = &section.weights else {
        return;
    };
    let key = "model.weights";
    if weights.value.is_empty() {
        diagnostics
            .error(weights.span.clone(), key, "`model.weights` is empty")
            .help("say `imagenet`, `random`, an imported name, a file, or `run:<run id>`");
    } else if architecture.family().published().is_empty() && weights.value == "imagenet" {
        let message = format!("there are no ImageNet weights for `{architecture}`");
        diagnostics
            .error(weights.span.clone(), key, message)
            .help("use `weights = \"random\"`: this network is trained from scratch");
    } else if is_path(&weights.value) && !is_there(&weights.value) {
        diagnostics
            .error(
                weights.span.clone(),
                key,
                format!("the weights file `{}` does not exist", weights.value),
            )
            .label("no such file")
            .maybe_help(has_control(&weights.value).then(|| missing_help(&weights.value)));
    }
}

/// Freezing layers with random weights is probably a mistake.
pub(super) fn warn_of_random_features(
    root: &Root,
    model: &Model,
    stages: &[Stage],
    diagnostics: &mut Diagnostics,
) {
    let freezes = stages.first().is_some_and(|stage| !stage.frozen.is_empty());
    let weights = root.model.as_ref().and_then(|table| table.value.weights.as_ref());
    if let (true, "random", Some(weights)) = (freezes, model.weights.as_str(), weights) {
        diagnostics
            .warning(
                weights.span.clone(),
                "model.weights",
                "the first stage freezes layers that have random weights",
            )
            .label("what they compute means little")
            .help("`weights = \"imagenet\"` is pretrained");
    }
}

/// Whether the file exists: `FILE`, or `FILE#PART` for one of its sets of tensors.
fn is_there(weights: &str) -> bool {
    let is_file = |path: &str| std::path::Path::new(path).is_file();
    is_file(weights) || weights.rsplit_once('#').is_some_and(|(path, _)| is_file(path))
}

/// Whether `weights` names a file rather than imported weights.
fn is_path(weights: &str) -> bool {
    !weights.starts_with("run:") && (weights.contains(['/', '\\']) || weights.contains('.'))
}

fn layers(model: &Model, data: &Data, diagnostics: &mut Diagnostics) -> Vec<Layer> {
    let task = data.plan.as_ref().map(|plan| plan.task).unwrap_or_default();
    let least = if task == Task::Regression { 1 } else { 2 };
    let top = match &model.head {
        None => Top::Imagenet,
        Some(head) if data.classes.len() >= least => head.top(task, data.classes.len()),
        Some(_) => Top::None,
    };
    let classifier = model.architecture.family().classifier().filter(|_| model.include_top);
    let size = classifier.map_or(data.image_size, |classifier| classifier.image_size);
    match architecture::layers(model.architecture, size, &top) {
        Ok(layers) => layers,
        Err(too_small) => {
            diagnostics
                .error(data.image_size_span.clone(), "dataset.image_size", too_small.to_string())
                .help("use a larger `image_size`");
            Vec::new()
        }
    }
}
