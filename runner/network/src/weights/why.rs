//! The likely reason why a file does not fit, said once.

use runner_experiment::architecture::{Layer, LayerKind};

use super::file::TensorFile;
use super::select::Set;

/// The VGGs by how many convolutions they have.
const VGG: [(usize, &str); 4] = [(8, "vgg11"), (10, "vgg13"), (13, "vgg16"), (16, "vgg19")];

pub(super) fn reason(file: &TensorFile, layers: &[Layer], set: &Set<'_>) -> Option<String> {
    let needed = layers.iter().filter(|l| matches!(l.kind, LayerKind::Convolution { .. })).count();
    let network = VGG.iter().find(|(count, _)| *count == needed).map_or("this network", |v| v.1);
    if set.batch_norm {
        return Some(format!("these have batch normalization, {network} has none"));
    }
    if set.located.is_empty() {
        let shown: Vec<String> =
            file.entries.iter().take(3).map(|entry| format!("`{}`", entry.name)).collect();
        return Some(match file.entries.len() {
            0 => "the file has no tensors".to_owned(),
            count => format!(
                "none of its {count} tensors has a name that Keras, torchvision or timm gives a \
                 VGG; they are called {}{}",
                shown.join(", "),
                if count > 3 { ", …" } else { "" }
            ),
        });
    }
    if set.convolutions != needed {
        let known = VGG.iter().find(|(count, _)| *count == set.convolutions);
        return Some(match known {
            Some((count, name)) => {
                format!("with {count} convolutions these look like those of {name}")
            }
            None => format!("it has {} convolutions, {network} has {needed}", set.convolutions),
        });
    }
    None
}
