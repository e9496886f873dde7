//! Features on disk, addressed by content: computed once, shared between runs.
//!
//! `<cache>/features/<prefix>/<first two digits>/<image>`: `<prefix>` is the hash of everything
//! that makes the features what they are apart from the image (weights of the frozen prefix,
//! preprocessing, size, implementation, device), `<image>` the hash of the bytes of the file. An
//! entry carries the format and its own checksum; one that is damaged counts as absent and is
//! computed again. A folder's `about.json` says what it holds and in which format: another version
//! of this program uses folders of its own. Entries appear by renaming, so that two runs can write at once.
//!
//! Where nothing can be kept, what is there is read, the rest is computed, and the run is told once.
//! Only features that do not fit into memory need a cache that can be written.

mod description;
pub(crate) mod entry;
pub mod store;
#[cfg(test)]
mod tests;

use std::fs::{File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::SystemTime;

use description::About;
pub use description::{Description, FORMAT, prefix_hash, prefix_shape};
use runner_experiment::disk::{self, Synced};
use runner_experiment::section::dataset::FeaturePrecision;

use runner_data::scan::ContentHash;

/// The features of one prefix, open for reading and, where the disk allows it, for writing.
#[derive(Debug)]
pub struct FeatureCache {
    folder: PathBuf,
    key: String,
    values: usize,
    precision: FeaturePrecision,
    /// Why nothing can be kept, once that is known.
    refused: OnceLock<String>,
    /// Held shared while the folder is in use, so that nobody prunes it; none in a folder that is
    /// not there.
    _lock: Option<File>,
}

/// Whose turn it is to compute.
#[derive(Debug)]
pub enum Turn {
    /// Ours, until the file is closed.
    Ours(File),
    /// That of another run, in this process or another one.
    Theirs,
    /// Nobody can say: the folder cannot be written, or the file system knows no locks.
    Unknown,
}

impl FeatureCache {
    /// Opens, and where needed makes, the folder for `description` below `root`.
    #[must_use]
    pub fn open(root: &Path, description: &Description) -> Self {
        let key = description.key();
        let folder = store::features(root).join(&key);
        let about = About::write(description);
        let mut attempts = 0;
        let (lock, refused) = loop {
            match Self::occupy(&folder, &about) {
                Ok(lock) => break (Some(lock), OnceLock::new()),
                // Somebody pruned the folder between making and locking it.
                Err(error) if error.kind() == ErrorKind::NotFound && attempts < 10 => attempts += 1,
                Err(error) => break (Self::look(&folder).ok(), OnceLock::from(error.to_string())),
            }
        };
        let Description { values, precision, .. } = *description;
        Self { folder, key, values, precision, refused, _lock: lock }
    }

    /// Makes the folder and holds it.
    fn occupy(folder: &Path, about: &[u8]) -> std::io::Result<File> {
        std::fs::create_dir_all(folder)?;
        let lock = store::lock_file(folder)?;
        if lock.try_lock().is_ok() {
            // Nobody else is writing here: half files are those of runs that were killed.
            store::sweep(folder);
            lock.unlock()?;
        }
        lock.lock_shared()?;
        disk::write(&folder.join(store::ABOUT), about, Synced::Later)?;
        // Only whoever made the file may set its time; what was used last is then a guess.
        let _ = lock.set_modified(SystemTime::now());
        Ok(lock)
    }

    /// Holds a folder that cannot be written.
    fn look(folder: &Path) -> std::io::Result<File> {
        let lock = File::open(folder.join(store::LOCK))?;
        lock.lock_shared()?;
        Ok(lock)
    }

    /// Why nothing can be kept here, where that is so.
    #[must_use]
    pub fn refused(&self) -> Option<String> {
        self.refused.get().map(|reason| format!("{}: {reason}", self.folder.display()))
    }

    /// Takes the turn to compute what is missing here; whoever comes meanwhile waits for the entries
    /// instead of computing them too.
    #[must_use]
    pub fn turn(&self) -> Turn {
        let path = self.folder.join(store::TURN);
        let opened = OpenOptions::new().create(true).truncate(false).write(true).open(path);
        let Ok(file) = opened else { return Turn::Unknown };
        match file.try_lock() {
            Ok(()) => Turn::Ours(file),
            Err(TryLockError::WouldBlock) => Turn::Theirs,
            Err(TryLockError::Error(_)) => Turn::Unknown,
        }
    }

    /// Whether there is an entry for an image.
    #[must_use]
    pub fn has(&self, image: &ContentHash) -> bool {
        self.path(image).is_file()
    }

    /// The features of an image, where they are there and whole.
    #[must_use]
    pub fn get(&self, image: &ContentHash) -> Option<Vec<f32>> {
        let path = self.path(image);
        // A pipe or a device in this place would keep a reader waiting.
        let bytes = path.is_file().then(|| std::fs::read(path).ok()).flatten()?;
        entry::decode(self.entry(image), &bytes, self.values, self.precision)
    }

    /// Keeps the features of an image, where that is possible; one that is there already is
    /// replaced. Says whether they are kept.
    pub fn put(&self, image: &ContentHash, features: &[f32]) -> bool {
        if self.refused.get().is_some() {
            return false;
        }
        let bytes = entry::encode(self.entry(image), features, self.precision);
        match self.write(&self.path(image), &bytes) {
            Ok(()) => true,
            Err(error) => {
                // A single place that is taken by something else spoils one entry alone.
                let one =
                    [ErrorKind::IsADirectory, ErrorKind::NotADirectory, ErrorKind::AlreadyExists];
                if !one.contains(&error.kind()) {
                    self.refused.get_or_init(|| error.to_string());
                }
                false
            }
        }
    }

    fn entry<'a>(&'a self, image: &'a ContentHash) -> entry::EntryKey<'a> {
        entry::EntryKey { folder: &self.key, image }
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> std::io::Result<()> {
        std::fs::create_dir_all(path.parent().unwrap_or(&self.folder))?;
        disk::write(path, bytes, Synced::Later)
    }

    fn path(&self, image: &ContentHash) -> PathBuf {
        let name = blake3::Hash::from_bytes(*image).to_hex();
        self.folder.join(&name[..2]).join(name.as_str())
    }
}
