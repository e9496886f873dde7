//! Whose names are these? Keras's, torchvision's, timm's, this crate's own, or just the order.

use runner_experiment::architecture::{Layer, LayerKind};

/// How a dense kernel lies in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Convention {
    /// Dense kernels `[in, out]`, flattened in the order height, width, channel.
    Keras,
    /// Dense kernels `[out, in]`, flattened in the order channel, height, width.
    Torch,
}

/// The layer that a tensor belongs to, if the name says so.
#[must_use]
pub fn owner<'a>(layers: &'a [Layer], name: &str) -> Option<(&'a Layer, Convention)> {
    ordered(layers, name).or_else(|| torch(layers, name)).or_else(|| own_name(layers, name))
}

/// `block1_conv1/block1_conv1_W_1:0`, `vgg16/block1_conv1/kernel:0`, `block1_conv1.kernel`,
/// `head.hidden1.kernel`: a component of the path is the layer's name.
fn own_name<'a>(layers: &'a [Layer], name: &str) -> Option<(&'a Layer, Convention)> {
    let convention = match name.ends_with(".weight") {
        true => Convention::Torch,
        false => Convention::Keras,
    };
    let parts: Vec<&str> = name.split(['/', '.', ':']).collect();
    layers
        .iter()
        .find(|layer| layer.kind.has_parameters() && parts.contains(&layer.name.as_str()))
        .map(|layer| (layer, convention))
}

/// torchvision: `features.<n>`, `classifier.<n>`; timm: `pre_logits.fc1`, `head.fc`.
fn torch<'a>(layers: &'a [Layer], name: &str) -> Option<(&'a Layer, Convention)> {
    let module = name.strip_suffix(".weight").or_else(|| name.strip_suffix(".bias"))?;
    let top = |name: &str| layers.iter().find(|layer| layer.name == name);
    let layer = match module {
        "classifier.0" | "pre_logits.fc1" => top("fc1"),
        "classifier.3" | "pre_logits.fc2" => top("fc2"),
        "classifier.6" | "head.fc" => top("predictions"),
        _ => {
            let index: usize = module.strip_prefix("features.")?.parse().ok()?;
            let position = feature_indices(layers).position(|(_, at)| at == index)?;
            convolutions(layers).nth(position)
        }
    };
    layer.map(|layer| (layer, Convention::Torch))
}

/// `#convolution.3.kernel`, `#dense.0.bias`: the fourth convolution, the first dense layer.
fn ordered<'a>(layers: &'a [Layer], name: &str) -> Option<(&'a Layer, Convention)> {
    let mut parts = name.strip_prefix('#')?.split('.');
    let (kind, index) = (parts.next()?, parts.next()?.parse().ok()?);
    let convention = match parts.next()? {
        "weight" => Convention::Torch,
        _ => Convention::Keras,
    };
    let layer = match kind {
        "convolution" => convolutions(layers).nth(index),
        "dense" => dense(layers).nth(index),
        _ => None,
    };
    layer.map(|layer| (layer, convention))
}

/// The head layer that a tensor of a run's model belongs to: `hidden1` of `head.hidden1.kernel`.
#[must_use]
pub(super) fn head_layer(name: &str) -> Option<&str> {
    name.strip_prefix("head.")?.strip_suffix(".kernel")
}

/// Whether a tensor that no layer owns belongs to a classifier that is simply not used here.
#[must_use]
pub fn is_unused_top(name: &str) -> bool {
    let tops = ["classifier.", "pre_logits.", "head.", "#dense."];
    let layers = ["fc1", "fc2", "predictions"];
    tops.iter().any(|top| name.starts_with(top))
        || name.split(['/', '.', ':']).any(|part| layers.contains(&part))
}

/// The name of a parameter in `model.safetensors`.
#[must_use]
pub fn exported(layers: &[Layer], parameter: &str) -> String {
    let (layer, part) = parameter.rsplit_once('.').unwrap_or((parameter, ""));
    let found = feature_indices(layers).find(|(candidate, _)| candidate.name == layer);
    match found {
        Some((_, index)) => format!("features.{index}.{}", part.replace("kernel", "weight")),
        None => format!("head.{parameter}"),
    }
}

fn convolutions(layers: &[Layer]) -> impl Iterator<Item = &Layer> {
    layers.iter().filter(|layer| matches!(layer.kind, LayerKind::Convolution { .. }))
}

fn dense(layers: &[Layer]) -> impl Iterator<Item = &Layer> {
    layers.iter().filter(|layer| matches!(layer.kind, LayerKind::Dense(_)))
}

/// torchvision counts convolution, ReLU and pooling as a module each.
fn feature_indices(layers: &[Layer]) -> impl Iterator<Item = (&Layer, usize)> {
    let mut next = 0;
    layers.iter().filter_map(move |layer| match layer.kind {
        LayerKind::Convolution { .. } => {
            next += 2;
            Some((layer, next - 2))
        }
        LayerKind::MaxPool => {
            next += 1;
            None
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use runner_experiment::architecture::{Top, layers};
    use runner_experiment::section::model::ArchitectureName;

    #[test]
    fn every_convention_finds_its_layer() {
        let full = layers(ArchitectureName::Vgg16, [224, 224], &Top::Imagenet).unwrap_or_default();
        let of = |name: &str| {
            owner(&full, name).map(|(layer, convention)| (layer.name.as_str(), convention))
        };
        let keras = |name| Some((name, Convention::Keras));
        let torch = |name| Some((name, Convention::Torch));
        assert_eq!(of("block1_conv2/block1_conv2_W_1:0"), keras("block1_conv2"));
        assert_eq!(of("vgg16/block5_conv3/kernel:0"), keras("block5_conv3"));
        assert_eq!(of("block3_conv1.weight"), torch("block3_conv1"));
        // torchvision's vgg16: features.28 is the last convolution, features.10 the fifth.
        assert_eq!(of("features.28.weight"), torch("block5_conv3"));
        assert_eq!(of("features.10.bias"), torch("block3_conv1"));
        assert_eq!(of("classifier.6.bias"), torch("predictions"));
        assert_eq!(of("pre_logits.fc1.weight"), torch("fc1"));
        assert_eq!(of("#convolution.12.kernel"), keras("block5_conv3"));
        assert_eq!(of("features.29.weight"), None);
        assert_eq!(exported(&full, "block5_conv3.kernel"), "features.28.weight");
    }
}
