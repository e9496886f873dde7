//! Paths of photos: what is in a folder, and how a TOML file writes a name.

use std::path::{Path, PathBuf};

use runner_experiment::text::shown;

use crate::failure::Failure;

/// The folders in a folder, sorted, hidden ones aside.
pub(super) fn folders(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    Ok(entries(folder)?.into_iter().filter(|path| path.is_dir()).collect())
}

pub(super) fn entries(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let failed = |error: std::io::Error| {
        Failure::usage(format!("cannot list the folder {}: {error}", shown(folder)))
    };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if !entry.file_name().to_string_lossy().starts_with('.') {
            paths.push(entry.path());
        }
    }
    paths.sort();
    Ok(paths)
}

/// A path as a TOML file can name it: `./photos/` is `photos`.
pub(super) fn text(path: &Path) -> Result<String, Failure> {
    let tidy: PathBuf = path.components().collect();
    let below = tidy.strip_prefix(".").ok().filter(|below| !below.as_os_str().is_empty());
    below.unwrap_or(&tidy).to_str().map(str::to_owned).ok_or_else(|| {
        Failure::usage(format!(
            "the name {} is not UTF-8, which experiment files need; rename it",
            shown(path)
        ))
    })
}

/// A string as TOML writes it.
pub(super) fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}
