//! A model that was kept without its base: the file holds what a run trained, and says which published
//! weights the rest is, by name and hash. Whoever opens it says where these are.

use std::path::Path;
use std::sync::Arc;

use runner_experiment::architecture::Layer;
use serde::{Deserialize, Serialize};

use super::assemble::{Head, matched};
use super::entry::{Entry, TensorFile};
use super::error::WeightsError;
use super::source::Source;
use super::tensors::sha256;
use super::{file, names, safetensors};
use crate::about::About;

/// The weights that a model's file leaves out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Base {
    /// What they are called in an experiment.
    pub weights: String,
    /// SHA-256 of the tensors of the whole base.
    pub sha256: String,
}

/// What a file of this program says of the weights that it leaves out; `None` where it is whole.
#[must_use]
pub fn base(path: &Path) -> Option<Base> {
    let about = safetensors::about(path)?;
    serde_json::from_value(about.get("base")?.clone()).ok()
}

/// Opens a file, with the layers of its base where it was kept without.
///
/// # Errors
///
/// [`WeightsError`]; [`WeightsError::NoBase`] where it is not said where the base is, and
/// [`WeightsError::OtherBase`] where that is another one.
pub fn open(source: &Source) -> Result<TensorFile, WeightsError> {
    let mut file = file::open(&source.path)?;
    let Some(base) = base(&source.path) else { return Ok(file) };
    let Some(from) = &source.base else {
        return Err(WeightsError::NoBase { path: source.path.clone(), weights: base.weights });
    };
    let unreadable = |reason: String| WeightsError::Unreadable {
        path: source.path.clone(),
        source: reason.into(),
    };
    let about = About::read(&source.path).map_err(unreadable)?;
    let (family, layers) = (about.architecture.family(), about.layers().map_err(unreadable)?);
    let of_base: Vec<Layer> = layers.iter().filter(|layer| layer.base).cloned().collect();
    let from_file = file::open(from)?;
    let loaded = matched(&from_file, (family, &of_base), None, Head::Leave)?.read()?.weights;
    if sha256(&loaded) != base.sha256 {
        let Base { weights, sha256 } = base;
        let (path, from) = (source.path.clone(), from.clone());
        return Err(WeightsError::OtherBase { path, from, weights, sha256 });
    }
    let present: Vec<String> = file.entries.iter().map(|entry| entry.name.clone()).collect();
    for layer in &of_base {
        for spec in layer.specs() {
            let parameter = format!("{}.{}", layer.name, spec.role.name());
            let name = names::exported(family, &layers, &parameter);
            let values = loaded.get(&layer.name).and_then(|layer| layer.get(&spec.role));
            if let Some(values) = values.filter(|_| !present.contains(&name)) {
                let values = Arc::new(values.clone());
                let values = Box::new(move || Ok(values.as_ref().clone()));
                file.entries.push(Entry { name, shape: spec.shape.clone(), values });
            }
        }
    }
    Ok(file)
}
