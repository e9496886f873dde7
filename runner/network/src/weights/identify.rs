//! Which architecture a file is for, where nobody says so: every family is asked.

use runner_experiment::architecture::{ArchitectureName, Layer, Top, layers};

use super::assemble::{Head, matched};
use super::entry::TensorFile;
use super::error::WeightsError;
use super::tensors::Loaded;

/// What a file holds.
#[derive(Debug)]
pub struct Identified {
    /// The architecture.
    pub architecture: ArchitectureName,
    /// The layers of the base, and of the published classifier where the file has all of it.
    pub layers: Vec<Layer>,
    /// Their values.
    pub loaded: Loaded,
}

/// Reads the weights of the architecture that fits best: the one that most layers are taken for.
///
/// # Errors
///
/// Where none fits, what the one that comes closest lacks; and what reading can say.
pub fn identify(file: &TensorFile, pick: Option<&str>) -> Result<Identified, WeightsError> {
    let mut best: Option<(usize, ArchitectureName, Vec<Layer>)> = None;
    let mut closest: Option<(usize, WeightsError)> = None;
    for architecture in ArchitectureName::all() {
        for top in [Top::Imagenet, Top::None] {
            let family = architecture.family();
            if top == Top::Imagenet && family.classifier().is_none() {
                continue;
            }
            // As large as the published classifiers want it.
            let size = family.classifier().map_or([224, 224], |classifier| classifier.image_size);
            let layers = layers(architecture, size, &top).unwrap_or_default();
            match matched(file, (family, &layers), pick, Head::Leave) {
                Ok(found) => {
                    let taken = found.taken();
                    if best.as_ref().is_none_or(|(most, ..)| taken > *most) {
                        best = Some((taken, architecture, layers));
                    }
                }
                Err(error) => {
                    let distance = distance(&error);
                    if top == Top::None && closest.as_ref().is_none_or(|(d, _)| distance < *d) {
                        closest = Some((distance, named(error, architecture)));
                    }
                }
            }
        }
    }
    match (best, closest) {
        (Some((_, architecture, layers)), _) => {
            // The values of the best alone: a file may hold half a gigabyte of them.
            let network = (architecture.family(), &layers[..]);
            let loaded = matched(file, network, pick, Head::Leave)?.read()?;
            Ok(Identified { architecture, layers, loaded })
        }
        (None, Some((_, error))) => Err(error),
        (None, None) => Err(WeightsError::UnknownFormat { path: file.path.clone() }),
    }
}

/// How much is wrong.
fn distance(error: &WeightsError) -> usize {
    match error {
        WeightsError::Mismatch { missing, misshapen, extra, .. } => {
            missing.len() + misshapen.len() + extra.len()
        }
        // What is wrong with the file itself is so for every architecture.
        _ => 0,
    }
}

/// Says which architecture came closest, where no other reason is known.
fn named(error: WeightsError, architecture: ArchitectureName) -> WeightsError {
    match error {
        WeightsError::Mismatch { path, reason: None, missing, misshapen, extra } => {
            let reason = Some(format!("`{architecture}` comes closest"));
            WeightsError::Mismatch { path, reason, missing, misshapen, extra }
        }
        other => other,
    }
}
