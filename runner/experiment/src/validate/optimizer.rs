//! `optimizer = { … }` and `schedule = { … }`: what depends on more than one key, or on the layers.

use crate::architecture::Layer;
use crate::diagnostic::Diagnostics;
use crate::plan::{LearningRate, Optimizer, Schedule};
use crate::section::optimizer::{LearningRateSection, OptimizerSection};
use crate::section::schedule::ScheduleSection;
use crate::suggest::{closest, join};
use crate::value::{Located, Plain};

use super::keys::require;

pub(super) fn resolve(
    section: &OptimizerSection,
    trained: &[&Layer],
    diagnostics: &mut Diagnostics,
) -> Optimizer {
    check_clipping(&section.clip_norm, &section.clip_value, diagnostics);
    if let Some(rate) = &section.learning_rate {
        check_rates(rate, trained, diagnostics);
    }
    let plan = section.plain();
    let default_rate = LearningRate::One(plan.rule.default_learning_rate());
    Optimizer {
        weight_decay: plan.weight_decay.or(plan.rule.default_weight_decay()),
        learning_rate: section.learning_rate.as_ref().map_or(default_rate, Plain::plain),
        ..plan
    }
}

/// Keras, too, accepts only one of the two.
fn check_clipping<A, B>(
    norm: &Option<Located<A>>,
    value: &Option<Located<B>>,
    diagnostics: &mut Diagnostics,
) {
    if let (Some(_), Some(value)) = (norm, value) {
        diagnostics
            .error(
                value.span.clone(),
                "stage.optimizer.clip_value",
                "`clip_norm` and `clip_value` exclude each other",
            )
            .help("remove one of the two");
    }
}

/// Every trained layer must have a rate, and every rate a layer.
fn check_rates(
    section: &Located<LearningRateSection>,
    trained: &[&Layer],
    diagnostics: &mut Diagnostics,
) {
    let LearningRateSection::Named(rates) = &section.value else { return };
    let key = "stage.optimizer.learning_rate";
    let mut known: Vec<String> = Vec::new();
    for layer in trained {
        for name in [layer.stage.clone(), layer.part().to_owned(), layer.name.clone()] {
            if !name.is_empty() && !known.contains(&name) {
                known.push(name);
            }
        }
    }
    for (name, _) in rates.iter().filter(|(name, _)| !known.contains(&name.value)) {
        let names = known.iter().map(String::as_str);
        let help = match closest(&name.value, names.clone()) {
            Some(close) => format!("did you mean `{close}`?"),
            None => format!("this stage trains {}", join(names)),
        };
        diagnostics
            .error(name.span.clone(), key, format!("this stage does not train `{}`", name.value))
            .label("no part that is trained")
            .help(help);
    }
    let named = section.plain();
    let without: Vec<&str> = trained
        .iter()
        .filter(|layer| named.of(layer).is_none())
        .map(|layer| layer.name.as_str())
        .collect();
    if !without.is_empty() {
        diagnostics
            .error(
                section.span.clone(),
                key,
                format!("no learning rate for {}, which this stage trains", join(without)),
            )
            .help("name the layer, its block, or `head`");
    }
}

pub(super) fn schedule(
    section: &Located<ScheduleSection>,
    diagnostics: &mut Diagnostics,
) -> Schedule {
    if let ScheduleSection::Step(table) = &section.value {
        require(&table.present, "every", "stage.schedule", &table.span, diagnostics);
    }
    section.plain()
}
