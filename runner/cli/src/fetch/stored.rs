//! Weights in the cache, by their names; and files on their way there.

use std::path::PathBuf;

use runner_experiment::architecture::{ArchitectureName, Layer};
use runner_learn::LearnError;
use runner_network::saved::About;
use runner_network::weights::identify::{Identified, identify};
use runner_network::weights::{self, Head, Source, Weights};

use crate::environment;
use crate::failure::Failure;

/// Names in the cache.
pub fn names() -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder()) else {
        return Vec::new();
    };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut names: Vec<String> = paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "safetensors"))
        .filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned()))
        .collect();
    names.sort();
    names
}

/// Where the weights called `name` lie.
pub fn place(name: &str) -> PathBuf {
    folder().join(format!("{name}.safetensors"))
}

fn folder() -> PathBuf {
    environment::cache().join("weights")
}

/// Weights with the layers that they are for.
pub struct Loaded {
    /// Which convnet.
    pub architecture: ArchitectureName,
    /// The tensors.
    pub weights: Weights,
    /// The layers of the base, and of the classifier or head where it was taken.
    pub layers: Vec<Layer>,
    /// What was taken, and what was not.
    pub notes: Vec<String>,
    /// What a run's model says of itself.
    about: serde_json::Value,
}

/// Reads a file: a run's model with its head, else the architecture that fits best, with its
/// classifier where the file has all of it.
///
/// # Errors
///
/// A [`Failure`] that lists what does not fit.
pub fn load(source: &Source) -> Result<Loaded, Failure> {
    let failed = |error: weights::WeightsError| Failure::from(LearnError::from(error));
    let file = weights::open(source).map_err(failed)?;
    let part = source.part.as_deref();
    if weights::classes(&source.path).is_some() {
        let damaged = |reason: String| {
            let path = source.path.clone();
            failed(weights::WeightsError::Unreadable { path, source: reason.into() })
        };
        let about = About::read(&source.path).map_err(damaged)?;
        let (architecture, layers) = (about.architecture, about.layers().map_err(damaged)?);
        let matched = weights::matched(&file, (architecture.family(), &layers), part, Head::Take);
        let weights::Loaded { weights, notes } = matched.map_err(failed)?.read().map_err(failed)?;
        let mut about = weights::about(&source.path).unwrap_or_default();
        // What is put into the cache is whole.
        about.as_object_mut().and_then(|about| about.remove("base"));
        return Ok(Loaded { architecture, weights, layers, notes, about });
    }
    let Identified { architecture, layers, loaded } = identify(&file, part).map_err(failed)?;
    let weights::Loaded { weights, notes } = loaded;
    Ok(Loaded { architecture, weights, layers, notes, about: serde_json::json!({}) })
}

/// Puts weights into the cache under a name.
///
/// # Errors
///
/// A [`Failure`] where the cache cannot be written.
pub fn save(loaded: &Loaded, name: &str, source: &str) -> Result<(), Failure> {
    super::make(&folder())?;
    let mut about = loaded.about.clone();
    about["source"] = source.into();
    about["sha256_of_tensors"] = weights::sha256(&loaded.weights).into();
    let network = (loaded.architecture.family(), &loaded.layers[..]);
    weights::save(&loaded.weights, network, &about, &place(name))?;
    Ok(())
}
