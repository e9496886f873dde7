//! Run locks: a run is locked for as long as its process lives.
//!
//! The operating system releases the lock when the process ends, however it ends, so a run that was
//! killed can be told from one that is still running.

mod holder;
mod system;

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::ResultsError;
use holder::Beat;

const FILE: &str = ".running";

/// The name of the file until it is locked.
const UNLOCKED: &str = ".running-new";

/// Attempts to take the lock: a sweep may hold it for an instant.
const ATTEMPTS: usize = 40;

/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(5);

/// Whether this is still the file that has the name; another process may have removed it.
#[cfg(unix)]
fn is_same(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let place = |about: std::fs::Metadata| (about.dev(), about.ino());
    let (Ok(ours), Ok(theirs)) = (file.metadata(), std::fs::metadata(path)) else { return false };
    place(ours) == place(theirs)
}

/// Elsewhere a file that is open cannot be removed.
#[cfg(not(unix))]
fn is_same(_: &File, path: &Path) -> bool {
    path.exists()
}

/// Held by a process that writes to a run's folder.
#[derive(Debug)]
pub struct RunLock {
    /// Ends before the file is closed.
    _beat: Beat,
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
        let path = folder.join(FILE);
        let failed = |source| ResultsError::Write { path: path.clone(), source };
        if holder::works_elsewhere(&path) {
            return Err(busy(folder));
        }
        for _ in 0..ATTEMPTS {
            let file = open(&path).map_err(failed)?;
            let is_held = system::try_hold(&file).map_err(failed)?;
            if is_held && is_same(&file, &path) {
                return Ok(Self { _beat: Beat::start(&file), _file: file });
            }
            std::thread::sleep(PAUSE);
        }
        Err(busy(folder))
    }

    /// Takes the lock of a new folder. Its file appears with the lock held, so that no other
    /// process takes the folder for an abandoned one.
    ///
    /// # Errors
    ///
    /// As [`take`](Self::take).
    pub fn take_new(folder: &Path) -> Result<Self, ResultsError> {
        let path = folder.join(UNLOCKED);
        let failed = |source| ResultsError::Write { path: path.clone(), source };
        let file = open(&path).map_err(failed)?;
        if !system::try_hold(&file).map_err(failed)? {
            return Err(busy(folder));
        }
        // Before it has its name: whoever finds it knows whose it is.
        let beat = Beat::start(&file);
        std::fs::rename(&path, folder.join(FILE)).map_err(failed)?;
        Ok(Self { _beat: beat, _file: file })
    }

    /// Releases the lock and removes its file.
    pub fn release(self, folder: &Path) {
        // Nothing depends on the file once the status is written.
        let _ = std::fs::remove_file(folder.join(FILE));
    }
}

/// The lock of a file that is there for nothing else; dropped, it takes the file with it.
#[derive(Debug)]
pub struct FileLock {
    _file: File,
    path: PathBuf,
}

impl FileLock {
    /// Takes the lock; `None` where another process holds it.
    ///
    /// # Errors
    ///
    /// [`ResultsError::Write`] where the file cannot be made.
    pub fn try_take(path: &Path) -> Result<Option<Self>, ResultsError> {
        let failed = |source| ResultsError::Write { path: path.to_path_buf(), source };
        for _ in 0..ATTEMPTS {
            let file = open(path).map_err(failed)?;
            if !system::try_hold(&file).map_err(failed)? {
                return Ok(None);
            }
            // Whoever held it before may have removed it meanwhile.
            if is_same(&file, path) {
                return Ok(Some(Self { _file: file, path: path.to_path_buf() }));
            }
        }
        Ok(None)
    }
}

impl Drop for FileLock {
    fn drop(&mut self) {
        // It is still held: nobody can have taken it. A file that stays behind means nothing.
        let _ = std::fs::remove_file(&self.path);
    }
}

fn busy(folder: &Path) -> ResultsError {
    let run = folder.file_name().unwrap_or_default().to_string_lossy();
    ResultsError::Busy { run: run.into_owned() }
}

fn open(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().create(true).truncate(false).write(true).open(path)
}

/// Removes a lock file that nobody holds: its process was killed, or could not remove it.
pub fn sweep(folder: &Path) {
    let path = folder.join(FILE);
    let Ok(file) = OpenOptions::new().read(true).write(true).open(&path) else { return };
    if holder::is_elsewhere(&file) {
        return;
    }
    // A process that opened the file meanwhile finds that its name is gone, and makes a new one.
    if system::try_hold(&file).unwrap_or(false) && is_same(&file, &path) {
        // A file that remains means nothing: nobody holds it.
        let _ = std::fs::remove_file(path);
    }
}

/// Whether a file of that name is a lock.
pub(crate) fn is_file(name: &str) -> bool {
    [FILE, UNLOCKED].contains(&name)
}

/// Whether there is a lock file, held or not.
#[must_use]
pub fn is_there(folder: &Path) -> bool {
    folder.join(FILE).exists()
}

/// Whether a process is working in this folder, here or on another machine.
#[must_use]
pub fn is_held(folder: &Path) -> bool {
    File::open(folder.join(FILE))
        .is_ok_and(|file| system::is_held(&file) || holder::is_elsewhere(&file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_never_blocks_taking_the_lock() -> Result<(), Box<dyn std::error::Error>> {
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
    fn a_process_of_another_machine_holds_it_while_it_is_heard_of()
    -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join(FILE);
        std::fs::write(&path, "machine elsewhere\ntask \nprocess 1\n")?;
        sweep(folder.path());
        assert_eq!(is_held(folder.path()), cfg!(target_os = "linux"));
        assert_eq!(RunLock::take(folder.path()).is_err(), cfg!(target_os = "linux"));
        let file = OpenOptions::new().write(true).open(&path)?;
        file.set_modified(std::time::SystemTime::now() - Duration::from_secs(600))?;
        assert!(!is_held(folder.path()));
        let lock = RunLock::take(folder.path())?;
        assert!(std::fs::read_to_string(&path)?.contains("machine ") && is_held(folder.path()));
        lock.release(folder.path());
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
        let lock = RunLock::take_new(folder.path())?;
        assert!(is_held(folder.path()) && RunLock::take(folder.path()).is_err());
        lock.release(folder.path());
        assert_eq!(std::fs::read_dir(folder.path())?.count(), 0);
        Ok(())
    }

    #[test]
    fn sweeping_never_leaves_two_with_the_lock() -> Result<(), Box<dyn std::error::Error>> {
        use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
        let folder = tempfile::tempdir()?;
        let (ended, holders) = (AtomicBool::new(false), AtomicUsize::new(0));
        let (path, seen) = (folder.path(), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while !ended.load(Ordering::SeqCst) {
                        sweep(path);
                    }
                });
                scope.spawn(|| {
                    for _ in 0..200 {
                        let Ok(lock) = RunLock::take(path) else { continue };
                        seen.fetch_max(
                            holders.fetch_add(1, Ordering::SeqCst) + 1,
                            Ordering::SeqCst,
                        );
                        std::thread::yield_now();
                        holders.fetch_sub(1, Ordering::SeqCst);
                        drop(lock);
                    }
                    ended.store(true, Ordering::SeqCst);
                });
            }
        });
        assert_eq!(seen.into_inner(), 1);
        Ok(())
    }
}
