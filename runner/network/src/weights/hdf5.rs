//! Keras's HDF5 files: the published layout (Keras 1 and 2), whole models (`model.save`), and
//! Keras 3's `.weights.h5`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use hdf5_reader::group::Group;
use hdf5_reader::{Attribute, Dataset, Datatype, FileStorage, Hdf5File, OpenOptions};

use super::entry::{Convolved, Entry, Flattened, KerasAbout};
use super::pytorch::{f16s, f32s, f64s};

/// How deep groups may nest before a file is taken for damaged.
const DEEPEST: usize = 32;

/// More groups and data sets than any network has.
const MOST_OBJECTS: usize = 20_000;

/// The largest chunk of a compressed data set, in bytes: h5py's are a few MiB.
const LARGEST_CHUNK: usize = 64 << 20;

/// The largest header of a group or data set, in bytes.
const LARGEST_HEADER: usize = 4 << 20;

pub(super) fn open(path: &Path) -> Result<(Vec<Entry>, Option<KerasAbout>), String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    open_file(file, path)
}

/// `path` is where the file came from: its name may say how its kernels are meant.
pub(super) fn open_file(
    file: File,
    path: &Path,
) -> Result<(Vec<Entry>, Option<KerasAbout>), String> {
    let text = |error: hdf5_reader::error::Error| error.to_string();
    let length = file.metadata().map_err(|error| error.to_string())?.len();
    let storage = FileStorage::from_file(file).map_err(text)?;
    let options = OpenOptions::default()
        .with_max_chunk_bytes(LARGEST_CHUNK)
        .with_chunk_cache_bytes(LARGEST_CHUNK)
        .with_max_object_header_bytes(LARGEST_HEADER);
    let file = Hdf5File::from_storage_with_options(Arc::new(storage), options).map_err(text)?;
    let end = file.superblock().eof_address;
    if end > length {
        return Err(format!("it ends after {length} of {end} bytes"));
    }
    let root = file.root_group().map_err(text)?;
    let mut walk = Walk::default();
    walk.group(&root, "", 0)?;
    let entries = match walk.entries.iter().any(|entry| is_keras3(&entry.name)) {
        true => by_order(walk.entries),
        false => walk.entries,
    };
    Ok((entries, Some(about(&root, path))))
}

/// Every data set below a group. Groups are visited once, whatever links lead to them.
#[derive(Default)]
struct Walk {
    seen: BTreeSet<u64>,
    objects: usize,
    entries: Vec<Entry>,
}

impl Walk {
    fn group(&mut self, group: &Group, path: &str, depth: usize) -> Result<(), String> {
        if depth > DEEPEST {
            return Err(format!("the groups below `{path}` nest too deep"));
        }
        if !self.seen.insert(group.address()) {
            return Ok(());
        }
        let (groups, datasets) = group.members().map_err(|error| error.to_string())?;
        self.objects += groups.len() + datasets.len();
        if self.objects > MOST_OBJECTS {
            return Err(format!("it has more than {MOST_OBJECTS} groups and data sets"));
        }
        for dataset in datasets {
            self.entries.extend(entry(dataset, path));
        }
        for group in &groups {
            // The state of an optimizer is no weight.
            let name = group.name().rsplit('/').next().unwrap_or_default();
            if !["optimizer", "optimizer_weights"].contains(&name) {
                self.group(group, &format!("{path}{name}/"), depth + 1)?;
            }
        }
        Ok(())
    }
}

/// `None` where a shape does not fit into memory at all.
fn entry(dataset: Dataset, path: &str) -> Option<Entry> {
    let name = dataset.name().rsplit('/').next().unwrap_or_default();
    let name = format!("{path}{name}");
    let shape: Vec<usize> =
        dataset.shape().iter().map(|side| usize::try_from(*side).ok()).collect::<Option<_>>()?;
    let values = move || floats(&dataset);
    Some(Entry { name, shape, values: Box::new(values) })
}

