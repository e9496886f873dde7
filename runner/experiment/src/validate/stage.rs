//! `[[stage]]`: names that exist and differ, and something left to train.

use crate::architecture::Layer;
use crate::diagnostic::Diagnostics;
use crate::plan::Stage;
use crate::plan::stage::freezes;
use crate::section::Root;
use crate::section::stage::{BatchNorm, ClassWeightsSection, FrozenSection, StageSection};
use crate::section::task::Task;
use crate::suggest::{closest, join};
use crate::value::{Located, Plain};

use super::dataset::Data;
use super::keys::{get, require};
use super::optimizer;

pub(super) fn resolve(
    root: &Root,
    layers: &[Layer],
    (data, include_top): (&Data, bool),
    diagnostics: &mut Diagnostics,
) -> Vec<Stage> {
    let Some(sections) = &root.stage else {
        return Vec::new();
    };
    duplicates(&sections.value, diagnostics);
    sections
        .value
        .iter()
        .enumerate()
        .map(|(index, section)| {
            for name in ["name", "epochs", "optimizer"] {
                require(
                    &section.present,
                    name,
                    &format!("stage[{index}]"),
                    &section.span,
                    diagnostics,
                );
            }
            check_name(section, diagnostics);
            check_augment(root, section, diagnostics);
            check_average(section, diagnostics);
            let frozen = frozen(section, layers, diagnostics);
            if !include_top {
                check_trains(section, layers, &frozen, diagnostics);
            }
            check_class_weights(section, &data.classes, diagnostics);
            check_task(section, data, diagnostics);
            stage(section, frozen, layers, diagnostics)
        })
        .collect()
}

fn stage(
    section: &StageSection,
    frozen: Vec<String>,
    layers: &[Layer],
    diagnostics: &mut Diagnostics,
) -> Stage {
    let batch_norm = get(&section.batch_norm).unwrap_or(BatchNorm::Frozen);
    let trained: Vec<&Layer> = trained(layers, &frozen, batch_norm).collect();
    check_batch_norm(section, &trained, diagnostics);
    let optimizer = section.optimizer.as_ref();
    let optimizer = optimizer.map(|table| optimizer::resolve(&table.value, &trained, diagnostics));
    let schedule = section.schedule.as_ref().map(|table| optimizer::schedule(table, diagnostics));
    Stage { frozen, optimizer: optimizer.unwrap_or_default(), schedule, ..section.plain() }
}

/// The layers that have something to train, and are.
fn trained<'a>(
    layers: &'a [Layer],
    frozen: &'a [String],
    batch_norm: BatchNorm,
) -> impl Iterator<Item = &'a Layer> {
    layers.iter().filter(move |layer| layer.has_parameters() && !freezes(frozen, batch_norm, layer))
}

/// Asking for trained batch normalizations where there are none is a mistake.
fn check_batch_norm(section: &StageSection, trained: &[&Layer], diagnostics: &mut Diagnostics) {
    let Some(mode) = section.batch_norm.as_ref().filter(|mode| mode.value == BatchNorm::Train)
    else {
        return;
    };
    if !trained.is_empty() && !trained.iter().any(|layer| layer.is_batch_norm()) {
        let message = "`batch_norm = \"train\"`, and this stage trains no batch normalization";
        diagnostics
            .error(mode.span.clone(), "stage.batch_norm", message)
            .help("remove the key, or freeze fewer blocks");
    }
}

/// Keys that are about classes say nothing where numbers are learned.
fn check_task(section: &StageSection, data: &Data, diagnostics: &mut Diagnostics) {
    if data.plan.as_ref().is_none_or(|plan| plan.task != Task::Regression) {
        return;
    }
    let mut refuse = |span: &std::ops::Range<usize>, key: &str, help: &str| {
        diagnostics
            .error(
                span.clone(),
                format!("stage.{key}"),
                format!("`{key}` is about classes, and `dataset.task` is `regression`"),
            )
            .help(help);
    };
    if let Some(weights) = &section.class_weights {
        refuse(&weights.span, "class_weights", "a column `weight` of the table weights images");
    }
    if let Some(smoothing) = &section.label_smoothing {
        refuse(&smoothing.span, "label_smoothing", "remove this key");
    }
    let monitor = section.early_stopping.as_ref().and_then(|rule| rule.value.monitor.as_ref());
    if let Some(monitor) = monitor.filter(|monitor| monitor.value.is_accuracy()) {
        refuse(&monitor.span, "early_stopping.monitor", "numbers have `validation_loss`");
    }
}

fn check_class_weights(section: &StageSection, classes: &[String], diagnostics: &mut Diagnostics) {
    let Some(ClassWeightsSection::Named(weights)) = get(&section.class_weights) else { return };
    for (name, _) in weights.iter().filter(|(name, _)| !classes.contains(&name.value)) {
        let names = classes.iter().map(String::as_str);
        let help = match closest(&name.value, names.clone()) {
            Some(close) => format!("did you mean `{close}`?"),
            None => format!("the classes are {}", join(names)),
        };
        let message = format!("there is no class `{}`", name.value);
        diagnostics.error(name.span.clone(), "stage.class_weights", message).help(help);
    }
}

fn duplicates(sections: &[StageSection], diagnostics: &mut Diagnostics) {
    for (index, section) in sections.iter().enumerate() {
        let Some(name) = &section.name else { continue };
        let earlier = sections[..index].iter().filter_map(|s| s.name.as_ref());
        if earlier.into_iter().any(|other| other.value == name.value) {
            diagnostics
                .error(
                    name.span.clone(),
                    "stage.name",
                    format!("two stages are called `{}`", name.value),
                )
                .label("already the name of an earlier stage");
        }
    }
}

