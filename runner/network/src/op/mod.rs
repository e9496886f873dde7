//! What each operation computes: one file per kind.
//!
//! Every operation is named here: a new one is a compile error until it is computed.

pub mod activation;
pub(crate) mod call;
mod combine;
pub(crate) mod convolution;
mod dropout;
pub mod kernels;
pub(crate) mod norm;
mod pool;
pub(crate) mod windowed;

#[cfg(test)]
mod tests;

use runner_experiment::architecture::{Activation, Op};

pub use call::Training;
use call::{Call, Outcome};
use convolution::Behind;
use norm::Moments;

use crate::flow::{Flow, Value};

/// Computes one layer. Those of a network always get as many inputs as they name.
pub(crate) fn apply(call: &Call<'_>, mut inputs: Vec<Value>) -> Outcome {
    let input = inputs.remove(0);
    match call.layer.op {
        Op::Convolution(op) => convolution::apply(call, op, input, Behind::default()).into(),
        Op::MaxPool(op) => pool::max(call, op, input).into(),
        Op::AveragePool(op) => pool::average(call, op, input.into()).into(),
        Op::GlobalAveragePool => Flow::Vector(pool::global_average(input.into())).into(),
        Op::GlobalMaxPool => Flow::Vector(pool::global_max(input.into())).into(),
        Op::BatchNorm { epsilon, momentum, .. } => {
            norm::batch(call, Moments { epsilon, momentum }, input.into())
        }
        Op::LayerNorm { epsilon } => norm::layer(call, epsilon, input.into()).into(),
        Op::LayerScale { .. } => norm::scale(input.into(), call.parameters[0].clone()).into(),
        Op::Add => combine::add(input.into(), others(inputs)).into(),
        Op::Multiply => combine::multiply(input.into(), others(inputs)).into(),
        Op::Concatenate => combine::concatenate(input.into(), others(inputs)).into(),
        Op::ZeroPadding { rows, columns } => combine::pad(input.into(), rows, columns).into(),
        Op::Activation(activation) => match input.into() {
            // A softmax is one over the second dimension.
            Flow::Map(map) if activation == Activation::Softmax => {
                Flow::Map(activation::apply(activation, map)).into()
            }
            Flow::Map(map) => {
                Flow::Map(kernels::each(map, |map| activation::apply(activation, map))).into()
            }
            Flow::Vector(rows) => Flow::Vector(activation::apply(activation, rows)).into(),
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
    let activation = if call.logits { Activation::Linear } else { activation };
    Flow::Vector(kernels::dense(input.rows(), kernel, call.parameters[1].clone(), activation))
}

fn others(inputs: Vec<Value>) -> Vec<Flow> {
    inputs.into_iter().map(Flow::from).collect()
}