fn floats(dataset: &Dataset) -> Result<Vec<f32>, String> {
    let Datatype::FloatingPoint { size, .. } = dataset.dtype() else {
        return Err(format!("holds {:?}, not floats", dataset.dtype()));
    };
    let bytes = dataset.read_native_bytes().map_err(|error| error.to_string())?;
    match size {
        2 => Ok(f16s(&bytes)),
        4 => Ok(f32s(&bytes)),
        8 => Ok(f64s(&bytes)),
        size => Err(format!("holds floats of {size} bytes")),
    }
}

/// What Keras wrote beside the weights. Keras 1 had kernels in two orders and two meanings, and
/// says which only in the name of its published files; from 1.2 on the attribute `backend` tells.
fn about(root: &Group, path: &Path) -> KerasAbout {
    let weights = root.group("model_weights").ok();
    let groups = [Some(root.clone()), weights];
    let attribute = |name: &str| -> Option<String> {
        let found = groups.iter().flatten().find_map(|group| group.attribute(name).ok());
        found.as_ref().and_then(text)
    };
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let by_name = match (name.contains("th_kernels"), name.contains("tf_kernels")) {
        (true, false) => Some(Convolved::Turned),
        (false, true) => Some(Convolved::AsIs),
        _ => None,
    };
    let by_backend = attribute("backend").map(|backend| match backend.as_str() {
        "theano" => Convolved::Turned,
        _ => Convolved::AsIs,
    });
    let convolved = match (by_name, by_backend) {
        (Some(name), Some(backend)) if name != backend => Convolved::Contradicts,
        (Some(told), _) | (None, Some(told)) => told,
        (None, None) => Convolved::Unknown,
    };
    let config = attribute("model_config").unwrap_or_default();
    let version = attribute("keras_version").unwrap_or_default();
    KerasAbout { convolved, flattened: flattened(&version, &config, &name) }
}

/// Since Keras 2.2 a `Flatten` has a `data_format` of its own, and brings a map that is
/// `channels_first` by that into the order height, width, channel. Before, it took maps as they were.
fn flattened(version: &str, config: &str, name: &str) -> Flattened {
    let mut numbers = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    let config = config.replace(' ', "");
    let (layers, flatten) =
        config.split_once("\"class_name\":\"Flatten\"").unwrap_or((&config, ""));
    let flatten = flatten.split("\"class_name\"").next().unwrap_or_default();
    let (first, last) = ("\"data_format\":\"channels_first\"", "\"data_format\":\"channels_last\"");
    if version >= (2, 2) || flatten.contains("\"data_format\"") {
        return match layers.contains(first) && flatten.contains(last) {
            true => Flattened::ChannelsFirst,
            false => Flattened::ChannelsLast,
        };
    }
    let is_first = layers.contains(first)
        || layers.contains("\"dim_ordering\":\"th\"")
        || name.contains("th_dim_ordering");
    let is_last = layers.contains(last)
        || layers.contains("\"dim_ordering\":\"tf\"")
        || name.contains("tf_dim_ordering");
    match (is_first, is_last) {
        (true, false) => Flattened::ChannelsFirst,
        (false, true) => Flattened::ChannelsLast,
        _ => Flattened::Unknown,
    }
}

/// A text attribute; h5py writes strings and bytes in several ways.
fn text(attribute: &Attribute) -> Option<String> {
    attribute.read_string().ok().map(|text| text.trim_end_matches('\0').to_owned())
}

/// `layers/conv2d_3/vars/0`
fn is_keras3(name: &str) -> bool {
    name.contains("/vars/")
}

