//! The files of a run as MLflow's artifacts.

use std::io;
use std::path::Path;

use crate::ResultsError;
use crate::export::make_folder;

/// What is only there to resume a run.
const CHECKPOINTS: &str = "checkpoints";

/// A hard link to it takes no room; the runner replaces it and never changes it.
const MODEL: &str = "model.safetensors";

/// Brings every file of a run into `to`, checkpoints and hidden files aside. The model is linked where
/// both are on one file system, everything else is copied. What the run no longer has goes away.
pub(super) fn copy(run: &Path, to: &Path) -> Result<(), ResultsError> {
    make_folder(to)?;
    let failed = |path: &Path, source| ResultsError::Read { path: path.to_path_buf(), source };
    let mut names = Vec::new();
    for entry in std::fs::read_dir(run).map_err(|source| failed(run, source))? {
        let entry = entry.map_err(|source| failed(run, source))?;
        let (name, from) = (entry.file_name(), entry.path());
        let kind = entry.file_type().map_err(|source| failed(&from, source))?;
        if name.as_encoded_bytes().starts_with(b".") || name == CHECKPOINTS {
            continue;
        }
        let place = to.join(&name);
        // Links lead to what is none of the run's.
        match (kind.is_dir(), kind.is_file()) {
            (true, _) => copy(&from, &place)?,
            (_, true) => file(&from, &place, name == MODEL)?,
            _ => continue,
        }
        names.push(name);
    }
    for entry in std::fs::read_dir(to).into_iter().flatten().flatten() {
        if !names.contains(&entry.file_name()) {
            // What remains is out of date, and no error.
            let _ = std::fs::remove_file(entry.path())
                .or_else(|_| std::fs::remove_dir_all(entry.path()));
        }
    }
    Ok(())
}

fn file(from: &Path, to: &Path, link: bool) -> Result<(), ResultsError> {
    let failed = |source| ResultsError::Write { path: to.to_path_buf(), source };
    // Writing into what is there would write into the run's own file where the two are one.
    match std::fs::remove_file(to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    if link && std::fs::hard_link(from, to).is_ok() {
        return Ok(());
    }
    match std::fs::copy(from, to) {
        // A run that is under way replaces its files.
        Err(error) if error.kind() == io::ErrorKind::NotFound && !from.exists() => Ok(()),
        copied => copied.map(drop).map_err(failed),
    }
}
