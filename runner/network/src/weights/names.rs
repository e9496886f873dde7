//! Whose names are these? Those that a family knows from other frameworks, this program's own, or
//! just the order.

use runner_experiment::architecture::{Family, Layer, Op, Place, Role};

use super::known::Known;

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

/// Where the components of a name that are known begin, and what they say.
///
/// `names` are layers of the network that no framework gave their names: those of a head.
#[must_use]
pub fn locate(
    name: &str,
    (family, known): (&dyn Family, &Known),
    names: &dyn Fn(&str) -> bool,
) -> Option<Located> {
    if let Some((prefix, rest)) = name.split_once('#') {
        return ordered(prefix, rest);
    }
    if let Some((before, after)) = wrapped(name) {
        // `features.module.0.weight`: PyTorch's example for ImageNet wraps the features alone.
        return locate(&format!("{before}{after}"), (family, known), names);
    }
    let parts: Vec<&str> = name.split(['/', '.', ':']).collect();
    let (index, place) = (0..parts.len()).find_map(|index| {
        let next = parts.get(index + 1).copied().unwrap_or_default();
        let module = || known.place(&parts, index);
        Some((index, module().or_else(|| place(parts[index], next, family, names))?))
    })?;
    // This program's own files name the layers of torchvision's classifiers (`classifier.1.kernel`).
    let torch = (matches!(place, Place::Module(_) | Place::OtherTop)
        || ["classifier", "pre_logits"].contains(&parts[index])
        || (parts[index], parts.get(index + 1)) == ("head", Some(&"fc"))
        || name.ends_with(".weight"))
        && !name.ends_with(".kernel");
    let convention = if torch { Convention::Torch } else { Convention::Keras };
    // Keras's files name the layer twice.
    let doubled = index > 0 && parts[index] == parts[index - 1];
    let before = if doubled { index - 1 } else { index };
    let length = parts[..before].iter().map(|part| part.len() + 1).sum::<usize>();
    let prefix = name[..length].trim_end_matches(['/', '.', ':']).to_owned();
    Some(Located { prefix, place, convention })
}

/// What stands before and behind a wrapper's word in the midst of a name.
fn wrapped(name: &str) -> Option<(&str, &str)> {
    let found = [".module.", "._orig_mod."].into_iter().find_map(|word| {
        let start = name.find(&format!("features{word}"))? + "features.".len();
        Some((start, start + word.len() - 1))
    });
    found.map(|(start, end)| (&name[..start], &name[end..]))
}

/// The state of torchvision's `vgg.features` alone: `0.weight`, `backbone.28.bias`. Asked only where
/// no name says more.
#[must_use]
pub fn locate_bare(name: &str) -> Option<Located> {
    let (module, part) = name.rsplit_once('.')?;
    let (prefix, index) = module.rsplit_once('.').unwrap_or(("", module));
    let place = Place::Module(index.parse().ok()?);
    let (prefix, convention) = (prefix.to_owned(), Convention::Torch);
    ["weight", "bias"].contains(&part).then_some(Located { prefix, place, convention })
}

/// What a tensor of a layer is for: by its dimensions where the layer has a kernel, else by the end
/// of its name.
#[must_use]
pub fn role(name: &str, dimensions: usize, layer: &Layer) -> Option<Role> {
    if layer.specs().iter().any(|spec| spec.role == Role::Kernel) {
        return Some(if dimensions > 1 { Role::Kernel } else { Role::Bias });
    }
    // Keras 1 put the layer's name before it: `block1_conv1_bn_running_mean`.
    const ENDS: [(&str, Role); 11] = [
        ("gamma", Role::Gamma),
        ("weight", Role::Gamma),
        ("layer_scale", Role::Gamma),
        ("beta", Role::Beta),
        ("bias", Role::Beta),
        ("moving_mean", Role::MovingMean),
        ("running_mean", Role::MovingMean),
        ("moving_variance", Role::MovingVariance),
        ("running_var", Role::MovingVariance),
        ("running_variance", Role::MovingVariance),
        ("running_std", Role::MovingVariance),
    ];
    let end = name.rsplit(['/', '.']).next().unwrap_or_default();
    let end = end.split(':').next().unwrap_or_default();
    ENDS.iter().find(|(word, _)| end.ends_with(word)).map(|(_, role)| *role)
}