/// A Keras 3 layer: the folder of its model, its class and its number.
type Owner = (String, &'static str, usize);

/// Keras 3 numbers layers by class, `conv2d`, `conv2d_1`, …, `dense`, …: only the order within a
/// model counts, and a model within a model has a folder of its own.
fn by_order(entries: Vec<Entry>) -> Vec<Entry> {
    let mut owners: BTreeMap<Owner, Vec<Entry>> = BTreeMap::new();
    let mut rest = Vec::new();
    for entry in entries {
        match keras3_owner(&entry.name) {
            Some((model, kind, number)) => {
                owners.entry((model.to_owned(), kind, number)).or_default().push(entry);
            }
            None => rest.push(entry),
        }
    }
    let mut positions: BTreeMap<(String, &'static str), usize> = BTreeMap::new();
    for ((model, kind, _), mut entries) in owners {
        let position = positions.entry((model.clone(), kind)).or_default();
        // `vars/0`, `vars/1`, …
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        let vectors = entries.iter().filter(|entry| entry.shape.len() == 1).count();
        for (index, entry) in entries.into_iter().enumerate() {
            let (kind, part) = part(kind, (index, entry.shape.len()), vectors);
            rest.push(Entry { name: format!("{model}#{kind}.{position}.{part}"), ..entry });
        }
        *position += 1;
    }
    rest
}

/// The class of a variable's layer and what the variable is for, by its number and its dimensions.
fn part(
    kind: &'static str,
    (index, dimensions): (usize, usize),
    vectors: usize,
) -> (&'static str, &'static str) {
    const NORMALIZED: [&str; 4] = ["gamma", "beta", "moving_mean", "moving_variance"];
    match (kind, dimensions) {
        // Without a scale of its own it begins with beta.
        ("batch_normalization", 1) if vectors == 3 => (kind, NORMALIZED[(index + 1).min(3)]),
        ("batch_normalization" | "layer_normalization", 1) => (kind, NORMALIZED[index.min(3)]),
        ("separable_conv2d", 4) if index == 0 => ("separable_depthwise", "kernel"),
        ("separable_conv2d", _) => {
            ("separable_pointwise", if dimensions == 1 { "bias" } else { "kernel" })
        }
        (kind, 1) => (kind, "bias"),
        (kind, _) => (kind, "kernel"),
    }
}

/// Folder of the model, class, and number of the layer that a Keras 3 path belongs to.
fn keras3_owner(name: &str) -> Option<(&str, &'static str, usize)> {
    const CLASSES: [&str; 6] = [
        "conv2d",
        "depthwise_conv2d",
        "separable_conv2d",
        "batch_normalization",
        "layer_normalization",
        "dense",
    ];
    let path = name.split("/vars/").next()?;
    let (model, layer) = path.rsplit_once('/').unwrap_or(("", path));
    for class in CLASSES {
        if let Some(rest) = layer.strip_prefix(class) {
            let number = match rest.strip_prefix('_') {
                Some(number) => number.parse().ok()?,
                None if rest.is_empty() => 0,
                None => return None,
            };
            return Some((model, class, number));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_flattening_by_version_and_configuration() {
        let first = r#"{"class_name": "Conv2D", "config": {"data_format": "channels_first"}},
            {"class_name": "Flatten", "config": {"name": "flatten"}}"#;
        let permutes =
            first.replace("\"name\": \"flatten\"", "\"data_format\": \"channels_first\"");
        assert_eq!(flattened("2.1.6", first, ""), Flattened::ChannelsFirst);
        assert_eq!(flattened("2.2.0", first, ""), Flattened::ChannelsLast);
        assert_eq!(flattened("3.15.0", "", ""), Flattened::ChannelsLast);
        let takes = first.replace("\"name\": \"flatten\"", "\"data_format\": \"channels_last\"");
        assert_eq!(flattened("2.4.0", &takes, ""), Flattened::ChannelsFirst);
        assert_eq!(flattened("", &permutes, ""), Flattened::ChannelsLast);
        assert_eq!(flattened("", "", "vgg_th_dim_ordering.h5"), Flattened::ChannelsFirst);
        assert_eq!(flattened("2.0.8", "", ""), Flattened::Unknown);
    }

    #[test]
    fn keras3_layers_sort_by_number_and_not_by_letter() {
        let owner = keras3_owner;
        assert_eq!(owner("layers/conv2d_10/vars/0"), Some(("layers", "conv2d", 10)));
        assert_eq!(owner("layers/dense/vars/1"), Some(("layers", "dense", 0)));
        let inner = "layers/functional/layers/conv2d/vars/0";
        assert_eq!(owner(inner), Some(("layers/functional/layers", "conv2d", 0)));
        assert_eq!(owner("layers/block1_conv1/vars/0"), None);
    }
}
