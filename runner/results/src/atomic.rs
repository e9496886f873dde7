//! Files that appear whole or not at all.

use std::path::Path;

use runner_experiment::disk::{self, Synced};

use crate::ResultsError;

/// Removes partial files of a dead process from the folder of a run that no process writes to.
pub fn sweep(folder: &Path) {
    disk::sweep(folder);
    disk::sweep(&folder.join("checkpoints"));
}

/// Writes `bytes` to `path`, replacing what was there.
///
/// # Errors
///
/// [`ResultsError::Write`]; then the old file is still there.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), ResultsError> {
    disk::write(path, bytes, Synced::Now)
        .map_err(|source| ResultsError::Write { path: path.to_path_buf(), source })
}
