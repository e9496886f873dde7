//! The model of a run, read back with everything that the file says of itself.

use std::path::Path;

use runner_experiment::architecture::{ArchitectureName, Layer, layers};
use runner_experiment::plan::Head;
use runner_experiment::section::dataset::Preprocessing;
use serde::Deserialize;

use super::network::Network;
use super::weights::{self, Source, WeightsError};
use crate::device::Compute;
use crate::error::NetworkError;

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

/// The image sizes of the experiment file.
const SIZES: std::ops::RangeInclusive<usize> = 32..=4096;

/// More hidden layers, units and classes than any head has.
const MOST_LAYERS: usize = 64;
const MOST_UNITS: usize = 1 << 16;

impl About {
    /// What a file says of itself, where that can be true.
    ///
    /// # Errors
    ///
    /// In words, what is missing or out of range.
    pub fn read(path: &Path) -> Result<Self, String> {
        let about = weights::about(path)
            .and_then(|about| serde_json::from_value::<Self>(about).ok())
            .ok_or("it does not say what model it is; a run of this version writes that")?;
        let [height, width] = about.image_size;
        let units = 1..=MOST_UNITS;
        let wrong = match &about {
            _ if !SIZES.contains(&height) || !SIZES.contains(&width) => {
                format!("images of {height}x{width}")
            }
            _ if !(2..=MOST_UNITS).contains(&about.classes.len()) => {
                format!("{} classes", about.classes.len())
            }
            _ if about.head.hidden.len() > MOST_LAYERS => {
                format!("{} hidden layers", about.head.hidden.len())
            }
            _ => match about.head.hidden.iter().find(|count| !units.contains(count)) {
                Some(count) => format!("a hidden layer of {count} units"),
                None => return Ok(about),
            },
        };
        Err(format!("its metadata is implausible: {wrong}"))
    }

    /// The layers of the network.
    ///
    /// # Errors
    ///
    /// In words, where the images are too small for it.
    pub fn layers(&self) -> Result<Vec<Layer>, String> {
        let top = self.head.top(self.classes.len());
        layers(self.architecture, self.image_size, &top).map_err(|error| error.to_string())
    }
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
    /// [`NetworkError::Weights`] where it is no such file.
    pub fn open(path: &Path, compute: Compute) -> Result<Self, NetworkError> {
        let unreadable = |reason: String| WeightsError::Unreadable {
            path: path.to_path_buf(),
            source: reason.into(),
        };
        let about = About::read(path).map_err(unreadable)?;
        let layers = about.layers().map_err(unreadable)?;
        let source = Source::from(path.to_path_buf());
        let loaded =
            weights::load(&source, (about.architecture.family(), &layers), weights::Head::Take)?
                .weights;
        let heads = layers.iter().filter(|layer| !layer.base && layer.has_parameters());
        if let Some(layer) = heads.into_iter().find(|layer| !loaded.contains_key(&layer.name)) {
            return Err(unreadable(format!("it lacks the layer `{}`", layer.name)).into());
        }
        // Every parameter comes from the file, so that no seed matters.
        Ok(Self { about, network: Network::new(layers, loaded, 0, compute) })
    }
}
