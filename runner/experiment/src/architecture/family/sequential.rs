//! Conv bases that torchvision writes as one sequence, in which convolution, ReLU and pooling are a
//! module each.

use crate::architecture::layer::Layer;
use crate::architecture::op::{Activation, Op};

/// Every convolution and batch normalization with the number of its module.
pub(super) fn modules(layers: &[Layer]) -> impl Iterator<Item = (&Layer, usize)> {
    let mut next = 0;
    layers.iter().filter(|layer| layer.base).filter_map(move |layer| {
        let modules = match layer.op {
            Op::Convolution(op) if op.activation != Activation::Linear => 2,
            Op::Convolution(_) | Op::BatchNorm { .. } | Op::Activation(_) | Op::MaxPool(_) => 1,
            _ => return None,
        };
        next += modules;
        layer.has_parameters().then_some((layer, next - modules))
    })
}

/// `features.28`
pub(super) fn exported(layers: &[Layer], layer: &Layer) -> String {
    match modules(layers).find(|(candidate, _)| candidate.name == layer.name) {
        Some((_, module)) => format!("features.{module}"),
        None => layer.name.clone(),
    }
}

/// The layer that is the module of this number.
pub(super) fn layer(layers: &[Layer], module: usize) -> Option<&Layer> {
    modules(layers).find(|(_, index)| *index == module).map(|(layer, _)| layer)
}
