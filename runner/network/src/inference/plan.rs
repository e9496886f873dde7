//! Which leading layers the CPU's kernels compute as a graph.

use std::ops::Range;

use runner_convolution::{Activation, Extent, Graph, Isa, Node};
use runner_experiment::architecture::{self, Layer, LayerId, Op, Shape, cuts};

use super::draft::{Draft, Drafted};
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
    // Zeros around a map are part of what reads them.
    let ends = |count: &usize| {
        let is_padding =
            |at| matches!(network.layers[at], Layer { op: Op::ZeroPadding { .. }, .. });
        cuts::is_cut(&network.layers[..range.end], start + count)
            && (*count == 0 || !is_padding(start + count - 1))
    };
    let end = start + (0..=most).rev().find(ends).unwrap_or(0);
    let entrance = start.checked_sub(1).map_or(LayerId::IMAGE, LayerId::of);
    let Some(drafted) = Draft::of(network, start..end, entrance)? else { return Ok(None) };
    let nodes: Vec<(usize, Node<'_>)> = drafted.iter().map(Drafted::node).collect();
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
        Op::MaxPool(_)
        | Op::AveragePool(_)
        | Op::GlobalAveragePool
        | Op::GlobalMaxPool
        | Op::Concatenate
        | Op::ZeroPadding { .. } => is_map,
        Op::Add => layer.inputs.len() == 2,
        Op::Multiply => layer.inputs.len() == 2 && is_map,
        Op::BatchNorm { .. } | Op::LayerNorm { .. } | Op::LayerScale { .. } | Op::Dropout(_) => {
            true
        }
        Op::Flatten | Op::Dense { .. } => false,
    }
}

/// The kernels' name for an activation.
pub(super) fn function(activation: architecture::Activation) -> Option<Activation> {
    use architecture::Activation as Given;
    match activation {
        Given::Linear => Some(Activation::Linear),
        Given::Relu => Some(Activation::Relu),
        Given::Relu6 => Some(Activation::Relu6),
        Given::Sigmoid => Some(Activation::Sigmoid),
        Given::Swish => Some(Activation::Swish),
        Given::HardSwish => Some(Activation::HardSwish),
        Given::HardSigmoid => Some(Activation::HardSigmoid),
        Given::Gelu => Some(Activation::Gelu),
        Given::Softmax => None,
    }
}
