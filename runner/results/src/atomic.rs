//! Files that appear whole or not at all: written beside their place, synced, renamed.

use std::io::Write;
use std::path::Path;

use crate::ResultsError;

/// Writes `bytes` to `path`, replacing what was there.
///
/// # Errors
///
/// [`ResultsError::Write`]; what was there before is still there then.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), ResultsError> {
    let attempt = || {
        let folder = path.parent().unwrap_or(Path::new("."));
        let mut file = tempfile::Builder::new().prefix(".writing-").tempfile_in(folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(())
    };
    attempt()
        .map_err(|source: std::io::Error| ResultsError::Write { path: path.to_path_buf(), source })
}
