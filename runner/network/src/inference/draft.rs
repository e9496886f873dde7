//! Layers put together as nodes of a graph: each convolution with the factors behind it folded into its
//! weights, with zeros around its map, and with the sum and the activation that follow.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use runner_convolution::{Activation, Node, Pooled, Windows};
use runner_experiment::architecture::op::{Convolution, Padding};
use runner_experiment::architecture::{LayerId, Op};

use super::fold::{Affine, affine};
use super::plan::function;
use super::windows::{Filters, pooled_windows, windows};
use crate::error::NetworkError;
use crate::network::Network;

/// A node that owns its weights.
pub(super) struct Drafted {
    input: usize,
    what: What,
}

enum What {
    Convolution {
        weights: Affine,
        windows: Windows,
        depthwise: bool,
        residual: Option<usize>,
        activation: Activation,
    },
    LayerNorm(Affine, f32),
    Concatenate(Vec<usize>),
    Plain(Node<'static>),
}

impl Drafted {
    /// The number of its input, and the node.
    pub(super) fn node(&self) -> (usize, Node<'_>) {
        let node = match &self.what {
            What::Convolution { weights, windows, depthwise, residual, activation } => {
                Node::Convolution {
                    kernel: &weights.kernel,
                    bias: &weights.bias,
                    windows: *windows,
                    depthwise: *depthwise,
                    residual: *residual,
                    activation: *activation,
                }
            }
            What::LayerNorm(Affine { kernel, bias }, epsilon) => {
                Node::LayerNorm { scale: kernel, bias, epsilon: *epsilon }
            }
            What::Concatenate(others) => Node::Concatenate(others),
            What::Plain(node) => *node,
        };
        (self.input, node)
    }
}

/// Nodes while they are put together.
pub(super) struct Draft<'a> {
    network: &'a Network,
    /// Layers from here on are not part of it.
    end: usize,
    /// The number of the node's value that a layer's is.
    values: BTreeMap<LayerId, usize>,
    /// Rows above and columns to the left of a value that are zeros, where a layer reads it with them.
    zeros: BTreeMap<LayerId, [usize; 2]>,
    /// Layers that a node stands for.
    done: BTreeSet<usize>,
    nodes: Vec<Drafted>,
}

impl<'a> Draft<'a> {
    /// The nodes that stand for a range of layers behind `entrance`. `None` where one cannot be computed.
    pub(super) fn of(
        network: &'a Network,
        range: Range<usize>,
        entrance: LayerId,
    ) -> Result<Option<Vec<Drafted>>, NetworkError> {
        let mut draft = Self {
            network,
            end: range.end,
            values: BTreeMap::from([(entrance, 0)]),
            zeros: BTreeMap::new(),
            done: BTreeSet::new(),
            nodes: Vec::new(),
        };
        for index in range {
            if !draft.done.contains(&index) && draft.layer(index)?.is_none() {
                return Ok(None);
            }
        }
        Ok(Some(draft.nodes))
    }

    /// Adds the layer at `index` with what is fused with it. `None` where it cannot be computed.
    fn layer(&mut self, index: usize) -> Result<Option<()>, NetworkError> {
        let layer = &self.network.layers[index];
        let inputs: Option<Vec<usize>> =
            layer.inputs.iter().map(|id| self.values.get(id).copied()).collect();
        let Some(inputs) = inputs else { return Ok(None) };
        let reads_zeros = matches!(layer.op, Op::Convolution(_) | Op::MaxPool(_));
        if layer.inputs.iter().any(|input| self.zeros.contains_key(input)) && !reads_zeros {
            return Ok(None);
        }
        match layer.op {
            Op::Convolution(op) => return self.convolution(index, op, inputs[0]),
            Op::ZeroPadding { rows, columns } => {
                self.values.insert(LayerId::of(index), inputs[0]);
                self.zeros.insert(LayerId::of(index), [rows[0], columns[0]]);
            }
            Op::Dropout(_) => {
                self.values.insert(LayerId::of(index), inputs[0]);
            }
            _ => match self.folded(index)? {
                Some(weights) => self.sum(index, inputs[0], weights, Filters::of_pixels(layer)),
                None => match self.plain(index, &inputs)? {
                    Some(what) => self.push(index, inputs[0], what),
                    None => return Ok(None),
                },
            },
        }
        Ok(Some(()))
    }

