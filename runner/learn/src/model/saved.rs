//! The model of a run, read back with everything that the file says of itself.

use std::path::Path;

use runner_experiment::architecture::layers;
use runner_experiment::plan::Head;
use runner_experiment::section::dataset::Preprocessing;
use runner_experiment::section::model::ArchitectureName;
use serde::Deserialize;

use super::network::Network;
use super::weights::{self, WeightsError};
use crate::device::Compute;
use crate::error::LearnError;

/// What `model.safetensors` says of itself.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct About {
    /// Which convnet.
    pub architecture: ArchitectureName,
    /// What stands on the conv base.
    pub head: Head,
    /// The names of the classes, sorted.
    pub classes: Vec<String>,
    /// Height, width.
    pub image_size: [usize; 2],
    /// From pixels to what the network sees.
    pub preprocessing: Preprocessing,
}

/// A network that was trained.
pub struct Saved {
    /// What it is.
    pub about: About,
    /// With its parameters.
    pub network: Network,
}

impl Saved {
    /// Reads the file that a run wrote.
    ///
    /// # Errors
    ///
    /// [`LearnError::Weights`] where it is no such file.
    pub fn open(path: &Path, compute: Compute) -> Result<Self, LearnError> {
        let unreadable = |reason: &str| WeightsError::Unreadable {
            path: path.to_path_buf(),
            reason: reason.to_owned(),
        };
        let about = weights::about(path)
            .and_then(|about| serde_json::from_value::<About>(about).ok())
            .ok_or_else(|| {
                unreadable("it does not say what model it is; a run of this version writes that")
            })?;
        let top = about.head.top(about.classes.len());
        let layers = layers(about.architecture, about.image_size, &top)
            .map_err(|error| unreadable(&error.to_string()))?;
        let loaded = weights::load(path, &layers)?;
        let heads = layers.iter().filter(|layer| !layer.base && layer.kind.has_parameters());
        if let Some(layer) = heads.into_iter().find(|layer| !loaded.contains_key(&layer.name)) {
            return Err(unreadable(&format!("it lacks the layer `{}`", layer.name)).into());
        }
        // Every parameter comes from the file, so that no seed matters.
        Ok(Self { about, network: Network::new(layers, loaded, 0, compute) })
    }
}
