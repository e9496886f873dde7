//! Layers that a convolution on the CPU computes in passing: a batch normalization by kept statistics,
//! a sum with a value that is there, and an activation.

use burn::tensor::Tensor;
use runner_experiment::architecture::op::Pooling;
use runner_experiment::architecture::{Activation, Layer, LayerId, Op, Shape};

use super::Network;
use crate::alive::Alive;
use crate::flow::Value;
use crate::op::call::{Call, Outcome};
use crate::op::convolution::{self, Behind, has_kernels};
use crate::op::windowed::function;
use crate::op::{apply, norm};

/// What a convolution computes besides its own sums.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chain {
    /// The batch normalization.
    pub norm: Option<usize>,
    /// The sum, and the value that is added.
    pub add: Option<(usize, LayerId)>,
    /// The activation.
    pub activation: Option<(usize, Activation)>,
    /// The layer whose value comes out.
    pub last: usize,
}

impl Chain {
    /// The layers behind the convolution that it stands for.
    pub(super) fn members(&self) -> impl Iterator<Item = usize> {
        let added = self.add.map(|(add, _)| add);
        let applied = self.activation.map(|(activation, _)| activation);
        [self.norm, added, applied].into_iter().flatten()
    }
}

impl Network {
    /// What the layer at `index` computes in passing, where it is a convolution on the CPU, of those in
    /// front of `end`.
    pub(super) fn chain(
        &self,
        index: usize,
        end: usize,
        (values, is_training): (&[Tensor<1>], bool),
        alive: &Alive,
    ) -> Option<Chain> {
        let layer = &self.layers[index];
        let Op::Convolution(op) = layer.op else { return None };
        let is_ours = self.compute.is_host() && has_kernels(op, layer.input);
        if !is_ours || op.activation != Activation::Linear {
            return None;
        }
        let mut chain = Chain { norm: None, add: None, activation: None, last: index };
        if let Some(next) = self.sole_user(chain.last, end)
            && matches!(self.layers[next].op, Op::BatchNorm { .. })
            && !(is_training && norm::is_trained(&values[self.ranges[next].clone()]))
        {
            (chain.norm, chain.last) = (Some(next), next);
        }
        let is_simple = op.simple_padding().is_some();
        if !is_simple
            && op.groups == 1
            && let Some(next) = self.sole_user(chain.last, end)
            && let Some(other) = self.other_term(next, chain.last)
            && alive.holds(other)
        {
            (chain.add, chain.last) = (Some((next, other)), next);
        }
        if let Some(next) = self.sole_user(chain.last, end)
            && let Op::Activation(activation) = self.layers[next].op
            && (activation == Activation::Relu || !is_simple && function(activation).is_some())
        {
            (chain.activation, chain.last) = (Some((next, activation)), next);
        }
        (chain.last > index).then_some(chain)
    }

    /// Computes a convolution with what it does in passing.
    pub(super) fn in_passing(
        &self,
        call: &Call<'_>,
        chain: Chain,
        (mut inputs, values): (Vec<Value>, &[Tensor<1>]),
        alive: &mut Alive,
    ) -> Outcome {
        let Op::Convolution(op) = call.layer.op else { return apply(call, inputs) };
        let norm = chain.norm.and_then(|norm| match self.layers[norm].op {
            Op::BatchNorm { epsilon, .. } => {
                Some(norm::kept(&values[self.ranges[norm].clone()], epsilon))
            }
            _ => None,
        });
        let residual = chain.add.and_then(|(add, other)| {
            let mut behind = self.layers.iter().enumerate().skip(call.index + 1);
            let is_last =
                behind.all(|(index, layer)| index == add || !layer.inputs.contains(&other));
            match alive.take(other, is_last) {
                Value::Map(map) => Some(map),
                // Only maps are added in passing.
                Value::Vector(_) => None,
            }
        });
        let activation = chain.activation.map(|(_, activation)| activation);
        let behind = Behind { norm, residual, activation };
        convolution::apply(call, op, inputs.remove(0), behind).into()
    }

    /// The one layer in front of `end` that takes the value of the layer at `index`, once.
    fn sole_user(&self, index: usize, end: usize) -> Option<usize> {
        let value = LayerId::of(index);
        let behind = self.layers.iter().enumerate().skip(index + 1);
        let mut users = behind.filter(|(_, layer)| layer.inputs.contains(&value));
        let (user, layer) = users.next()?;
        let once = layer.inputs.iter().filter(|input| **input == value).count() == 1;
        (once && users.next().is_none() && user < end).then_some(user)
    }

    /// What the layer at `index` adds to the value of the one at `term`, where that is a map of the same
    /// size.
    fn other_term(&self, index: usize, term: usize) -> Option<LayerId> {
        let layer = &self.layers[index];
        if layer.op != Op::Add || layer.inputs.len() != 2 {
            return None;
        }
        let other = layer.inputs.iter().find(|input| **input != LayerId::of(term))?;
        let same = self.layers[other.layer()?].output == self.layers[term].output;
        (same && matches!(layer.output, Shape::Map { .. })).then_some(*other)
    }

    /// Whether a layer reads maps in blocks of channels.
    pub(super) fn reads_blocks(&self, index: usize) -> bool {
        let layer = &self.layers[index];
        if takes_blocks(layer) {
            return true;
        }
        self.compute.is_host()
            && match layer.op {
                Op::Convolution(op) => {
                    matches!(layer.input, Shape::Map { .. }) && has_kernels(op, layer.input)
                }
                Op::Add => self.is_added_in_passing(layer),
                _ => false,
            }
    }

    /// Whether the last term of a sum comes from a convolution that adds the other one.
    fn is_added_in_passing(&self, layer: &Layer) -> bool {
        let Some(mut last) = layer.inputs.iter().filter_map(|input| input.layer()).max() else {
            return false;
        };
        if matches!(self.layers[last].op, Op::BatchNorm { .. })
            && let Some(before) = self.layers[last].inputs[0].layer()
        {
            last = before;
        }
        let Op::Convolution(op) = self.layers[last].op else { return false };
        op.groups == 1 && op.simple_padding().is_none()
    }
}

/// Whether a layer is computed on maps in blocks of channels.
pub(crate) fn takes_blocks(layer: &Layer) -> bool {
    match layer.op {
        Op::Convolution(op) => op.simple_padding().is_some(),
        Op::MaxPool(op) => op == Pooling::HALVES,
        Op::BatchNorm { .. }
        | Op::LayerNorm { .. }
        | Op::LayerScale { .. }
        | Op::AveragePool(_)
        | Op::GlobalAveragePool
        | Op::GlobalMaxPool
        | Op::Add
        | Op::Concatenate
        | Op::Multiply
        | Op::ZeroPadding { .. }
        | Op::Activation(_)
        | Op::Flatten
        | Op::Dense { .. }
        | Op::Dropout(_) => false,
    }
}

#[cfg(test)]
mod tests;
