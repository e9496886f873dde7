//! The order in which Keras keeps the layers of a model: by their distance from the output, the
//! farthest first, and within one distance as a search from the output comes upon them
//! (`keras.src.ops.function.map_graph`). Files of Keras 3 number layers by it.

use std::cmp::Reverse;

use crate::architecture::layer::Layer;
use crate::architecture::op::Op;

/// The two layers here that are one separable convolution in Keras.
const DEPTHWISE: &str = ".depthwise";
const POINTWISE: &str = ".pointwise";

/// Positions of layers in Keras's order.
pub(super) fn order(layers: &[Layer]) -> Vec<usize> {
    let mut distance = vec![0_usize; layers.len()];
    for index in (0..layers.len()).rev() {
        // The first half of a separable convolution is no layer of its own.
        let halves = usize::from(!layers[index].name.ends_with(POINTWISE));
        for input in inputs(&layers[index]) {
            distance[input] = distance[input].max(distance[index] + halves);
        }
    }
    let mut met: Vec<Option<usize>> = vec![None; layers.len()];
    let mut count = 0;
    let mut waiting: Vec<usize> = layers.len().checked_sub(1).into_iter().collect();
    while let Some(index) = waiting.pop() {
        if met[index].is_none() {
            met[index] = Some(count);
            count += 1;
            waiting.extend(inputs(&layers[index]).rev());
        }
    }
    let mut order: Vec<usize> = (0..layers.len()).collect();
    order.sort_by_key(|index| (Reverse(distance[*index]), met[*index].unwrap_or(usize::MAX)));
    order
}

fn inputs(layer: &Layer) -> impl DoubleEndedIterator<Item = usize> + '_ {
    layer.inputs.iter().filter_map(|input| input.layer())
}

/// The n-th layer of a class of Keras's.
pub(super) fn layer<'a>(layers: &'a [Layer], class: &str, index: usize) -> Option<&'a Layer> {
    let of_class = |position: &usize| self::class(&layers[*position]) == Some(class);
    order(layers).into_iter().filter(of_class).nth(index).map(|position| &layers[position])
}

/// The class of a layer with weights, in snake case.
fn class(layer: &Layer) -> Option<&'static str> {
    match layer.op {
        Op::Convolution(_) if layer.name.ends_with(DEPTHWISE) => Some("separable_depthwise"),
        Op::Convolution(_) if layer.name.ends_with(POINTWISE) => Some("separable_pointwise"),
        Op::Convolution(op) if op.groups > 1 && op.groups == layer.input.channels() => {
            Some("depthwise_conv2d")
        }
        Op::Convolution(_) => Some("conv2d"),
        Op::BatchNorm { .. } => Some("batch_normalization"),
        Op::LayerNorm { .. } => Some("layer_normalization"),
        Op::Dense { .. } => Some("dense"),
        _ => None,
    }
}
