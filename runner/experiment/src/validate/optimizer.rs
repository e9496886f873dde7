//! `optimizer = { … }`: Keras's defaults for what the file does not say.

use crate::plan::Optimizer;
use crate::section::optimizer::OptimizerSection;

use super::get;

pub(super) fn resolve(section: &OptimizerSection) -> Optimizer {
    match section {
        OptimizerSection::Rmsprop(table) => Optimizer::Rmsprop {
            learning_rate: get(&table.learning_rate).map_or(1e-3, |x| x.0),
            rho: get(&table.rho).map_or(0.9, |x| x.0),
            momentum: get(&table.momentum).map_or(0.0, |x| x.0),
            epsilon: get(&table.epsilon).map_or(1e-7, |x| x.0),
        },
        OptimizerSection::Sgd(table) => Optimizer::Sgd {
            learning_rate: get(&table.learning_rate).map_or(1e-2, |x| x.0),
            momentum: get(&table.momentum).map_or(0.0, |x| x.0),
            nesterov: get(&table.nesterov).unwrap_or(false),
        },
        OptimizerSection::Adam(table) => Optimizer::Adam {
            learning_rate: get(&table.learning_rate).map_or(1e-3, |x| x.0),
            beta_1: get(&table.beta_1).map_or(0.9, |x| x.0),
            beta_2: get(&table.beta_2).map_or(0.999, |x| x.0),
            epsilon: get(&table.epsilon).map_or(1e-7, |x| x.0),
        },
        OptimizerSection::Adamw(table) => Optimizer::Adamw {
            learning_rate: get(&table.learning_rate).map_or(1e-3, |x| x.0),
            beta_1: get(&table.beta_1).map_or(0.9, |x| x.0),
            beta_2: get(&table.beta_2).map_or(0.999, |x| x.0),
            epsilon: get(&table.epsilon).map_or(1e-7, |x| x.0),
            weight_decay: get(&table.weight_decay).map_or(4e-3, |x| x.0),
        },
    }
}
