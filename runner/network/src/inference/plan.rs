//! Layers as a graph of the CPU's kernels: each convolution with the batch normalization behind it
//! folded into its weights, and with the sum and the activation that follow.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use runner_convolution::{Activation, Extent, Graph, Isa, Node, Pooled, Windows};
use runner_experiment::architecture::op::{Convolution, Pooling};
use runner_experiment::architecture::{self, Layer, LayerId, Op, Shape, cuts};

use super::fold::{Affine, affine};
use crate::error::NetworkError;
use crate::network::Network;
use crate::op::kernels;

/// The leading layers of a range as a graph, and where it ends; `None` where the first layers are
/// none that it computes.
pub(super) fn plan(
    network: &Network,
    range: Range<usize>,
    input: Shape,
) -> Result<Option<(Graph, usize)>, NetworkError> {
    let start = range.start;
    let Shape::Map { height, width, channels } = input else { return Ok(None) };
    let most = network.layers[range.clone()].iter().take_while(|layer| is_known(layer)).count();
    let ends = |count: &usize| cuts::is_cut(&network.layers[..range.end], start + count);
    let end = start + (0..=most).rev().find(ends).unwrap_or(0);
    let entrance = start.checked_sub(1).map_or(LayerId::IMAGE, LayerId::of);
    let values = BTreeMap::from([(entrance, 0)]);
    let mut draft = Draft { network, end, values, done: BTreeSet::new(), nodes: Vec::new() };
    for index in start..end {
        if !draft.done.contains(&index) && draft.layer(index)?.is_none() {
            return Ok(None);
        }
    }
    let nodes: Vec<(usize, Node<'_>)> = draft.nodes.iter().map(Drafted::node).collect();
    let precision = kernels::precision(network.compute.precision);
    let extent = Extent { channels, height, width };
    let graph = Graph::new(|shape| Isa::suited(shape, precision), extent, &nodes);
    Ok(graph.map(|graph| (graph, end)))
}

/// Whether a graph computes the layer.
fn is_known(layer: &Layer) -> bool {
    let is_map = matches!(layer.input, Shape::Map { .. });
    match layer.op {
        Op::Convolution(op) => {
            let channels = layer.input.channels();
            let depthwise = op.groups == channels && op.channels == channels;
            function(op.activation).is_some() && (op.groups == 1 || depthwise)
        }
        Op::Activation(activation) => function(activation).is_some(),
        Op::MaxPool(_) | Op::AveragePool(_) | Op::GlobalAveragePool => is_map,
        Op::Add => layer.inputs.len() == 2,
        Op::Multiply => layer.inputs.len() == 2 && is_map,
        Op::BatchNorm { .. } | Op::Dropout(_) => true,
        Op::LayerNorm { .. }
        | Op::LayerScale { .. }
        | Op::GlobalMaxPool
        | Op::Concatenate
        | Op::ZeroPadding { .. }
        | Op::Flatten
        | Op::Dense { .. } => false,
    }
}

/// The kernels' name for an activation.
fn function(activation: architecture::Activation) -> Option<Activation> {
    use architecture::Activation as Given;
    match activation {
        Given::Linear => Some(Activation::Linear),
        Given::Relu => Some(Activation::Relu),
        Given::Relu6 => Some(Activation::Relu6),
        Given::Sigmoid => Some(Activation::Sigmoid),
        Given::Swish => Some(Activation::Swish),
        Given::HardSwish => Some(Activation::HardSwish),
        Given::HardSigmoid => Some(Activation::HardSigmoid),
        Given::Gelu | Given::Softmax => None,
    }
}

/// A node that owns its weights.
struct Drafted {
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
    Plain(Node<'static>),
}

impl Drafted {
    fn node(&self) -> (usize, Node<'_>) {
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
            What::Plain(node) => *node,
        };
        (self.input, node)
    }
}

/// Nodes while they are put together.
struct Draft<'a> {
    network: &'a Network,
    /// Layers from here on are not part of it.
    end: usize,
    /// The number of the node's value that a layer's is.
    values: BTreeMap<LayerId, usize>,
    /// Layers that a node stands for.
    done: BTreeSet<usize>,
    nodes: Vec<Drafted>,
}

