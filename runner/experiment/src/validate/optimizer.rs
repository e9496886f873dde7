//! `optimizer = { … }` and `schedule = { … }`: Keras's defaults for what the file does not say.

use std::collections::BTreeMap;

use crate::architecture::Layer;
use crate::plan::{LearningRate, Optimizer, Rule, Schedule};
use crate::problem::Problems;
use crate::section::optimizer::{LearningRateSection, OptimizerSection};
use crate::section::schedule::ScheduleSection;
use crate::section::stage::Monitor;
use crate::suggest::{closest, join};
use crate::value::Located;

use super::{get, require};

/// AdamW's weight decay in Keras.
const ADAMW_DECAY: f64 = 4e-3;

pub(super) fn resolve(
    section: &OptimizerSection,
    trained: &[&Layer],
    problems: &mut Problems,
) -> Optimizer {
    // Every optimizer's table has these keys.
    macro_rules! with_common {
        ($table:expr, $rate:expr, $decay:expr) => {{
            check_clipping(&$table.clip_norm, &$table.clip_value, problems);
            if let Some(rate) = &$table.learning_rate {
                check_rates(rate, trained, problems);
            }
            Optimizer {
                rule: rule(section),
                weight_decay: get(&$table.weight_decay).map(|x| x.0).or($decay),
                decay_biases: get(&$table.decay_biases).unwrap_or(true),
                clip_norm: get(&$table.clip_norm).map(|x| x.0),
                clip_value: get(&$table.clip_value).map(|x| x.0),
                learning_rate: get(&$table.learning_rate)
                    .map_or(LearningRate::One($rate), learning_rate),
            }
        }};
    }
    match section {
        OptimizerSection::Rmsprop(table) => with_common!(table, 1e-3, None),
        OptimizerSection::Sgd(table) => with_common!(table, 1e-2, None),
        OptimizerSection::Adam(table) => with_common!(table, 1e-3, None),
        OptimizerSection::Adamw(table) => with_common!(table, 1e-3, Some(ADAMW_DECAY)),
        OptimizerSection::Adagrad(table) => with_common!(table, 1e-3, None),
        OptimizerSection::Lion(table) => with_common!(table, 1e-3, None),
    }
}

fn rule(section: &OptimizerSection) -> Rule {
    match section {
        OptimizerSection::Rmsprop(table) => Rule::Rmsprop {
            rho: get(&table.rho).map_or(0.9, |x| x.0),
            momentum: get(&table.momentum).map_or(0.0, |x| x.0),
            epsilon: get(&table.epsilon).map_or(1e-7, |x| x.0),
        },
        OptimizerSection::Sgd(table) => Rule::Sgd {
            momentum: get(&table.momentum).map_or(0.0, |x| x.0),
            nesterov: get(&table.nesterov).unwrap_or(false),
        },
        OptimizerSection::Adam(table) => Rule::Adam {
            beta_1: get(&table.beta_1).map_or(0.9, |x| x.0),
            beta_2: get(&table.beta_2).map_or(0.999, |x| x.0),
            epsilon: get(&table.epsilon).map_or(1e-7, |x| x.0),
        },
        OptimizerSection::Adamw(table) => Rule::Adamw {
            beta_1: get(&table.beta_1).map_or(0.9, |x| x.0),
            beta_2: get(&table.beta_2).map_or(0.999, |x| x.0),
            epsilon: get(&table.epsilon).map_or(1e-7, |x| x.0),
        },
        OptimizerSection::Adagrad(table) => Rule::Adagrad {
            initial_accumulator: get(&table.initial_accumulator).map_or(0.1, |x| x.0),
            epsilon: get(&table.epsilon).map_or(1e-7, |x| x.0),
        },
        OptimizerSection::Lion(table) => Rule::Lion {
            beta_1: get(&table.beta_1).map_or(0.9, |x| x.0),
            beta_2: get(&table.beta_2).map_or(0.99, |x| x.0),
        },
    }
}

