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

/// What a name says of its tensor, whatever network it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    /// What stands before the part that names the layer: `module`, `state_dict.model`,
    /// `model_weights/vgg16`; empty for most files.
    pub prefix: String,
    /// Which layer.
    pub place: Place,
    /// How kernels lie.
    pub convention: Convention,
}

/// Which layer a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// torchvision's `features.<n>`, which counts convolution, ReLU and pooling as a module each.
    Feature(usize),
    /// By the name that Keras gives it, or this crate.
    Named(String),
    /// The n-th convolution.
    Convolution(usize),
    /// The n-th dense layer.
    Dense(usize),
    /// A dense layer of a classifier that has no name here.
    OtherTop,
}

/// Where the components of a name that are known begin, and what they say.
///
/// `names` are layers of the network that neither Keras nor torchvision gave their names: those of
/// a head, or of the textbook's convnet.
#[must_use]
pub fn locate(name: &str, names: &dyn Fn(&str) -> bool) -> Option<Located> {
    if let Some((prefix, rest)) = name.split_once('#') {
        return ordered(prefix, rest);
    }
    if let Some((before, after)) = wrapped(name) {
        // `features.module.0.weight`: PyTorch's example for ImageNet wraps the features alone.
        return locate(&format!("{before}{after}"), names);
    }
    let parts: Vec<&str> = name.split(['/', '.', ':']).collect();
    let (at, place) = (0..parts.len()).find_map(|at| {
        let next = parts.get(at + 1).copied().unwrap_or_default();
        Some((at, place(parts[at], next, names)?))
    })?;
    let torch = matches!(place, Place::Feature(_) | Place::OtherTop)
        || ["classifier", "pre_logits"].contains(&parts[at])
        || (parts[at], parts.get(at + 1)) == ("head", Some(&"fc"))
        || name.ends_with(".weight");
    let convention = if torch { Convention::Torch } else { Convention::Keras };
    let length = parts[..at].iter().map(|part| part.len() + 1).sum::<usize>();
    let prefix = name[..length].trim_end_matches(['/', '.', ':']).to_owned();
    Some(Located { prefix, place, convention })
}

/// What stands before and behind a wrapper's word in the midst of a name.
fn wrapped(name: &str) -> Option<(&str, &str)> {
    let found = [".module.", "._orig_mod."].into_iter().find_map(|word| {
        let at = name.find(&format!("features{word}"))? + "features.".len();
        Some((at, at + word.len() - 1))
    });
    found.map(|(start, end)| (&name[..start], &name[end..]))
}

/// The state of torchvision's `vgg.features` alone: `0.weight`, `backbone.28.bias`. Asked only where
/// no name says more.
#[must_use]
pub fn locate_bare(name: &str) -> Option<Located> {
    let (module, part) = name.rsplit_once('.')?;
    let (prefix, index) = module.rsplit_once('.').unwrap_or(("", module));
    let place = Place::Feature(index.parse().ok()?);
    let (prefix, convention) = (prefix.to_owned(), Convention::Torch);
    ["weight", "bias"].contains(&part).then_some(Located { prefix, place, convention })
}

/// Whether a shape is that of a kernel of 3×3, in one of the layouts.
#[must_use]
pub fn is_3x3(shape: &[usize]) -> bool {
    matches!(shape, [_, _, 3, 3] | [3, 3, _, _])
}

fn place(part: &str, next: &str, names: &dyn Fn(&str) -> bool) -> Option<Place> {
    let named = |name: &str| Some(Place::Named(name.to_owned()));
    match (part, next) {
        ("features", index) => index.parse().ok().map(Place::Feature),
        // torchvision's vgg16, and timm's.
        ("classifier", "0") | ("pre_logits", "fc1") => named("fc1"),
        ("classifier", "3") | ("pre_logits", "fc2") => named("fc2"),
        ("classifier", "6") | ("head", "fc") => named("predictions"),
        ("classifier", index) => index.parse::<usize>().ok().map(|_| Place::OtherTop),
        ("fc1" | "fc2" | "predictions", _) => named(part),
        // A run's model.
        ("head", layer) if names(layer) => named(layer),
        _ if is_block(part) || names(part) => named(part),
        _ => None,
    }
}

/// `block3_conv2`
fn is_block(part: &str) -> bool {
    let number = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    let halves = part.strip_prefix("block").and_then(|rest| rest.split_once("_conv"));
    halves.is_some_and(|(block, layer)| number(block) && number(layer))
}

