//! Conv bases that torchvision writes as one sequence, in which convolution, ReLU and pooling are a
//! module each.

use crate::architecture::layer::Layer;
use crate::architecture::op::Op;

/// Every convolution with the number of its module.
pub(super) fn modules(layers: &[Layer]) -> impl Iterator<Item = (&Layer, usize)> {
    let mut next = 0;
    layers.iter().filter_map(move |layer| match layer.op {
        Op::Convolution(_) => {
            next += 2;
            Some((layer, next - 2))
        }
        Op::MaxPool(_) => {
            next += 1;
            None
        }
        _ => None,
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
