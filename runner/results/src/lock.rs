//! Who is alive: a run holds a lock for as long as its process lives.
//!
//! The operating system gives the lock back when the process ends, however it ends, so that a run
//! that was killed without a word is known as interrupted.

use std::fs::{File, OpenOptions};
use std::path::Path;

const FILE: &str = ".running";

/// Held by a process that writes to a run's folder.
#[derive(Debug)]
pub struct RunLock {
    _file: File,
}

impl RunLock {
    /// Takes the lock of a run's folder.
    ///
    /// # Errors
    ///
    /// Where the file cannot be made, or another process holds the lock.
    pub fn take(folder: &Path) -> std::io::Result<Self> {
        let file =
            OpenOptions::new().create(true).truncate(false).write(true).open(folder.join(FILE))?;
        file.try_lock().map_err(std::io::Error::from)?;
        Ok(Self { _file: file })
    }

    /// Gives the lock back and removes its file.
    pub fn release(self, folder: &Path) {
        // Nothing depends on the file once the status is written.
        let _ = std::fs::remove_file(folder.join(FILE));
    }
}

/// Whether a process is at work in this folder.
#[must_use]
pub fn is_held(folder: &Path) -> bool {
    let Ok(file) = File::open(folder.join(FILE)) else {
        return false;
    };
    file.try_lock_shared().is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn held_until_released_or_dropped() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        assert!(!is_held(folder.path()));
        let lock = RunLock::take(folder.path())?;
        assert!(is_held(folder.path()) && RunLock::take(folder.path()).is_err());
        drop(lock);
        assert!(!is_held(folder.path()));
        RunLock::take(folder.path())?.release(folder.path());
        assert_eq!(std::fs::read_dir(folder.path())?.count(), 0);
        Ok(())
    }
}
