//! `model.safetensors`: what a run has learned, for other tools and for later runs.
//!
//! The conv base has torchvision's names and layouts (`features.<n>.weight` `[out, in, 3, 3]`),
//! the head `head.<layer>.kernel` `[in, out]` and `head.<layer>.bias`, in Keras's order of
//! flattening (height, width, channel). The metadata has one key, `runner`, whose value is JSON:
//! architecture, classes, image size, preprocessing. One key, because safetensors writes several
//! in random order, and equal models should be equal files.

use std::collections::HashMap;
use std::path::Path;

use runner_experiment::architecture::{Family, Layer};
use runner_experiment::disk::{self, Synced};
use safetensors::tensor::{Dtype, TensorView};

use super::network::Network;
use super::weights::names;
use super::weights::tensors::le_bytes;
use crate::error::{Cause, NetworkError};

/// Writes the network, but for the layers that `is_kept` refuses; the file appears whole or not at
/// all.
///
/// # Errors
///
/// [`NetworkError::Write`], or [`NetworkError::Compute`] where the device lost the tensors.
pub fn write(
    network: &Network,
    family: &dyn Family,
    (about, is_kept): (&serde_json::Value, &dyn Fn(&Layer) -> bool),
    path: &Path,
) -> Result<(), NetworkError> {
    let mut tensors: Vec<(String, Vec<usize>, Vec<u8>)> = Vec::new();
    for (index, parameter) in network.parameters.iter().enumerate() {
        if !is_kept(network.owner(index)) {
            continue;
        }
        let name = names::exported(family, &network.layers, &parameter.name);
        let values = parameter.values()?;
        let bytes = le_bytes(&values).to_vec();
        let spec = network.owner(index).specs().into_iter().find(|s| s.role == parameter.role);
        let shape = spec.map(|spec| family.exported_shape(network.owner(index), &spec));
        tensors.push((name, shape.unwrap_or_else(|| parameter.shape.clone()), bytes));
    }
    write_tensors(&tensors, about, path)
}

/// Writes tensors of 32-bit floats given as little-endian bytes.
///
/// # Errors
///
/// [`NetworkError::Write`].
pub fn write_tensors(
    tensors: &[(String, Vec<usize>, Vec<u8>)],
    about: &serde_json::Value,
    path: &Path,
) -> Result<(), NetworkError> {
    let failed = |source: Cause| NetworkError::Write { path: path.to_path_buf(), source };
    let views = tensors
        .iter()
        .map(|(name, shape, bytes)| {
            TensorView::new(Dtype::F32, shape.clone(), bytes).map(|view| (name.as_str(), view))
        })
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| failed(error.into()))?;
    let metadata = HashMap::from([("runner".to_owned(), about.to_string())]);
    let bytes =
        safetensors::serialize(views, Some(metadata)).map_err(|error| failed(error.into()))?;
    disk::write(path, &bytes, Synced::Now).map_err(|error| failed(error.into()))
}
