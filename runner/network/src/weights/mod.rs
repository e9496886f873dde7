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
mod base;
mod entry;
pub mod error;
mod file;
mod hdf5;
pub mod identify;
mod keras;
mod known;
mod layout;
pub mod names;
mod norms;
mod numbered;
mod onnx;
mod pytorch;
pub(crate) mod safetensors;
pub mod select;
mod source;
pub mod tensors;
mod values;
mod why;

use std::path::Path;

use runner_experiment::architecture::{Family, Layer};

pub use assemble::{Head, Matched, matched};
pub use base::{Base, base, open};
pub use entry::{Entry, TensorFile};
pub use error::WeightsError;
pub(crate) use onnx::{CONSTANT, PREPROCESSING, PRODUCER};
pub use source::Source;
pub use tensors::{LayerWeights, Loaded, Weights, le_bytes, sha256};

use super::export;
use crate::error::NetworkError;

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
    let file = open(source)?;
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
