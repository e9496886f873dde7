//! Pretrained weights: one importer per file format, one assembly for all of them.
//!
//! An importer lists the tensors of a file; [`select`] finds those that are meant, [`names`] whose
//! names they are (those that a family knows from other frameworks, or the order of the layers),
//! [`identify`] which architecture they are for, where nobody says so, and [`assemble`]
//! brings every kernel into this crate's layout and insists that nothing is missing, left over, or
//! misshapen.
//!
//! What is taken is the conv base, and the ImageNet classifier where the network has it. A head
//! comes along from a model that a run left, and only where it was trained on the same classes: the
//! dense layers of other files are never taken for one, even where their shapes fit.

mod assemble;
mod file;
mod hdf5;
pub mod identify;
mod keras;
mod layout;
pub mod names;
mod onnx;
mod pytorch;
mod safetensors;
pub mod select;
mod values;
mod why;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use runner_experiment::architecture::{Family, Layer, Role};
use sha2::{Digest, Sha256};

pub use assemble::{Head, Matched, matched};
pub use file::{Entry, TensorFile, open};

use super::export;
use crate::error::{Cause, NetworkError};

/// Where weights are: a file, and which of its sets of tensors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The file.
    pub path: PathBuf,
    /// What stands before the names of the tensors that are meant, where the user said so.
    pub part: Option<String>,
}

impl Source {
    /// `FILE` or `FILE#PART`, where `FILE#` means the tensors without a prefix; a file whose name has
    /// a `#` is that file.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let whole = Path::new(text);
        match text.rsplit_once('#') {
            Some((path, part)) if !whole.is_file() => {
                Self { path: path.into(), part: Some(part.to_owned()) }
            }
            _ => Self { path: whole.to_path_buf(), part: None },
        }
    }
}

impl From<PathBuf> for Source {
    fn from(path: PathBuf) -> Self {
        Self { path, part: None }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.part {
            Some(part) => write!(f, "{}#{part}", self.path.display()),
            None => write!(f, "{}", self.path.display()),
        }
    }
}

/// The parameters of a layer in this crate's layout: convolutions `[out, in, rows, columns]`, dense
/// `[in, out]` with Keras's order of flattening.
pub type LayerWeights = BTreeMap<Role, Vec<f32>>;

/// Layer name to its weights.
pub type Weights = BTreeMap<String, LayerWeights>;

/// What was read from a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// The tensors.
    pub weights: Weights,
    /// What the user should know of the choice of tensors: what was taken, and what was not.
    pub notes: Vec<String>,
}

/// Why weights cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WeightsError {
    /// The file is not there or cannot be read.
    #[error("cannot read the weights file {path}: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        source: Cause,
    },
    /// The name of the file does not say what it is.
    #[error(
        "{path}: unknown weights format; expected Keras's .h5 or .keras, PyTorch's .pth, .pt, .ckpt \
         or .bin, .safetensors or .onnx"
    )]
    UnknownFormat {
        /// The file.
        path: PathBuf,
    },
    /// The tensors are not those of the network.
    #[error(
        "the weights in {path} do not fit the network{}:{}",
        reason.as_ref().map_or(String::new(), |reason| format!(": {reason}")),
        sides(missing, misshapen, extra)
    )]
    Mismatch {
        /// The file.
        path: PathBuf,
        /// The likely reason, where there is one.
        reason: Option<String>,
        /// What the network needs and the file lacks, layer by layer.
        missing: Vec<String>,
        /// What has another shape than the network needs.
        misshapen: Vec<String>,
        /// What the file has and the network does not know.
        extra: Vec<String>,
    },
    /// It cannot be told what the tensors mean.
    #[error("{path}: {reason}")]
    Ambiguous {
        /// The file.
        path: PathBuf,
        /// What is unclear, and what to do.
        reason: String,
    },
    /// The file has no set of tensors of this name.
    #[error("{path} has no weights below `{part}`; there are {}", prefixes(known))]
    NoSuchPart {
        /// The file.
        path: PathBuf,
        /// What was asked for.
        part: String,
        /// What there is.
        known: Vec<String>,
    },
    /// A weight that is no number.
    #[error("{path}: the tensor `{tensor}` holds values that are not finite")]
    NotFinite {
        /// The file.
        path: PathBuf,
        /// The tensor.
        tensor: String,
    },
}

fn sides(missing: &[String], misshapen: &[String], extra: &[String]) -> String {
    let part = |title: &str, names: &[String]| match names {
        [] => String::new(),
        names => {
            let shown = names.iter().take(40).map(|name| format!("\n    {name}"));
            let rest = names.len().saturating_sub(40);
            let more = (rest > 0).then(|| format!("\n    and {rest} more"));
            format!("\n  {title}:{}", shown.chain(more).collect::<String>())
        }
    };
    part("missing from the file", missing)
        + &part("of another shape", misshapen)
        + &part("in the file, but not in the network", extra)
}

fn prefixes(known: &[String]) -> String {
    let shown = known.iter().map(|prefix| match prefix.is_empty() {
        true => "weights without a prefix".to_owned(),
        false => format!("`{prefix}`"),
    });
    match known {
        [] => "none at all".to_owned(),
        _ => shown.collect::<Vec<_>>().join(", "),
    }
}

/// The weights of a network from a file.
///
/// # Errors
///
/// [`WeightsError`].
pub fn load(
    source: &Source,
    (family, layers): (&dyn Family, &[Layer]),
    head: Head,
) -> Result<Loaded, WeightsError> {
    let file = open(&source.path)?;
    matched(&file, (family, layers), source.part.as_deref(), head)?.read()
}

/// What a file of this program says of itself.
#[must_use]
pub fn about(path: &Path) -> Option<serde_json::Value> {
    safetensors::about(path)
}

/// The classes that a run's model was trained on, where the file says so.
#[must_use]
pub fn classes(path: &Path) -> Option<Vec<String>> {
    safetensors::about(path).and_then(|about| serde_json::from_value(about["classes"].clone()).ok())
}

/// The bytes of 32-bit floats in little-endian order, as files and hashes have them.
#[must_use]
pub fn le_bytes(values: &[f32]) -> &[u8] {
    const { assert!(cfg!(target_endian = "little"), "files hold little-endian floats") };
    bytemuck::cast_slice(values)
}

/// SHA-256 of the tensors themselves, layer by layer, so that one set of weights has one hash
/// whatever file it came in.
#[must_use]
pub fn sha256(weights: &Weights) -> String {
    let mut hasher = Sha256::new();
    for (layer, weights) in weights {
        hasher.update(layer.as_bytes());
        for values in weights.values() {
            hasher.update(le_bytes(values));
        }
    }
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Writes weights as safetensors with this crate's names, for the cache.
///
/// # Errors
///
/// [`NetworkError::Write`].
pub fn save(
    weights: &Weights,
    (family, layers): (&dyn Family, &[Layer]),
    about: &serde_json::Value,
    path: &Path,
) -> Result<(), NetworkError> {
    let bytes = |values: &[f32]| values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let head: Vec<&str> = assemble::head_names(family, layers).collect();
    let mut tensors = Vec::new();
    for layer in layers {
        let Some(values) = weights.get(&layer.name) else { continue };
        let name = match head.contains(&layer.name.as_str()) {
            true => format!("head.{}", layer.name),
            false => layer.name.clone(),
        };
        for spec in layer.specs() {
            if let Some(values) = values.get(&spec.role) {
                tensors.push((format!("{name}.{}", spec.role.name()), spec.shape, bytes(values)));
            }
        }
    }
    export::write_tensors(&tensors, about, path)
}