    /// The node of a layer that is no convolution.
    fn plain(&self, index: usize, inputs: &[usize]) -> Result<Option<What>, NetworkError> {
        let layer = &self.network.layers[index];
        let each = |factors, other, activation| Node::Each { factors, other, activation };
        let zeros = self.zeros.get(&layer.inputs[0]).copied();
        let windows = |op| pooled_windows(layer, op, zeros.unwrap_or_default());
        Ok(Some(What::Plain(match layer.op {
            Op::LayerNorm { epsilon } => {
                return Ok(Some(What::LayerNorm(self.factors(index)?, epsilon as f32)));
            }
            Op::Concatenate => return Ok(Some(What::Concatenate(inputs[1..].to_vec()))),
            // A window that has zeros of its own as well would need two kinds of them.
            Op::MaxPool(op) if zeros.is_some() && op.padding != Padding::Valid => return Ok(None),
            Op::MaxPool(op) if zeros.is_some() => Node::Pool(windows(op), Pooled::LargestPadded),
            Op::MaxPool(op) => Node::Pool(windows(op), Pooled::Largest),
            Op::AveragePool(op) => Node::Pool(windows(op), Pooled::Mean),
            Op::GlobalAveragePool => Node::GlobalAverage,
            Op::GlobalMaxPool => Node::GlobalMax,
            Op::Add => each(None, Some(inputs[1]), Activation::Linear),
            Op::Multiply => each(Some(inputs[1]), None, Activation::Linear),
            Op::Activation(activation) => match function(activation) {
                Some(activation) => each(None, None, activation),
                None => return Ok(None),
            },
            _ => return Ok(None),
        })))
    }

    fn push(&mut self, index: usize, input: usize, what: What) {
        self.nodes.push(Drafted { input, what });
        self.values.insert(LayerId::of(index), self.nodes.len());
    }

    fn convolution(
        &mut self,
        index: usize,
        op: Convolution,
        input: usize,
    ) -> Result<Option<()>, NetworkError> {
        let layer = &self.network.layers[index];
        let Some(activation) = function(op.activation) else { return Ok(None) };
        let first = self.network.first_parameter(index);
        let kernel = self.network.parameters[first].values()?;
        let bias = match op.bias {
            true => self.network.parameters[first + 1].values()?,
            false => vec![0.0; op.channels],
        };
        let mut weights = Affine { kernel, bias };
        let mut last = index;
        while activation == Activation::Linear
            && let Some(next) = self.sole_user(last)
            && let Some(factors) = self.folded(next)?
        {
            weights.then(&factors);
            self.done.insert(next);
            last = next;
        }
        let zeros = self.zeros.get(&layer.inputs[0]).copied().unwrap_or_default();
        let filters = Filters {
            windows: windows(layer, op.kernel, op.stride, |size, axis| {
                zeros[axis] + op.padding.amounts(size, op.kernel[axis], op.stride)[0]
            }),
            depthwise: op.groups > 1,
            activation,
        };
        self.sum(last, input, weights, filters);
        Ok(Some(()))
    }

    /// What a layer multiplies each channel with and adds to it, where it does nothing else.
    fn folded(&self, index: usize) -> Result<Option<Affine>, NetworkError> {
        Ok(match self.network.layers[index].op {
            Op::BatchNorm { epsilon, .. } => Some(affine(self.network, index, epsilon)?),
            Op::LayerScale { .. } => Some(self.factors(index)?),
            _ => None,
        })
    }

    /// A layer's own factors, and what it adds if it does.
    fn factors(&self, index: usize) -> Result<Affine, NetworkError> {
        let first = self.network.first_parameter(index);
        let kernel = self.network.parameters[first].values()?;
        let bias = match self.network.layers[index].op {
            Op::LayerNorm { .. } => self.network.parameters[first + 1].values()?,
            _ => vec![0.0; kernel.len()],
        };
        Ok(Affine { kernel, bias })
    }

    /// Adds a convolution whose value is that of the layer at `last`, or of those behind it that
    /// add another value and apply an activation.
    fn sum(&mut self, mut last: usize, input: usize, weights: Affine, filters: Filters) {
        let Filters { windows, depthwise, mut activation } = filters;
        let mut residual = None;
        if activation == Activation::Linear {
            if !depthwise
                && let Some(next) = self.sole_user(last)
                && let Some(other) = self.other(next, last)
            {
                (residual, last) = (Some(other), next);
                self.done.insert(next);
            }
            if let Some(next) = self.sole_user(last)
                && let Op::Activation(given) = self.network.layers[next].op
                && let Some(function) = function(given)
            {
                (activation, last) = (function, next);
                self.done.insert(next);
            }
        }
        let what = What::Convolution { weights, windows, depthwise, residual, activation };
        self.push(last, input, what);
    }

    /// The one layer of the graph that takes the value of the layer at `index`.
    fn sole_user(&self, index: usize) -> Option<usize> {
        let value = LayerId::of(index);
        let layers = self.network.layers.iter().enumerate().skip(index + 1);
        let mut users = layers.filter(|(_, layer)| layer.inputs.contains(&value));
        let (user, layer) = users.next()?;
        let once = layer.inputs.iter().filter(|input| **input == value).count() == 1;
        (once && users.next().is_none() && user < self.end).then_some(user)
    }

    /// What the layer at `index` adds to the value of the one at `term`, where that is known by now.
    fn other(&self, index: usize, term: usize) -> Option<usize> {
        let layer = &self.network.layers[index];
        if layer.op != Op::Add {
            return None;
        }
        let other = layer.inputs.iter().find(|input| **input != LayerId::of(term))?;
        // The image itself is no value that can be added.
        self.values.get(other).copied().filter(|value| *value > 0)
    }
}
