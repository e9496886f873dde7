//! The cache as a whole: what is in it, how large it is, what goes first.

use std::fs::{DirEntry, File, OpenOptions};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use runner_experiment::disk::PARTIAL_PREFIX;

use super::description::{About, Description};
use crate::error::LearnError;

/// Describes a folder.
pub(super) const ABOUT: &str = "about.json";
pub(super) const LOCK: &str = "lock";
/// Held by whoever computes what is missing.
pub(super) const TURN: &str = "computing";

/// One folder of features.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The name of the folder.
    pub key: String,
    /// The version of the cache that wrote it; see [`super::FORMAT`].
    pub format: u32,
    /// What its features are, where this version can read that.
    pub description: Option<Description>,
    /// How many images it has.
    pub images: usize,
    /// How much of the disk it takes.
    pub bytes: u64,
    /// When a run last opened it.
    pub last_used: SystemTime,
}

/// Where features lie below the cache folder.
#[must_use]
pub fn features(root: &Path) -> PathBuf {
    root.join("features")
}

/// Every folder of features, those of other formats too, most recently used first; folders without a
/// readable `about.json` are passed over.
#[must_use]
pub fn list(root: &Path) -> Vec<Stored> {
    let Ok(folders) = std::fs::read_dir(features(root)) else {
        return Vec::new();
    };
    let mut all: Vec<Stored> = folders.filter_map(|folder| stored(&folder.ok()?.path())).collect();
    all.sort_by(|a, b| b.last_used.cmp(&a.last_used).then_with(|| a.key.cmp(&b.key)));
    all
}

fn stored(folder: &Path) -> Option<Stored> {
    let about = folder.join(ABOUT);
    // A pipe in its place would keep a reader waiting.
    let about = about.is_file().then(|| std::fs::read(about).ok()).flatten()?;
    let About { format, description } = About::read(&about)?;
    let (mut images, mut bytes) = (0, 0);
    for entry in entries(folder).filter(|entry| !is_half(entry)) {
        images += 1;
        bytes += entry.metadata().map_or(0, |meta| meta.len());
    }
    Some(Stored {
        key: folder.file_name()?.to_string_lossy().into_owned(),
        format,
        description,
        images,
        bytes,
        last_used: modified(&folder.join(LOCK)).or_else(|_| modified(folder)).ok()?,
    })
}

fn modified(path: &Path) -> std::io::Result<SystemTime> {
    std::fs::metadata(path)?.modified()
}

/// Every file of the images in a folder of features.
fn entries(folder: &Path) -> impl Iterator<Item = DirEntry> {
    let list = |folder: &Path| std::fs::read_dir(folder).into_iter().flatten();
    list(folder)
        .filter_map(Result::ok)
        .flat_map(move |shard| list(&shard.path()))
        .filter_map(Result::ok)
}

fn is_half(entry: &DirEntry) -> bool {
    entry.file_name().to_string_lossy().starts_with(PARTIAL_PREFIX)
}

/// Removes half files; one that cannot be removed only takes room.
pub(super) fn sweep(folder: &Path) {
    for half in entries(folder).filter(is_half) {
        let _ = std::fs::remove_file(half.path());
    }
}

/// Removes folders, least recently used first, until at most `limit` bytes are left. Folders that
/// a run has open stay.
///
/// # Errors
///
/// [`LearnError::Cache`] where a folder cannot be removed.
pub fn prune(root: &Path, limit: u64) -> Result<Vec<Stored>, LearnError> {
    sweep_gone(root);
    let mut all = list(root);
    let mut bytes: u64 = all.iter().map(|stored| stored.bytes).sum();
    let mut pruned = Vec::new();
    while let Some(oldest) = all.pop() {
        if bytes <= limit {
            break;
        }
        if remove(&features(root).join(&oldest.key))? {
            bytes -= oldest.bytes;
            pruned.push(oldest);
        }
    }
    Ok(pruned)
}

/// Whether the folder was free to go.
fn remove(folder: &Path) -> Result<bool, LearnError> {
    let failed = |error: std::io::Error| LearnError::Cache {
        path: folder.to_path_buf(),
        source: error.into(),
    };
    let lock = match lock_file(folder) {
        Ok(lock) => lock,
        // Another process was quicker.
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(failed(error)),
    };
    if lock.try_lock().is_err() {
        return Ok(false);
    }
    // Under another name first: whoever comes now makes a folder of their own.
    let gone = folder.with_file_name(format!(
        "{GONE}{}-{}",
        std::process::id(),
        folder.file_name().unwrap_or_default().to_string_lossy()
    ));
    match std::fs::rename(folder, &gone) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(failed(error)),
    }
    std::fs::remove_dir_all(&gone).map_err(failed)?;
    Ok(true)
}

/// How the names of folders begin that are being removed.
const GONE: &str = ".removing-";

/// Removes what an earlier process left of folders that it was removing.
fn sweep_gone(root: &Path) {
    for entry in std::fs::read_dir(features(root)).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(GONE) {
            // What cannot be removed only takes room; another process may be at it.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// The lock of a folder; whoever may not write to it can still hold it.
pub(super) fn lock_file(folder: &Path) -> std::io::Result<File> {
    let path = folder.join(LOCK);
    match OpenOptions::new().create(true).truncate(false).write(true).open(&path) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => File::open(&path),
        other => other,
    }
}
