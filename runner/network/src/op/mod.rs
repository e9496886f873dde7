//! What each operation computes: one file per kind.
//!
//! Every operation is named here: a new one is a compile error until it is computed.

pub mod activation;
mod combine;
mod convolution;
mod dropout;
pub mod kernels;
mod norm;
mod pool;

use burn::tensor::Tensor;
use runner_experiment::architecture::{Activation, Layer, Op};
use runner_random::Key;

use crate::flow::{Flow, Value};
#[cfg(test)]
mod tests;

use norm::Moments;

/// What training asks of operations.
#[derive(Debug, Clone, Copy)]
pub struct Training<'a> {
    /// Seed, stage and epoch.
    pub key: Key,
    /// The index of each image of the batch in its split.
    pub samples: &'a [usize],
}

/// One layer with its surroundings.
pub(crate) struct Call<'a> {
    pub layer: &'a Layer,
    /// Its position in the network.
    pub index: usize,
    /// Its parameters, flat, in their order.
    pub parameters: &'a [Tensor<1>],
    pub training: Option<Training<'a>>,
    /// Whether whoever takes the value wants maps in blocks of channels.
    pub blocks: bool,
    /// Whether the sigmoid or softmax of a classifier is left out.
    pub logits: bool,
}

/// What comes out of a layer, and new values of its parameters that no gradient reaches.
pub(crate) struct Outcome {
    pub value: Value,
    pub moved: Option<[Tensor<1>; 2]>,
}

impl From<Value> for Outcome {
    fn from(value: Value) -> Self {
        Self { value, moved: None }
    }
}

impl From<Flow> for Outcome {
    fn from(flow: Flow) -> Self {
        Value::from(flow).into()
    }
}

/// Computes one layer. Those of a network always get as many inputs as they name.
pub(crate) fn apply(call: &Call<'_>, mut inputs: Vec<Value>) -> Outcome {
    let input = inputs.remove(0);
    match call.layer.op {
        Op::Convolution(op) => convolution::apply(call, op, input).into(),
        Op::MaxPool(op) => pool::max(call, op, input).into(),
        Op::AveragePool(op) => pool::average(call, op, input.into()).into(),
        Op::GlobalAveragePool => Flow::Vector(pool::global_average(input.into())).into(),
        Op::GlobalMaxPool => Flow::Vector(pool::global_max(input.into())).into(),
        Op::BatchNorm { epsilon, momentum } => {
            norm::batch(call, Moments { epsilon, momentum }, input.into())
        }
        Op::LayerNorm { epsilon } => norm::layer(call, epsilon, input.into()).into(),
        Op::LayerScale { .. } => norm::scale(input.into(), call.parameters[0].clone()).into(),
        Op::Add => combine::add(input.into(), others(inputs)).into(),
        Op::Multiply => combine::multiply(input.into(), others(inputs)).into(),
        Op::Concatenate => combine::concatenate(input.into(), others(inputs)).into(),
        Op::ZeroPadding { rows, columns } => combine::pad(input.into(), rows, columns).into(),
        Op::Activation(own) => match input.into() {
            Flow::Map(map) => Flow::Map(activation::of_map(own, map)).into(),
            Flow::Vector(rows) => Flow::Vector(activation::of_rows(own, rows)).into(),
        },
        Op::Flatten => combine::flatten(input.into()).into(),
        Op::Dense { units, activation } => dense(call, units, activation, input.into()).into(),
        Op::Dropout(rate) => match (call.training, Flow::from(input)) {
            (Some(training), flow) => dropout::drop(call, rate, training, flow).into(),
            (None, flow) => flow.into(),
        },
    }
}

/// Fully connected, with bias.
fn dense(call: &Call<'_>, units: usize, activation: Activation, input: Flow) -> Flow {
    let inputs = call.layer.input.channels();
    let kernel = call.parameters[0].clone().reshape([inputs, units]);
    let sum = kernels::dense(input.rows(), kernel) + call.parameters[1].clone().unsqueeze();
    let activation = if call.logits { Activation::Linear } else { activation };
    Flow::Vector(activation::of_rows(activation, sum))
}

fn others(inputs: Vec<Value>) -> Vec<Flow> {
    inputs.into_iter().map(Flow::from).collect()
}