fn check_name(section: &StageSection, diagnostics: &mut Diagnostics) {
    let Some(name) = &section.name else { return };
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.value.is_empty() || !name.value.chars().all(fits) {
        diagnostics
            .error(name.span.clone(), "stage.name", format!("`{}` cannot be the name of a stage", name.value))
            .help("use letters, digits, `-` and `_`, so that `--set stage.<name>.epochs=2` can address it");
    }
}

fn check_augment(root: &Root, section: &StageSection, diagnostics: &mut Diagnostics) {
    let Some(augment) = section.augment.as_ref().filter(|augment| augment.value) else {
        return;
    };
    if !root.present.iter().any(|key| key == "augmentation") {
        diagnostics
            .error(
                augment.span.clone(),
                "stage.augment",
                "this stage augments, but there is no `[augmentation]` table",
            )
            .help("add `[augmentation]`, or set `augment = false`");
    }
}

fn check_average(section: &StageSection, diagnostics: &mut Diagnostics) {
    let Some(warmup) = section.ema_warmup.as_ref().filter(|warmup| warmup.value) else { return };
    if section.ema.is_none() {
        let message = "`ema_warmup` is for a moving average, and this stage has no `ema`";
        diagnostics
            .error(warmup.span.clone(), "stage.ema_warmup", message)
            .help("add `ema = 0.99`, say, or remove `ema_warmup`");
    }
}

/// The frozen names in the order of the network, whole blocks by the name of the block.
fn frozen(section: &StageSection, layers: &[Layer], diagnostics: &mut Diagnostics) -> Vec<String> {
    let base: Vec<&Layer> = layers.iter().filter(|layer| layer.base).collect();
    let names = match section.frozen.as_ref().map(|frozen| &frozen.value) {
        None | Some(FrozenSection::All) => return compress(&base, |_| true),
        Some(FrozenSection::None) => return Vec::new(),
        Some(FrozenSection::Names(names)) => names,
    };
    let known: Vec<String> = known_names(&base);
    for name in names {
        check_frozen_name(name, layers, &known, diagnostics);
    }
    let names: Vec<String> = names.plain();
    compress(&base, |layer| layer.is_named(&names))
}

fn check_frozen_name(
    name: &Located<String>,
    layers: &[Layer],
    known: &[String],
    diagnostics: &mut Diagnostics,
) {
    let is_known = layers.iter().any(|layer| layer.base && layer.is_within(&name.value));
    if known.is_empty() || is_known {
        return;
    }
    let head = layers.iter().any(|layer| !layer.base && layer.name == name.value);
    let (message, label) = if head || name.value == "head" {
        (
            format!("`{}` belongs to the head, which a stage always trains", name.value),
            "not part of the conv base",
        )
    } else {
        (format!("there is no block or layer `{}`", name.value), "unknown block or layer")
    };
    let candidates = known.iter().map(String::as_str);
    let blocks = parts(layers, known);
    let help = match closest(&name.value, candidates) {
        Some(close) if !head => format!("did you mean `{close}`?"),
        _ => format!("expected \"all\", \"none\", a layer, or one of {}", join(blocks)),
    };
    diagnostics.error(name.span.clone(), "stage.frozen", message).label(label).help(help);
}

/// Stages, blocks and layers.
fn known_names(base: &[&Layer]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in base.iter().flat_map(|layer| [&layer.stage, &layer.block, &layer.name]) {
        if !name.is_empty() && !names.contains(name) {
            names.push(name.clone());
        }
    }
    names
}

/// What a network's parts are called in a hint: stages, blocks outside of them, or layers where there
/// are neither.
fn parts<'a>(layers: &'a [Layer], known: &'a [String]) -> Vec<&'a str> {
    let mut names: Vec<&str> = Vec::new();
    for layer in layers.iter().filter(|layer| layer.base) {
        let name = if layer.stage.is_empty() { &layer.block } else { &layer.stage };
        if !name.is_empty() && !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    match names.is_empty() {
        true => known.iter().map(String::as_str).collect(),
        false => names,
    }
}

/// A stage or block counts as whole where every layer with parameters is frozen.
fn compress(base: &[&Layer], is_frozen: impl Fn(&Layer) -> bool) -> Vec<String> {
    let whole = |name: &str| {
        let mut inside = base.iter().filter(|layer| layer.stage == name || layer.block == name);
        !name.is_empty() && inside.all(|layer| !layer.has_parameters() || is_frozen(layer))
    };
    let mut names: Vec<String> = Vec::new();
    for layer in base.iter().filter(|layer| layer.has_parameters() && is_frozen(layer)) {
        let name = match layer {
            layer if whole(&layer.stage) => &layer.stage,
            layer if whole(&layer.block) => &layer.block,
            layer => &layer.name,
        };
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    names
}

/// Without a head, freezing everything leaves nothing to train.
fn check_trains(
    section: &StageSection,
    layers: &[Layer],
    frozen: &[String],
    diagnostics: &mut Diagnostics,
) {
    let has_head = layers.iter().any(|layer| !layer.base);
    if has_head && trained(layers, frozen, BatchNorm::Train).next().is_none() {
        diagnostics.error(section.span.clone(), "stage.frozen", "this stage has nothing to train");
    }
}
