//! Files that appear whole or not at all: written beside their place, synced, renamed.

use std::io::Write;
use std::path::Path;

use crate::ResultsError;

/// How the names of files begin that are being written.
const HALF: &str = ".writing-";

/// Removes what a process left half written in a folder where nobody writes.
pub fn sweep(folder: &Path) {
    let checkpoints = folder.join("checkpoints");
    if checkpoints.is_dir() {
        sweep(&checkpoints);
    }
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let half = entry.file_name().to_string_lossy().starts_with(HALF);
        if half && entry.path().is_file() {
            // It takes space and nothing else.
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// Writes `bytes` to `path`, replacing what was there.
///
/// # Errors
///
/// [`ResultsError::Write`]; what was there before is still there then.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), ResultsError> {
    let attempt = || {
        let folder = path.parent().unwrap_or(Path::new("."));
        let mut file = tempfile::Builder::new().prefix(HALF).tempfile_in(folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(())
    };
    attempt()
        .map_err(|source: std::io::Error| ResultsError::Write { path: path.to_path_buf(), source })
}
