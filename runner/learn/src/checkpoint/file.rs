//! Checkpoint files: which there are, what makes one valid, and reading the newest.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use safetensors::SafeTensors;

use super::state::{Checkpoint, State};
use crate::error::LearnError;
use runner_network::NetworkError;
use runner_network::error::Cause;
use runner_network::export::write_tensors;
use runner_network::weights::le_bytes;

pub(super) fn checksum<'a>(
    state: &str,
    tensors: impl Iterator<Item = (&'a str, &'a [u8])>,
) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(state.as_bytes());
    for (name, bytes) in tensors {
        hasher.update(name.as_bytes());
        hasher.update(&(bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    }
    hasher.finalize().to_hex().to_string()
}

/// Checkpoints with their numbers, newest first.
pub(super) fn files(folder: &Path) -> Vec<(usize, PathBuf)> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<(usize, PathBuf)> = entries
        .filter_map(|entry| {
            let path = entry.path();
            let number = path.file_name()?.to_str()?.strip_suffix(".safetensors")?.parse().ok()?;
            Some((number, path))
        })
        .collect();
    files.sort_unstable_by(|a, b| b.cmp(a));
    files
}

/// Raised when a checkpoint of before would be misread: 2 numbers images by their content.
pub(super) const FORMAT: u64 = 2;

/// Why a checkpoint is not read.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Flaw {
    /// It is not as it was written.
    Damaged,
    /// It is whole, and of another version of this program.
    Format { format: u64, written_by: String },
}

/// The newest checkpoint that is whole and that `check` has nothing to say against; `None` where
/// there is none.
///
/// # Errors
///
/// [`LearnError::OtherFormat`] where another version of this program wrote it: that is no damage,
/// and starting over would lose what it holds.
pub fn newest(
    folder: &Path,
    check: impl Fn(&Checkpoint) -> Result<(), String>,
) -> Result<Option<Checkpoint>, LearnError> {
    for (_, path) in files(folder) {
        let reason = match load(&path) {
            Ok(found) => match check(&found) {
                Ok(()) => return Ok(Some(found)),
                Err(reason) => reason,
            },
            Err(Flaw::Damaged) => "it is damaged".to_owned(),
            Err(Flaw::Format { format, written_by }) => {
                return Err(LearnError::OtherFormat { path, format, written_by, reads: FORMAT });
            }
        };
        tracing::warn!("the checkpoint {} is passed over: {reason}", path.display());
    }
    Ok(None)
}

/// Writes a checkpoint with this number; it appears whole or not at all.
///
/// # Errors
///
/// [`LearnError::Network`].
pub(super) fn write(
    state: &State,
    named: &BTreeMap<String, Vec<f32>>,
    folder: &Path,
    number: usize,
) -> Result<(), LearnError> {
    let failed = |source: Cause| {
        LearnError::from(NetworkError::Write { path: folder.to_path_buf(), source })
    };
    // The folder of the run itself is there, or the run is gone.
    match std::fs::create_dir(folder) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(failed(error.into())),
        _ => {}
    }
    let text = serde_json::to_string(state).map_err(|error| failed(error.into()))?;
    let bytes = named.iter().map(|(name, values)| (name.as_str(), le_bytes(values)));
    let about = serde_json::json!({
        "format": FORMAT,
        "runner": env!("CARGO_PKG_VERSION"),
        "checksum": checksum(&text, bytes),
        "state": text,
    });
    let tensors: Vec<_> = named
        .iter()
        .map(|(name, values)| (name.clone(), vec![values.len()], le_bytes(values).to_vec()))
        .collect();
    Ok(write_tensors(&tensors, &about, &folder.join(format!("{number:06}.safetensors")))?)
}

fn load(path: &Path) -> Result<Checkpoint, Flaw> {
    let bytes = std::fs::read(path).map_err(|_| Flaw::Damaged)?;
    let about = about(&bytes).ok_or(Flaw::Damaged)?;
    // The first versions did not say.
    let format = about["format"].as_u64().unwrap_or(1);
    if format != FORMAT {
        let written_by = about["runner"].as_str().unwrap_or("an earlier version").to_owned();
        return Err(Flaw::Format { format, written_by });
    }
    read(&bytes, &about).ok_or(Flaw::Damaged)
}

/// What stands beside the tensors.
pub(super) fn about(bytes: &[u8]) -> Option<serde_json::Value> {
    let (_, header) = SafeTensors::read_metadata(bytes).ok()?;
    serde_json::from_str(header.metadata().as_ref()?.get("runner")?).ok()
}

fn read(bytes: &[u8], about: &serde_json::Value) -> Option<Checkpoint> {
    let tensors = SafeTensors::deserialize(bytes).ok()?;
    let text = about.get("state")?.as_str()?;
    let named: BTreeMap<&str, &[u8]> =
        tensors.iter().map(|(name, view)| (name, view.data())).collect();
    let computed = checksum(text, named.iter().map(|(name, bytes)| (*name, *bytes)));
    if about.get("checksum")?.as_str()? != computed {
        return None;
    }
    let values = |bytes: &[u8]| -> Vec<f32> {
        bytes.as_chunks::<4>().0.iter().map(|value| f32::from_le_bytes(*value)).collect()
    };
    let list = |prefix: &str| -> Vec<Vec<f32>> {
        let tensors = named.iter().filter(|(name, _)| name.starts_with(prefix));
        tensors.map(|(_, bytes)| values(bytes)).collect()
    };
    let indexed = |prefix: &str| -> BTreeMap<usize, Vec<f32>> {
        let tensors = named.iter();
        tensors
            .filter_map(|(name, bytes)| {
                Some((name.strip_prefix(prefix)?.parse().ok()?, values(bytes)))
            })
            .collect()
    };
    Some(Checkpoint {
        state: serde_json::from_str(text).ok()?,
        parameters: indexed("parameter."),
        lowest: indexed("lowest."),
        average: list("average."),
        slots: list("first.").into_iter().zip(list("second.")).map(|(a, b)| [a, b]).collect(),
        best: list("best."),
    })
}
