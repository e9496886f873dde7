//! The likely reason why a file does not fit, said once.

use runner_experiment::architecture::{
    ArchitectureName, Family, Layer, Op, Top, layers as layers_of,
};

use super::entry::TensorFile;
use super::select::Set;

fn convolutions(layers: &[Layer]) -> usize {
    layers.iter().filter(|layer| layer.is_convolution()).count()
}

/// The architecture with so many convolutions.
fn known(count: usize) -> Option<&'static str> {
    let of = |name: ArchitectureName| layers_of(name, [224, 224], &Top::None).unwrap_or_default();
    ArchitectureName::all().find(|name| convolutions(&of(*name)) == count).map(|name| name.as_str())
}

pub(super) fn reason(
    file: &TensorFile,
    (family, layers): (&dyn Family, &[Layer]),
    set: &Set<'_>,
) -> Option<String> {
    let needed = convolutions(layers);
    let own = |name: &&str| family.architectures().iter().any(|known| known.name == *name);
    let network = known(needed).filter(own).unwrap_or("this network");
    let normalized = layers.iter().any(|layer| matches!(layer.op, Op::BatchNorm { .. }));
    if set.batch_norm && !normalized {
        return Some(format!("these have batch normalization, {network} has none"));
    }
    if set.located.is_empty() {
        let shown: Vec<String> =
            file.entries.iter().take(3).map(|entry| format!("`{}`", entry.name)).collect();
        return Some(match file.entries.len() {
            0 => "the file has no tensors".to_owned(),
            count => format!(
                "none of its {count} tensors has a name that Keras, torchvision or timm gives layers \
                 of {}; they are called {}{}",
                family.name(),
                shown.join(", "),
                if count > 3 { ", …" } else { "" }
            ),
        });
    }
    if set.convolutions != needed {
        return Some(match known(set.convolutions) {
            Some(name) => {
                format!("with {} convolutions these look like those of {name}", set.convolutions)
            }
            None => format!("it has {} convolutions, {network} has {needed}", set.convolutions),
        });
    }
    None
}