/// `#convolution.3.kernel`, `#dense.0.bias`: the fourth convolution, the first dense layer.
fn ordered(prefix: &str, rest: &str) -> Option<Located> {
    let mut parts = rest.split('.');
    let (kind, index) = (parts.next()?, parts.next()?.parse().ok()?);
    let convention = match parts.next()? {
        "weight" => Convention::Torch,
        _ => Convention::Keras,
    };
    let place = match kind {
        "convolution" => Place::Convolution(index),
        "dense" => Place::Dense(index),
        _ => return None,
    };
    Some(Located { prefix: prefix.trim_end_matches('/').to_owned(), place, convention })
}

impl Place {
    /// The layer of a network, where it has it.
    #[must_use]
    pub fn layer<'a>(&self, layers: &'a [Layer]) -> Option<&'a Layer> {
        match self {
            Self::Feature(index) => {
                feature_indices(layers).find(|(_, own)| own == index).map(|(layer, _)| layer)
            }
            Self::Named(name) => {
                layers.iter().find(|layer| layer.name == *name && layer.kind.has_parameters())
            }
            Self::Convolution(index) => convolutions(layers).nth(*index),
            Self::Dense(index) => dense(layers).nth(*index),
            Self::OtherTop => None,
        }
    }

    /// Whether this can only be a layer of a conv base.
    #[must_use]
    pub fn is_base(&self) -> bool {
        match self {
            Self::Feature(_) | Self::Convolution(_) => true,
            Self::Named(name) => is_block(name),
            Self::Dense(_) | Self::OtherTop => false,
        }
    }
}

/// Whether a tensor is one of a batch normalization, by its name.
#[must_use]
pub fn is_batch_norm(name: &str) -> bool {
    let parts = || name.split(['/', '.', ':']);
    parts().any(|part| {
        ["running_mean", "running_var", "moving_mean", "moving_variance"].contains(&part)
            || part.starts_with("batch_normalization")
    })
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
            let Located { prefix, place, convention } = locate(name, &|_| false)?;
            Some((prefix, place.layer(&full)?.name.clone(), convention))
        };
        let found = |prefix: &str, layer: &str, convention| {
            Some((prefix.to_owned(), layer.to_owned(), convention))
        };
        let keras = |prefix, layer| found(prefix, layer, Convention::Keras);
        let torch = |prefix, layer| found(prefix, layer, Convention::Torch);
        assert_eq!(of("block1_conv2/block1_conv2_W_1:0"), keras("", "block1_conv2"));
        let whole = "model_weights/vgg16/block5_conv3/kernel:0";
        assert_eq!(of(whole), keras("model_weights/vgg16", "block5_conv3"));
        assert_eq!(of("block3_conv1.weight"), torch("", "block3_conv1"));
        // torchvision's vgg16: features.28 is the last convolution, features.10 the fifth.
        assert_eq!(of("features.28.weight"), torch("", "block5_conv3"));
        assert_eq!(of("features.10.bias"), torch("", "block3_conv1"));
        assert_eq!(of("module.model.features.0.bias"), torch("module.model", "block1_conv1"));
        assert_eq!(of("classifier.6.bias"), torch("", "predictions"));
        assert_eq!(of("net.pre_logits.fc1.weight"), torch("net", "fc1"));
        assert_eq!(of("#convolution.12.kernel"), keras("", "block5_conv3"));
        assert_eq!(of("layers/vgg#convolution.12.kernel"), keras("layers/vgg", "block5_conv3"));
        assert_eq!(of("features.module.28.weight"), torch("", "block5_conv3"));
        assert_eq!(of("net.features.module.0.bias"), torch("net", "block1_conv1"));
        assert_eq!(of("features.29.weight"), None);
        assert_eq!(exported(&full, "block5_conv3.kernel"), "features.28.weight");
    }

    #[test]
    fn a_head_is_found_by_the_names_of_its_layers_alone() {
        let own = |name: &str| name == "hidden1";
        let place = |name| locate(name, &own).map(|located| (located.prefix, located.place));
        let named = Some((String::new(), Place::Named("hidden1".to_owned())));
        assert_eq!(place("head.hidden1.kernel"), named);
        assert_eq!(place("hidden1.bias"), named);
        assert_eq!(place("head.output.kernel"), None);
        assert!(is_batch_norm("features.1.running_mean") && !is_batch_norm("features.1.weight"));
    }
}
