//! Zip archives whose every entry is known beforehand.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use runner_data::Interrupt;
use zip::ZipArchive;

/// No photo of a data set is larger; an entry that claims more is a bomb.
const LARGEST: u64 = 32 << 20;

/// Where an entry goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name in the archive.
    pub name: String,
    /// Its place below the target folder.
    pub place: PathBuf,
}

/// Why an archive was not extracted.
#[derive(Debug, thiserror::Error)]
pub enum ExtractError {
    /// It is another archive, or a damaged one.
    #[error("{0}")]
    Archive(String),
    /// The operating system refused.
    #[error("cannot write {path}: {source}")]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What it said.
        source: std::io::Error,
    },
    /// Somebody asked to stop.
    #[error("interrupted")]
    Interrupted,
}

/// Checks that the images in `archive` are exactly the expected ones and writes them below
/// `folder`. Names in the archive are only compared, never used as paths.
///
/// # Errors
///
/// [`ExtractError`].
pub fn extract(
    archive: &Path,
    expected: &[Entry],
    folder: &Path,
    interrupt: &Interrupt,
) -> Result<(), ExtractError> {
    let unusable = |error: &dyn std::fmt::Display| {
        ExtractError::Archive(format!("{}: {error}", archive.display()))
    };
    let file = File::open(archive).map_err(|error| unusable(&error))?;
    let mut zip = ZipArchive::new(file).map_err(|error| unusable(&error))?;
    compare(&zip, expected).map_err(ExtractError::Archive)?;
    for entry in expected {
        if interrupt.is_requested() {
            return Err(ExtractError::Interrupted);
        }
        let bytes = read(&mut zip, &entry.name)
            .map_err(|error| ExtractError::Archive(format!("{}: {error}", entry.name)))?;
        write(&folder.join(&entry.place), &bytes)?;
    }
    Ok(())
}

fn compare(zip: &ZipArchive<File>, expected: &[Entry]) -> Result<(), String> {
    let mut found: BTreeSet<String> = BTreeSet::new();
    for name in zip.file_names() {
        let name = name.map_err(|error| error.to_string())?;
        if name.ends_with(".jpg") {
            found.insert(name.into_owned());
        }
    }
    let wanted: BTreeSet<String> = expected.iter().map(|entry| entry.name.clone()).collect();
    let missing: Vec<&String> = wanted.difference(&found).collect();
    let extra: Vec<&String> = found.difference(&wanted).collect();
    if missing.is_empty() && extra.is_empty() {
        return Ok(());
    }
    let some = |names: &[&String]| match names {
        [] => "none".to_owned(),
        [first, ..] => format!("{} (such as {first})", names.len()),
    };
    Err(format!(
        "this is another archive: of {} images, missing {}, unexpected {}",
        wanted.len(),
        some(&missing),
        some(&extra)
    ))
}

fn read(zip: &mut ZipArchive<File>, name: &str) -> Result<Vec<u8>, String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let entry = zip.by_name(name).map_err(|error| text(&error))?;
    if entry.size() > LARGEST {
        return Err(format!("{} bytes are more than any photo has", entry.size()));
    }
    let mut bytes = Vec::new();
    entry.take(LARGEST).read_to_end(&mut bytes).map_err(|error| text(&error))?;
    Ok(bytes)
}

fn write(target: &Path, bytes: &[u8]) -> Result<(), ExtractError> {
    let failed = |source| ExtractError::Write { path: target.to_path_buf(), source };
    if let Some(folder) = target.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    std::fs::write(target, bytes).map_err(failed)
}