fn place(
    part: &str,
    next: &str,
    family: &dyn Family,
    names: &dyn Fn(&str) -> bool,
) -> Option<Place> {
    let named = |name: &str| Some(Place::Named(name.to_owned()));
    match (family.place(part, next), part) {
        (Some(place), _) => Some(place),
        // A run's model.
        (None, "head") if names(next) => named(next),
        _ if names(part) => named(part),
        _ => None,
    }
}

/// Classes of Keras's with weights, a separable convolution as its two halves.
pub(super) const KERAS_CLASSES: [&str; 6] = [
    "conv2d",
    "depthwise_conv2d",
    "separable_depthwise",
    "separable_pointwise",
    "batch_normalization",
    "layer_normalization",
];

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
        "norm" => Place::Norm(index),
        class => Place::Class(KERAS_CLASSES.iter().find(|known| **known == class)?, index),
    };
    Some(Located { prefix: prefix.trim_end_matches('/').to_owned(), place, convention })
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

/// The name of a parameter in `model.safetensors`: torchvision's where the family has torchvision's
/// names, or those of one of its sequences.
#[must_use]
pub fn exported(family: &dyn Family, layers: &[Layer], parameter: &str) -> String {
    let (name, part) = parameter.rsplit_once('.').unwrap_or((parameter, ""));
    match layers.iter().find(|layer| layer.name == name && layer.base) {
        Some(layer) => {
            let module = family.exported(layers, layer);
            let keras = family.is_keras() && !family.is_sequential();
            match (keras, layer.op, part) {
                (true, ..) => format!("{module}.{part}"),
                (_, Op::LayerScale { .. }, _) => module,
                (_, _, "kernel" | "gamma") => format!("{module}.weight"),
                (_, _, "beta") => format!("{module}.bias"),
                (_, _, "moving_mean") => format!("{module}.running_mean"),
                (_, _, "moving_variance") => format!("{module}.running_var"),
                (_, _, part) => format!("{module}.{part}"),
            }
        }
        None => format!("head.{parameter}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use runner_experiment::architecture::family::Vgg;
    use runner_experiment::architecture::{ArchitectureName, Top, layers};

    #[test]
    fn every_convention_finds_its_layer() {
        let full =
            layers(ArchitectureName::default(), [224, 224], &Top::Imagenet).unwrap_or_default();
        let known = Known::of(&Vgg);
        let of = |name: &str| {
            let Located { prefix, place, convention } = locate(name, (&Vgg, &known), &|_| false)?;
            Some((prefix, Vgg.layer(&full, &place)?.name.clone(), convention))
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
        assert_eq!(of("classifier.6.kernel"), keras("", "predictions"));
        assert_eq!(of("net.pre_logits.fc1.weight"), torch("net", "fc1"));
        assert_eq!(of("#convolution.12.kernel"), keras("", "block5_conv3"));
        assert_eq!(of("layers/vgg#convolution.12.kernel"), keras("layers/vgg", "block5_conv3"));
        assert_eq!(of("features.module.28.weight"), torch("", "block5_conv3"));
        assert_eq!(of("net.features.module.0.bias"), torch("net", "block1_conv1"));
        assert_eq!(of("features.29.weight"), None);
        assert_eq!(exported(&Vgg, &full, "block5_conv3.kernel"), "features.28.weight");
    }

    #[test]
    fn a_head_is_found_by_the_names_of_its_layers_alone() {
        let is_known = |name: &str| name == "hidden1";
        let known = Known::of(&Vgg);
        let located = |name| locate(name, (&Vgg, &known), &is_known);
        let place = |name| located(name).map(|located| (located.prefix, located.place));
        let named = Some((String::new(), Place::Named("hidden1".to_owned())));
        assert_eq!(place("head.hidden1.kernel"), named);
        assert_eq!(place("hidden1.bias"), named);
        assert_eq!(place("head.output.kernel"), None);
        assert!(is_batch_norm("features.1.running_mean") && !is_batch_norm("features.1.weight"));
    }
}
