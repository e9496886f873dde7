//! Who is alive: a run holds a lock for as long as its process lives.
//!
//! The operating system gives the lock back when the process ends, however it ends, so that a run
//! that was killed without a word is known as interrupted.

use std::fs::{File, OpenOptions};
use std::path::Path;

use crate::ResultsError;

const FILE: &str = ".running";

/// A lock of an open file that can be looked at without taking it: whoever only looks, and is stopped
/// in its midst, is in nobody's way.
#[cfg(target_os = "linux")]
mod system {
    use std::fs::File;
    use std::io::{Error, Result};

    use nix::errno::Errno;
    use nix::fcntl::{FcntlArg, fcntl};
    use nix::libc::{F_UNLCK, F_WRLCK, SEEK_SET, flock};

    /// Of the whole file.
    #[allow(clippy::cast_possible_truncation)]
    fn whole() -> flock {
        let (l_type, l_whence) = (F_WRLCK as i16, SEEK_SET as i16);
        flock { l_type, l_whence, l_start: 0, l_len: 0, l_pid: 0 }
    }

    pub(super) fn try_hold(file: &File) -> Result<bool> {
        match fcntl(file, FcntlArg::F_OFD_SETLK(&whole())) {
            Ok(_) => Ok(true),
            Err(Errno::EAGAIN | Errno::EACCES) => Ok(false),
            Err(error) => Err(Error::from(error)),
        }
    }

    pub(super) fn is_held(file: &File) -> bool {
        let mut lock = whole();
        let asked = fcntl(file, FcntlArg::F_OFD_GETLK(&mut lock));
        asked.is_ok() && i32::from(lock.l_type) != F_UNLCK
    }
}

/// Elsewhere looking means taking the lock for an instant.
#[cfg(not(target_os = "linux"))]
mod system {
    use std::fs::{File, TryLockError};
    use std::io::Result;

    pub(super) fn try_hold(file: &File) -> Result<bool> {
        for _ in 0..100 {
            match file.try_lock() {
                Ok(()) => return Ok(true),
                Err(TryLockError::WouldBlock) => {
                    std::thread::sleep(std::time::Duration::from_millis(5));
                }
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
        Ok(false)
    }

    pub(super) fn is_held(file: &File) -> bool {
        file.try_lock_shared().is_err()
    }
}

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
        match system::try_hold(&file) {
            Ok(true) => Ok(Self { _file: file }),
            Ok(false) => {
                let run = folder.file_name().unwrap_or_default().to_string_lossy();
                Err(ResultsError::Busy { run: run.into_owned() })
            }
            Err(source) => Err(failed(source)),
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
    if !system::is_held(&file) {
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
    File::open(folder.join(FILE)).is_ok_and(|file| system::is_held(&file))
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
        let look = || {
            let (ended, looker) = (stop.clone(), path.clone());
            std::thread::spawn(move || {
                while !ended.load(std::sync::atomic::Ordering::Relaxed) {
                    let _ = is_held(&looker);
                }
            })
        };
        let threads: Vec<_> = (0..8).map(|_| look()).collect();
        let taken: Vec<_> = (0..100).map(|_| RunLock::take(&path).is_ok()).collect();
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        for thread in threads {
            thread.join().map_err(|_| "the thread panicked")?;
        }
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