impl Draft<'_> {
    /// Adds the layer at `index` with what is fused with it. `None` where it cannot be computed.
    fn layer(&mut self, index: usize) -> Result<Option<()>, NetworkError> {
        let layer = &self.network.layers[index];
        let inputs: Option<Vec<usize>> =
            layer.inputs.iter().map(|id| self.values.get(id).copied()).collect();
        let Some(inputs) = inputs else { return Ok(None) };
        let plain =
            |factors, other, activation| What::Plain(Node::Each { factors, other, activation });
        let linear = Activation::Linear;
        let what = match layer.op {
            Op::Convolution(op) => return self.convolution(index, op, inputs[0]),
            Op::BatchNorm { epsilon, .. } => {
                let mut weights = Affine::identity(layer.input.channels());
                weights.then(&affine(self.network, index, epsilon)?);
                self.sum(index, inputs[0], weights, Filters::of_pixels(layer));
                return Ok(Some(()));
            }
            Op::MaxPool(op) => pool(layer, op, Pooled::Largest),
            Op::AveragePool(op) => pool(layer, op, Pooled::Mean),
            Op::GlobalAveragePool => What::Plain(Node::GlobalAverage),
            Op::Add => plain(None, Some(inputs[1]), linear),
            Op::Multiply => plain(Some(inputs[1]), None, linear),
            Op::Activation(activation) => match function(activation) {
                Some(activation) => plain(None, None, activation),
                None => return Ok(None),
            },
            Op::Dropout(_) => {
                self.values.insert(LayerId::of(index), inputs[0]);
                return Ok(Some(()));
            }
            _ => return Ok(None),
        };
        self.push(index, inputs[0], what);
        Ok(Some(()))
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
        if activation == Activation::Linear
            && let Some(next) = self.sole_user(last)
            && let Op::BatchNorm { epsilon, .. } = self.network.layers[next].op
        {
            weights.then(&affine(self.network, next, epsilon)?);
            self.done.insert(next);
            last = next;
        }
        let filters = Filters {
            windows: windows(layer, op.kernel, op.stride, |size, axis| {
                op.padding.amounts(size, op.kernel[axis], op.stride)[0]
            }),
            depthwise: op.groups > 1,
            activation,
        };
        self.sum(last, input, weights, filters);
        Ok(Some(()))
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

/// How filters meet a map.
struct Filters {
    windows: Windows,
    depthwise: bool,
    activation: Activation,
}

impl Filters {
    /// One pixel and one factor per channel.
    fn of_pixels(layer: &Layer) -> Self {
        let windows = windows(layer, [1, 1], 1, |_, _| 0);
        Self { windows, depthwise: true, activation: Activation::Linear }
    }
}

fn windows(
    layer: &Layer,
    size: [usize; 2],
    stride: usize,
    before: impl Fn(usize, usize) -> usize,
) -> Windows {
    let [height, width] = sides(layer.input);
    Windows {
        size,
        stride,
        before: [before(height, 0), before(width, 1)],
        places: sides(layer.output),
    }
}

/// Rows and columns; a vector is a map of one pixel.
fn sides(shape: Shape) -> [usize; 2] {
    match shape {
        Shape::Map { height, width, .. } => [height, width],
        Shape::Vector(_) => [1, 1],
    }
}

fn pool(layer: &Layer, op: Pooling, pooled: Pooled) -> What {
    let windows = windows(layer, op.size, op.stride, |size, axis| {
        op.padding.amounts(size, op.size[axis], op.stride)[0]
    });
    What::Plain(Node::Pool(windows, pooled))
}
