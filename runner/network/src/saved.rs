//! The model of a run, read back with everything that the file says of itself.

use std::path::Path;

use super::export;
use super::network::Network;
use super::weights::{self, Source, WeightsError};
pub use crate::about::About;
use crate::device::Compute;
use crate::error::NetworkError;

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
    pub fn open(source: &Source, compute: Compute) -> Result<Self, NetworkError> {
        let unreadable = |reason: String| WeightsError::Unreadable {
            path: source.path.clone(),
            source: reason.into(),
        };
        let about = About::read(&source.path).map_err(unreadable)?;
        let layers = about.layers().map_err(unreadable)?;
        let loaded =
            weights::load(source, (about.architecture.family(), &layers), weights::Head::Take)?
                .weights;
        let heads = layers.iter().filter(|layer| !layer.base && layer.has_parameters());
        if let Some(layer) = heads.into_iter().find(|layer| !loaded.contains_key(&layer.name)) {
            return Err(unreadable(format!("it lacks the layer `{}`", layer.name)).into());
        }
        // Every parameter comes from the file, so that no seed matters.
        Ok(Self { about, network: Network::new(layers, loaded, 0, compute) })
    }

    /// Writes every layer into one file, also those that the file at `source`, where this model is
    /// from, leaves to another.
    ///
    /// # Errors
    ///
    /// [`NetworkError::Write`].
    pub fn write(&self, source: &Source, path: &Path) -> Result<(), NetworkError> {
        let mut about = weights::about(&source.path).unwrap_or_default();
        about.as_object_mut().and_then(|about| about.remove("base"));
        let family = self.about.architecture.family();
        export::write(&self.network, family, (&about, &|_| true), path)
    }
}
