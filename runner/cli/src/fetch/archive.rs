//! Zip archives whose every entry is known beforehand.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

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

/// Checks that the images in `archive` are exactly the expected ones and writes them below
/// `folder`. Names in the archive are only compared, never used as paths.
///
/// # Errors
///
/// What does not fit, in words.
pub fn extract(archive: &Path, expected: &[Entry], folder: &Path) -> Result<(), String> {
    let file = File::open(archive).map_err(|error| format!("{}: {error}", archive.display()))?;
    let mut zip =
        ZipArchive::new(file).map_err(|error| format!("{}: {error}", archive.display()))?;
    compare(&zip, expected)?;
    for entry in expected {
        let target = folder.join(&entry.place);
        write(&mut zip, &entry.name, &target)
            .map_err(|error| format!("{}: {error}", entry.name))?;
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

fn write(zip: &mut ZipArchive<File>, name: &str, target: &Path) -> Result<(), String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let entry = zip.by_name(name).map_err(|error| text(&error))?;
    if entry.size() > LARGEST {
        return Err(format!("{} bytes are more than any photo has", entry.size()));
    }
    let mut bytes = Vec::new();
    entry.take(LARGEST).read_to_end(&mut bytes).map_err(|error| text(&error))?;
    if let Some(folder) = target.parent() {
        std::fs::create_dir_all(folder).map_err(|error| text(&error))?;
    }
    std::fs::write(target, bytes).map_err(|error| text(&error))
}
