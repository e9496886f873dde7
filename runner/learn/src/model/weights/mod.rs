//! Pretrained weights: one importer per file format, one assembly for all of them.
//!
//! An importer turns a file into named tensors; [`assemble`] finds out whose names they are
//! (Keras's, torchvision's, timm's, or the order of the layers), brings every kernel into this
//! crate's layout, and insists that nothing is missing, left over, or misshapen.

mod assemble;
mod hdf5;
pub mod names;
mod onnx;
mod pytorch;
mod safetensors;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use runner_experiment::architecture::Layer;
use sha2::{Digest, Sha256};

pub use assemble::assemble;

use super::export;
use crate::error::LearnError;

/// A tensor as it stands in a file, as 32-bit floats.
#[derive(Debug, Clone, PartialEq)]
pub struct FileTensor {
    /// Its name there, or `#convolution.<n>.kernel` where only the order counts.
    pub name: String,
    /// Outermost first.
    pub shape: Vec<usize>,
    /// Row by row.
    pub values: Vec<f32>,
}

/// Kernel and bias of a layer in this crate's layout.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerWeights {
    /// Convolutions `[out, in, 3, 3]`, dense `[in, out]` with Keras's order of flattening.
    pub kernel: Vec<f32>,
    /// `[out]`
    pub bias: Vec<f32>,
}

/// Layer name to its weights.
pub type Weights = BTreeMap<String, LayerWeights>;

/// Why weights cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WeightsError {
    /// The file is not there or cannot be read.
    #[error("cannot read the weights file {path}: {reason}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        reason: String,
    },
    /// The name of the file does not say what it is.
    #[error("{path}: unknown weights format; expected .h5, .pth, .pt, .safetensors or .onnx")]
    UnknownFormat {
        /// The file.
        path: PathBuf,
    },
    /// The tensors are not those of the network.
    #[error("the weights in {path} do not fit the network:{}", sides(missing, misshapen, extra))]
    Mismatch {
        /// The file.
        path: PathBuf,
        /// What the network needs and the file lacks.
        missing: Vec<String>,
        /// What has another shape than the network needs.
        misshapen: Vec<String>,
        /// What the file has and the network does not know.
        extra: Vec<String>,
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

/// Every tensor of a file, by the format that its name says.
///
/// # Errors
///
/// [`WeightsError::Unreadable`] or [`WeightsError::UnknownFormat`].
pub fn read(path: &Path) -> Result<Vec<FileTensor>, WeightsError> {
    let extension = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    let read = match extension.as_str() {
        "h5" | "hdf5" => hdf5::read,
        "pth" | "pt" | "bin" => pytorch::read,
        "safetensors" => safetensors::read,
        "onnx" => onnx::read,
        _ => {
            return Err(WeightsError::UnknownFormat { path: path.to_path_buf() });
        }
    };
    read(path).map_err(|reason| WeightsError::Unreadable { path: path.to_path_buf(), reason })
}

/// [`read`] and [`assemble`] in one.
///
/// # Errors
///
/// As these two.
pub fn load(path: &Path, layers: &[Layer]) -> Result<Weights, WeightsError> {
    assemble(path, read(path)?, layers)
}

/// What a file of this program says of itself.
#[must_use]
pub(crate) fn about(path: &Path) -> Option<serde_json::Value> {
    safetensors::about(path)
}

/// The classes that a run's model was trained on, where the file says so.
#[must_use]
pub fn classes(path: &Path) -> Option<Vec<String>> {
    safetensors::about(path).and_then(|about| serde_json::from_value(about["classes"].clone()).ok())
}

/// The bytes of 32-bit floats in little-endian order, as files and hashes have them.
#[must_use]
pub(crate) fn le_bytes(values: &[f32]) -> &[u8] {
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
        for values in [&weights.kernel, &weights.bias] {
            hasher.update(le_bytes(values));
        }
    }
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Writes weights as safetensors with this crate's names, for the cache.
///
/// # Errors
///
/// [`LearnError::Write`].
pub fn save(
    weights: &Weights,
    layers: &[Layer],
    about: &serde_json::Value,
    path: &Path,
) -> Result<(), LearnError> {
    let bytes = |values: &[f32]| values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let mut tensors = Vec::new();
    for layer in layers {
        let shape = super::initial::kernel_shape(layer);
        let (Some(own), Some(shape)) = (weights.get(&layer.name), shape) else {
            continue;
        };
        tensors.push((format!("{}.kernel", layer.name), shape.kernel, bytes(&own.kernel)));
        tensors.push((format!("{}.bias", layer.name), vec![shape.out], bytes(&own.bias)));
    }
    export::write_tensors(&tensors, about, path)
}
