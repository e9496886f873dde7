//! Keras's HDF5 files: the published layout (Keras 1 and 2) and Keras 3's `.weights.h5`.

use std::collections::BTreeMap;
use std::path::Path;

use hdf5_reader::group::Group;
use hdf5_reader::{Dataset, Hdf5File};

use super::FileTensor;

/// How deep groups may nest before a file is taken for damaged.
const DEEPEST: usize = 16;

pub(super) fn read(path: &Path) -> Result<Vec<FileTensor>, String> {
    let file = Hdf5File::open(path).map_err(|error| error.to_string())?;
    let root = file.root_group().map_err(|error| error.to_string())?;
    let mut tensors = Vec::new();
    collect(&root, "", 0, &mut tensors)?;
    if tensors.iter().any(|tensor| is_keras3(&tensor.name)) {
        return Ok(by_order(tensors));
    }
    Ok(tensors)
}

fn collect(
    group: &Group,
    path: &str,
    depth: usize,
    tensors: &mut Vec<FileTensor>,
) -> Result<(), String> {
    if depth > DEEPEST {
        return Err(format!("the groups below `{path}` nest too deep"));
    }
    let (groups, datasets) = group.members().map_err(|error| error.to_string())?;
    for dataset in &datasets {
        tensors.push(tensor(dataset, path)?);
    }
    for group in &groups {
        // The state of an optimizer is no weight.
        let name = group.name().rsplit('/').next().unwrap_or_default();
        if !["optimizer", "optimizer_weights"].contains(&name) {
            collect(group, &format!("{path}{name}/"), depth + 1, tensors)?;
        }
    }
    Ok(())
}

fn tensor(dataset: &Dataset, path: &str) -> Result<FileTensor, String> {
    let name = dataset.name().rsplit('/').next().unwrap_or_default();
    let name = format!("{path}{name}");
    let array = dataset.read_array::<f32>().map_err(|error| format!("`{name}`: {error}"))?;
    Ok(FileTensor { shape: array.shape().to_vec(), values: array.iter().copied().collect(), name })
}

/// `layers/conv2d_3/vars/0`
fn is_keras3(name: &str) -> bool {
    name.contains("/vars/")
}

/// Keras 3 numbers layers by class, `conv2d`, `conv2d_1`, …, `dense`, …: only the order counts.
fn by_order(tensors: Vec<FileTensor>) -> Vec<FileTensor> {
    let mut owners: BTreeMap<(&'static str, usize), Vec<FileTensor>> = BTreeMap::new();
    let mut rest = Vec::new();
    for tensor in tensors {
        match keras3_owner(&tensor.name) {
            Some(owner) => owners.entry(owner).or_default().push(tensor),
            None => rest.push(tensor),
        }
    }
    let mut positions: BTreeMap<&'static str, usize> = BTreeMap::new();
    for ((kind, _), tensors) in owners {
        let position = positions.entry(kind).or_default();
        for tensor in tensors {
            let part = if tensor.shape.len() == 1 { "bias" } else { "kernel" };
            rest.push(FileTensor { name: format!("#{kind}.{position}.{part}"), ..tensor });
        }
        *position += 1;
    }
    rest
}

/// Class and number of the layer that a Keras 3 path belongs to.
fn keras3_owner(name: &str) -> Option<(&'static str, usize)> {
    let layer = name.split("/vars/").next()?.rsplit('/').next()?;
    for (class, kind) in [("conv2d", "convolution"), ("dense", "dense")] {
        if let Some(rest) = layer.strip_prefix(class) {
            let number = match rest.strip_prefix('_') {
                Some(number) => number.parse().ok()?,
                None if rest.is_empty() => 0,
                None => return None,
            };
            return Some((kind, number));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keras3_layers_sort_by_number_and_not_by_letter() {
        assert_eq!(keras3_owner("layers/conv2d_10/vars/0"), Some(("convolution", 10)));
        assert_eq!(keras3_owner("layers/dense/vars/1"), Some(("dense", 0)));
        assert_eq!(keras3_owner("layers/block1_conv1/vars/0"), None);
    }
}
