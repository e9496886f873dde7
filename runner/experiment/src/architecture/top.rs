//! What stands on a conv base: a new head, or the classifier that was published with it.

use super::builder::Builder;
use super::op::{Activation, Op};
use crate::section::model::Pooling;
use crate::section::task::Task;

/// The layers on top of the conv base.
#[derive(Debug, Clone, PartialEq)]
pub enum Top<'a> {
    /// Nothing: the base alone.
    None,
    /// The classifier that the family published.
    Imagenet,
    /// A new head.
    Head {
        /// How the last feature map becomes a vector.
        pooling: Pooling,
        /// Units of the hidden layers.
        hidden: &'a [usize],
        /// Share of units dropped.
        dropout: f64,
        /// Units and activation of the last layer.
        output: (usize, Activation),
    },
}

/// Units and activation of the last layer of a head, for so many classes, labels or numbers. Two classes
/// are one sigmoid unit.
#[must_use]
pub fn output(task: Task, classes: usize) -> (usize, Activation) {
    match (task, classes) {
        (Task::Classification, 2) => (1, Activation::Sigmoid),
        (Task::Classification, many) => (many, Activation::Softmax),
        (Task::Multilabel, many) => (many, Activation::Sigmoid),
        (Task::Regression, many) => (many, Activation::Linear),
    }
}

/// Pooling, hidden layers with dropout, the output.
pub(super) fn head(
    net: &mut Builder,
    pooling: Pooling,
    hidden: &[usize],
    dropout: f64,
    (units, activation): (usize, Activation),
) {
    match pooling {
        Pooling::Flatten => net.push("flatten", Op::Flatten),
        Pooling::Average => net.push("average_pool", Op::GlobalAveragePool),
        Pooling::Max => net.push("max_pool", Op::GlobalMaxPool),
    };
    let drop = |net: &mut Builder, number: usize| {
        if dropout > 0.0 {
            net.push(format!("dropout{number}"), Op::Dropout(dropout));
        }
    };
    if hidden.is_empty() {
        drop(net, 1);
    }
    for (index, units) in hidden.iter().enumerate() {
        net.dense(format!("hidden{}", index + 1), *units, Activation::Relu);
        drop(net, index + 1);
    }
    net.dense("output", units, activation);
}
