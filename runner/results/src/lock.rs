//! Who is alive: a run holds a lock for as long as its process lives.
//!
//! The operating system gives the lock back when the process ends, however it ends, so that a run
//! that was killed without a word is known as interrupted.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::ResultsError;

const FILE: &str = ".running";

/// How long a lock may be in the way before somebody is taken to work under it.
const PATIENCE: Duration = Duration::from_millis(500);
const PAUSE: Duration = Duration::from_millis(5);

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
    /// [`ResultsError::Busy`] where another process holds the lock, [`ResultsError::Write`] where its
    /// file cannot be made.
    pub fn take(folder: &Path) -> Result<Self, ResultsError> {
        let failed = |source| ResultsError::Write { path: folder.join(FILE), source };
        let mut options = OpenOptions::new();
        let file = options.create(true).truncate(false).write(true).open(folder.join(FILE));
        let file = file.map_err(failed)?;
        let start = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: file }),
                // Somebody who only looks holds it for an instant.
                Err(TryLockError::WouldBlock) if start.elapsed() < PATIENCE => sleep(PAUSE),
                Err(TryLockError::WouldBlock) => {
                    let run = folder.file_name().unwrap_or_default().to_string_lossy();
                    return Err(ResultsError::Busy { run: run.into_owned() });
                }
                Err(TryLockError::Error(source)) => return Err(failed(source)),
            }
        }
    }

    /// Gives the lock back and removes its file.
    pub fn release(self, folder: &Path) {
        // Nothing depends on the file once the status is written.
        let _ = std::fs::remove_file(folder.join(FILE));
    }
}

/// Removes the file of a lock that nobody holds: its process was killed, or could not remove it.
pub fn sweep(folder: &Path) {
    let path = folder.join(FILE);
    let Ok(file) = File::open(&path) else { return };
    if file.try_lock().is_ok() {
        // It says nothing without a process that holds it.
        let _ = std::fs::remove_file(path);
    }
}

/// Whether there is a lock, held or not.
#[must_use]
pub fn is_there(folder: &Path) -> bool {
    folder.join(FILE).exists()
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
    fn looking_disturbs_nobody_who_wants_the_lock() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        drop(RunLock::take(folder.path())?);
        let path = folder.path().to_path_buf();
        let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let (ended, looker) = (stop.clone(), path.clone());
        let thread = std::thread::spawn(move || {
            while !ended.load(std::sync::atomic::Ordering::Relaxed) {
                let _ = is_held(&looker);
            }
        });
        let taken: Vec<_> = (0..200).map(|_| RunLock::take(&path).is_ok()).collect();
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        thread.join().map_err(|_| "the thread panicked")?;
        assert!(taken.iter().all(|taken| *taken));
        Ok(())
    }

    #[test]
    fn held_until_released_or_dropped() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        assert!(!is_held(folder.path()));
        let lock = RunLock::take(folder.path())?;
        assert!(is_held(folder.path()) && RunLock::take(folder.path()).is_err());
        sweep(folder.path());
        assert!(is_held(folder.path()), "what is held stays");
        drop(lock);
        assert!(!is_held(folder.path()));
        sweep(folder.path());
        assert_eq!(std::fs::read_dir(folder.path())?.count(), 0);
        RunLock::take(folder.path())?.release(folder.path());
        assert_eq!(std::fs::read_dir(folder.path())?.count(), 0);
        Ok(())
    }
}