fn learning_rate(section: LearningRateSection) -> LearningRate {
    match section {
        LearningRateSection::One(rate) => LearningRate::One(rate),
        LearningRateSection::Named(rates) => {
            LearningRate::Named(rates.into_iter().map(|(name, rate)| (name.value, rate)).collect())
        }
    }
}

/// Keras takes one of the two as well.
fn check_clipping<A, B>(
    norm: &Option<Located<A>>,
    value: &Option<Located<B>>,
    problems: &mut Problems,
) {
    if let (Some(_), Some(value)) = (norm, value) {
        problems
            .error(
                value.span.clone(),
                "stage.optimizer.clip_value",
                "`clip_norm` and `clip_value` exclude each other",
            )
            .help("remove one of the two");
    }
}

/// Every trained layer has a rate, and every rate a layer.
fn check_rates(
    section: &Located<LearningRateSection>,
    trained: &[&Layer],
    problems: &mut Problems,
) {
    let LearningRateSection::Named(rates) = &section.value else { return };
    let key = "stage.optimizer.learning_rate";
    let mut known: Vec<String> = Vec::new();
    for layer in trained {
        for name in [layer.part().to_owned(), layer.name.clone()] {
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
        problems
            .error(name.span.clone(), key, format!("this stage does not train `{}`", name.value))
            .label("no part that is trained")
            .help(help);
    }
    let all: BTreeMap<String, f64> =
        rates.iter().map(|(name, rate)| (name.value.clone(), *rate)).collect();
    let named = LearningRate::Named(all);
    let without: Vec<&str> = trained
        .iter()
        .filter(|layer| named.of(layer).is_none())
        .map(|layer| layer.name.as_str())
        .collect();
    if !without.is_empty() {
        problems
            .error(
                section.span.clone(),
                key,
                format!("no learning rate for {}, which this stage trains", join(without)),
            )
            .help("name the layer, its block, or `head`");
    }
}

pub(super) fn schedule(section: &Located<ScheduleSection>, problems: &mut Problems) -> Schedule {
    let count = |number: i64| usize::try_from(number).unwrap_or(usize::MAX);
    match &section.value {
        ScheduleSection::Constant(table) => {
            Schedule::Constant { warmup_epochs: get(&table.warmup_epochs).map_or(0.0, |x| x.0) }
        }
        ScheduleSection::Cosine(table) => Schedule::Cosine {
            warmup_epochs: get(&table.warmup_epochs).map_or(0.0, |x| x.0),
            final_factor: get(&table.final_factor).map_or(0.0, |x| x.0),
        },
        ScheduleSection::OneCycle(table) => Schedule::OneCycle {
            peak: get(&table.peak).map_or(0.3, |x| x.0),
            start_factor: get(&table.start_factor).map_or(0.04, |x| x.0),
            final_factor: get(&table.final_factor).map_or(4e-6, |x| x.0),
        },
        ScheduleSection::Step(table) => {
            require(&table.present, "every", "stage.schedule", &table.span, problems);
            Schedule::Step {
                warmup_epochs: get(&table.warmup_epochs).map_or(0.0, |x| x.0),
                every: get(&table.every).map_or(1, |n| count(n.0)),
                factor: get(&table.factor).map_or(0.1, |x| x.0),
            }
        }
        ScheduleSection::Exponential(table) => Schedule::Exponential {
            warmup_epochs: get(&table.warmup_epochs).map_or(0.0, |x| x.0),
            factor: get(&table.factor).map_or(0.9, |x| x.0),
        },
        ScheduleSection::Plateau(table) => Schedule::Plateau {
            monitor: get(&table.monitor).unwrap_or(Monitor::ValidationLoss),
            factor: get(&table.factor).map_or(0.1, |x| x.0),
            patience: get(&table.patience).map_or(10, |n| count(n.0)),
            min_delta: get(&table.min_delta).map_or(1e-4, |x| x.0),
            final_factor: get(&table.final_factor).map_or(0.0, |x| x.0),
        },
    }
}
