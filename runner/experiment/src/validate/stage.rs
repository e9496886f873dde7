//! `[[stage]]`: names that exist and differ, something left to train, augmentation that is there.

use crate::architecture::Layer;
use crate::plan::{Stage, freezes};
use crate::problem::Problems;
use crate::section::Root;
use crate::section::stage::{ClassWeightsSection, FrozenSection, StageSection};
use crate::suggest::{closest, join};
use crate::value::{Located, Plain};

use super::{get, optimizer, require};

pub(super) fn resolve(
    root: &Root,
    layers: &[Layer],
    (classes, include_top): (&[String], bool),
    problems: &mut Problems,
) -> Vec<Stage> {
    let Some(sections) = &root.stage else {
        return Vec::new();
    };
    duplicates(&sections.value, problems);
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
                    problems,
                );
            }
            check_name(section, problems);
            check_augment(root, section, problems);
            check_average(section, problems);
            let frozen = frozen(section, layers, problems);
            if !include_top {
                check_trains(section, layers, &frozen, problems);
            }
            check_class_weights(section, classes, problems);
            stage(section, frozen, layers, problems)
        })
        .collect()
}

fn stage(
    section: &StageSection,
    frozen: Vec<String>,
    layers: &[Layer],
    problems: &mut Problems,
) -> Stage {
    let trained: Vec<&Layer> = trained(layers, &frozen).collect();
    let optimizer = section.optimizer.as_ref();
    let optimizer = optimizer.map(|table| optimizer::resolve(&table.value, &trained, problems));
    let schedule = section.schedule.as_ref().map(|table| optimizer::schedule(table, problems));
    Stage { frozen, optimizer: optimizer.unwrap_or_default(), schedule, ..section.plain() }
}

/// The layers that have something to train, and are.
fn trained<'a>(layers: &'a [Layer], frozen: &'a [String]) -> impl Iterator<Item = &'a Layer> {
    layers.iter().filter(|layer| layer.has_parameters() && !freezes(frozen, layer))
}

fn check_class_weights(section: &StageSection, classes: &[String], problems: &mut Problems) {
    let Some(ClassWeightsSection::Named(weights)) = get(&section.class_weights) else { return };
    for (name, _) in weights.iter().filter(|(name, _)| !classes.contains(&name.value)) {
        let names = classes.iter().map(String::as_str);
        let help = match closest(&name.value, names.clone()) {
            Some(close) => format!("did you mean `{close}`?"),
            None => format!("the classes are {}", join(names)),
        };
        let message = format!("there is no class `{}`", name.value);
        problems.error(name.span.clone(), "stage.class_weights", message).help(help);
    }
}

fn duplicates(sections: &[StageSection], problems: &mut Problems) {
    for (index, section) in sections.iter().enumerate() {
        let Some(name) = &section.name else { continue };
        let earlier = sections[..index].iter().filter_map(|s| s.name.as_ref());
        if earlier.into_iter().any(|other| other.value == name.value) {
            problems
                .error(
                    name.span.clone(),
                    "stage.name",
                    format!("two stages are called `{}`", name.value),
                )
                .label("already the name of an earlier stage");
        }
    }
}

fn check_name(section: &StageSection, problems: &mut Problems) {
    let Some(name) = &section.name else { return };
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.value.is_empty() || !name.value.chars().all(fits) {
        problems
            .error(name.span.clone(), "stage.name", format!("`{}` cannot be the name of a stage", name.value))
            .help("use letters, digits, `-` and `_`, so that `--set stage.<name>.epochs=2` can address it");
    }
}

fn check_augment(root: &Root, section: &StageSection, problems: &mut Problems) {
    let Some(augment) = section.augment.as_ref().filter(|augment| augment.value) else {
        return;
    };
    if !root.present.iter().any(|key| key == "augmentation") {
        problems
            .error(
                augment.span.clone(),
                "stage.augment",
                "this stage augments, but there is no `[augmentation]` table",
            )
            .help("add `[augmentation]`, or set `augment = false`");
    }
}

fn check_average(section: &StageSection, problems: &mut Problems) {
    let Some(warmup) = section.ema_warmup.as_ref().filter(|warmup| warmup.value) else { return };
    if section.ema.is_none() {
        let message = "`ema_warmup` is for a moving average, and this stage has no `ema`";
        problems
            .error(warmup.span.clone(), "stage.ema_warmup", message)
            .help("add `ema = 0.99`, say, or remove `ema_warmup`");
    }
}

/// The frozen names in the order of the network, whole blocks by the name of the block.
fn frozen(section: &StageSection, layers: &[Layer], problems: &mut Problems) -> Vec<String> {
    let base: Vec<&Layer> = layers.iter().filter(|layer| layer.base).collect();
    let names = match section.frozen.as_ref().map(|frozen| &frozen.value) {
        None | Some(FrozenSection::All) => return compress(&base, |_| true),
        Some(FrozenSection::None) => return Vec::new(),
        Some(FrozenSection::Names(names)) => names,
    };
    let known: Vec<String> = known_names(&base);
    for name in names {
        check_frozen_name(name, layers, &known, problems);
    }
    let names: Vec<String> = names.plain();
    compress(&base, |layer| freezes(&names, layer))
}

fn check_frozen_name(
    name: &Located<String>,
    layers: &[Layer],
    known: &[String],
    problems: &mut Problems,
) {
    if known.is_empty() || known.contains(&name.value) {
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
    let blocks: Vec<&str> = known.iter().map(String::as_str).filter(|n| !n.contains('_')).collect();
    let help = match closest(&name.value, candidates) {
        Some(close) if !head => format!("did you mean `{close}`?"),
        _ => format!("expected \"all\", \"none\", a layer, or one of {}", join(blocks)),
    };
    problems.error(name.span.clone(), "stage.frozen", message).label(label).help(help);
}

fn known_names(base: &[&Layer]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for layer in base {
        if !layer.block.is_empty() && !names.contains(&layer.block) {
            names.push(layer.block.clone());
        }
        names.push(layer.name.clone());
    }
    names
}

/// A block counts as whole where every layer with parameters is frozen.
fn compress(base: &[&Layer], is_frozen: impl Fn(&Layer) -> bool) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for layer in base.iter().filter(|layer| layer.has_parameters() && is_frozen(layer)) {
        let whole = !layer.block.is_empty()
            && base
                .iter()
                .filter(|other| other.block == layer.block && other.has_parameters())
                .all(|other| is_frozen(other));
        let name = if whole { &layer.block } else { &layer.name };
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
    problems: &mut Problems,
) {
    let has_head = layers.iter().any(|layer| !layer.base);
    if has_head && trained(layers, frozen).next().is_none() {
        problems.error(section.span.clone(), "stage.frozen", "this stage has nothing to train");
    }
}
