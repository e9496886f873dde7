//! Keras 3's `.keras` archives: a zip with the weights as HDF5 in it.

use std::fs::File;
use std::io::Seek;
use std::path::Path;

use zip::ZipArchive;

use super::entry::{Entry, KerasAbout};
use super::hdf5;

const WEIGHTS: &str = "model.weights.h5";

/// Keras stores the weights as they are; what claims to unpack to more than this many times its
/// size is no archive of weights.
const LARGEST_RATIO: u64 = 20;

fn archive(path: &Path) -> Result<ZipArchive<File>, String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    ZipArchive::new(file).map_err(|error| error.to_string())
}

pub(super) fn is_archive(path: &Path) -> Result<bool, String> {
    Ok(archive(path)?.index_for_name(WEIGHTS).is_some())
}

pub(super) fn open(path: &Path) -> Result<(Vec<Entry>, Option<KerasAbout>), String> {
    let whole = std::fs::metadata(path).map_err(|error| error.to_string())?.len();
    let mut archive = archive(path)?;
    let mut entry = archive.by_name(WEIGHTS).map_err(|error| format!("`{WEIGHTS}`: {error}"))?;
    let size = entry.size();
    if size > whole.saturating_mul(LARGEST_RATIO) {
        return Err(format!("`{WEIGHTS}` claims to unpack to {size} bytes from {whole}"));
    }
    // HDF5 is read at many places, which a compressed stream does not allow.
    let mut unpacked = tempfile::tempfile().map_err(|error| error.to_string())?;
    let copied = std::io::copy(&mut std::io::Read::take(&mut entry, size), &mut unpacked)
        .map_err(|error| format!("`{WEIGHTS}`: {error}"))?;
    if copied != size {
        return Err(format!("`{WEIGHTS}` ends after {copied} of {size} bytes"));
    }
    unpacked.rewind().map_err(|error| error.to_string())?;
    hdf5::open_file(unpacked, path)
}
