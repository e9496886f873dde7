//! Whose names are these? Those that a family knows from other frameworks, this program's own, or
//! just the order.

use std::collections::BTreeSet;

use runner_experiment::architecture::{Family, Layer, Op, Place, Role, Top, build};

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
pub fn locate(name: &str, family: &dyn Family, names: &dyn Fn(&str) -> bool) -> Option<Located> {
    if let Some((prefix, rest)) = name.split_once('#') {
        return ordered(prefix, rest);
    }
    if let Some((before, after)) = wrapped(name) {
        // `features.module.0.weight`: PyTorch's example for ImageNet wraps the features alone.
        return locate(&format!("{before}{after}"), family, names);
    }
    let parts: Vec<&str> = name.split(['/', '.', ':']).collect();
    let (index, place) = (0..parts.len()).find_map(|index| {
        let next = parts.get(index + 1).copied().unwrap_or_default();
        Some((index, place(parts[index], next, family, names)?))
    })?;
    let torch = matches!(place, Place::Module(_) | Place::OtherTop)
        || ["classifier", "pre_logits"].contains(&parts[index])
        || (parts[index], parts.get(index + 1)) == ("head", Some(&"fc"))
        || name.ends_with(".weight");
    let convention = if torch { Convention::Torch } else { Convention::Keras };
    let length = parts[..index].iter().map(|part| part.len() + 1).sum::<usize>();
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

/// Sizes of the kernels of a family's conv bases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kernels(BTreeSet<[usize; 2]>);

impl Kernels {
    /// Those of its first architecture: the others have the same.
    #[must_use]
    pub fn of(family: &dyn Family) -> Self {
        let size = |layer: Layer| match layer.op {
            Op::Convolution(op) => Some(op.kernel),
            _ => None,
        };
        Self(base(family).into_iter().filter_map(size).collect())
    }

    /// Whether a shape is that of a kernel of one of these sizes, in one of the layouts.
    #[must_use]
    pub fn fit(&self, shape: &[usize]) -> bool {
        let [a, b, c, d] = *shape else { return false };
        self.0.contains(&[a, b]) || self.0.contains(&[c, d])
    }
}

/// The layers of the conv base of a family's first architecture.
fn base(family: &dyn Family) -> Vec<Layer> {
    let first = family.architectures().first().map_or("", |architecture| architecture.name);
    // Large enough for every layer.
    build(family, first, [224, 224], &Top::None).unwrap_or_default()
}

/// Whether a place can only be a layer of a conv base.
#[must_use]
pub fn is_base(family: &dyn Family, place: &Place) -> bool {
    match place {
        Place::Module(_) | Place::Convolution(_) => true,
        Place::Named(name) => family.architectures().iter().any(|architecture| {
            let layers = build(family, architecture.name, [224, 224], &Top::None);
            layers.unwrap_or_default().iter().any(|layer| layer.name == *name)
        }),
        Place::Dense(_) | Place::OtherTop => false,
    }
}

/// What a tensor of a layer is for: by its dimensions where the layer has a kernel, else by the end
/// of its name.
#[must_use]
pub fn role(name: &str, dimensions: usize, layer: &Layer) -> Option<Role> {
    if layer.specs().iter().any(|spec| spec.role == Role::Kernel) {
        return Some(if dimensions > 1 { Role::Kernel } else { Role::Bias });
    }
    let end = name.rsplit(['/', '.']).next().unwrap_or_default();
    match end.split(':').next().unwrap_or_default() {
        "gamma" | "weight" => Some(Role::Gamma),
        "beta" | "bias" => Some(Role::Beta),
        "moving_mean" | "running_mean" => Some(Role::MovingMean),
        "moving_variance" | "running_var" => Some(Role::MovingVariance),
        _ => None,
    }
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
pub fn exported(family: &dyn Family, layers: &[Layer], parameter: &str) -> String {
    let (name, part) = parameter.rsplit_once('.').unwrap_or((parameter, ""));
    match layers.iter().find(|layer| layer.name == name && layer.base) {
        Some(layer) => {
            let part = if part == Role::Kernel.name() { "weight" } else { part };
            format!("{}.{part}", family.exported(layers, layer))
        }
        None => format!("head.{parameter}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use runner_experiment::architecture::family::Vgg;
    use runner_experiment::architecture::{ArchitectureName, layers};

    #[test]
    fn every_convention_finds_its_layer() {
        let full =
            layers(ArchitectureName::default(), [224, 224], &Top::Imagenet).unwrap_or_default();
        let of = |name: &str| {
            let Located { prefix, place, convention } = locate(name, &Vgg, &|_| false)?;
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
        let place =
            |name| locate(name, &Vgg, &is_known).map(|located| (located.prefix, located.place));
        let named = Some((String::new(), Place::Named("hidden1".to_owned())));
        assert_eq!(place("head.hidden1.kernel"), named);
        assert_eq!(place("hidden1.bias"), named);
        assert_eq!(place("head.output.kernel"), None);
        assert!(is_batch_norm("features.1.running_mean") && !is_batch_norm("features.1.weight"));
    }
}
