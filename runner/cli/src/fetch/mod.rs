//! What comes from elsewhere: downloads, weights, data sets.

pub mod archive;
pub mod dataset;
pub mod download;
pub mod published;
pub mod shapes;
pub mod stored;
mod talk;
pub mod weights;
pub mod wheel;

use std::fs::{File, TryLockError};
use std::io::{ErrorKind, Read};
use std::path::Path;
use std::time::Duration;

use md5::Md5;
use runner_data::Interrupt;
use runner_experiment::architecture::family::Checksum;
use runner_learn::LearnError;
use sha2::{Digest, Sha256};

use crate::environment;
use crate::failure::Failure;

/// How often a wish to stop is looked for.
const POLL: Duration = Duration::from_millis(100);

/// Whether a file has a checksum; `Err` says what it has instead.
pub fn check(checksum: Checksum, path: &Path) -> std::io::Result<Result<(), String>> {
    let (kind, found, expected) = match checksum {
        Checksum::Md5(sum) => ("the MD5", hash::<Md5>(path)?, sum.to_owned()),
        Checksum::Sha256Start(start) => {
            let found = hash::<Sha256>(path)?.chars().take(start.len()).collect();
            ("the beginning of the SHA-256", found, start.to_owned())
        }
        Checksum::Length(bytes) => {
            ("the length", std::fs::metadata(path)?.len().to_string(), bytes.to_string())
        }
        Checksum::Unknown => return Ok(Ok(())),
    };
    Ok(match found == expected {
        true => Ok(()),
        false => Err(format!("{kind} is {found}, expected {expected}")),
    })
}

/// Makes a folder below the cache or the working directory.
///
/// # Errors
///
/// A [`Failure`] that names the folder.
pub fn make(folder: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(folder).map_err(|error| {
        Failure::internal(format!("cannot make the folder {}: {error}", folder.display()))
    })
}

/// Waits until no other process is fetching `target`, and holds it until dropped.
///
/// # Errors
///
/// A [`Failure`] that names the lock file, or says that somebody asked to stop.
pub fn exclusive(target: &Path, interrupt: &Interrupt) -> Result<File, Failure> {
    let folder = environment::cache().join("downloads");
    make(&folder)?;
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    let path = folder.join(format!("{name}.lock"));
    let open = || {
        let made = File::options().create(true).truncate(false).write(true).open(&path);
        let file = match made {
            // Whoever may not write to it can still hold it.
            Err(error) if error.kind() == ErrorKind::PermissionDenied => File::open(&path)?,
            other => other?,
        };
        let is_ours = wait_for(&file, interrupt)?;
        Ok((file, is_ours))
    };
    let opened: std::io::Result<(File, bool)> = open();
    let (file, is_ours) = opened
        .map_err(|error| Failure::internal(format!("cannot lock {}: {error}", path.display())))?;
    match is_ours {
        true => Ok(file),
        false => Err(LearnError::Interrupted.into()),
    }
}

/// Waits for the lock of a file; `false` where somebody asked to stop first.
fn wait_for(file: &File, interrupt: &Interrupt) -> std::io::Result<bool> {
    while !interrupt.is_requested() {
        match file.try_lock() {
            Ok(()) => return Ok(true),
            Err(TryLockError::WouldBlock) => std::thread::sleep(POLL),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
    Ok(false)
}

/// SHA-256 of a file, in hexadecimal digits.
pub fn sha256(path: &Path) -> std::io::Result<String> {
    hash::<Sha256>(path)
}

fn hash<D: Digest>(path: &Path) -> std::io::Result<String> {
    let mut hasher = D::new();
    let mut file = File::open(path)?;
    let mut buffer = vec![0; 1 << 16];
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        hasher.update(&buffer[..count]);
    }
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}
