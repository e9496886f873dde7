//! Files that appear whole or not at all: written beside their place, synced, renamed.
//!
//! Their mode is what the umask leaves of `rw-rw-rw-`, as for every other file a program makes, so
//! that results and caches can be shared.

use std::io::{Error, ErrorKind, Result, Write};
use std::path::Path;

/// Prefix of the names of files that are still being written.
pub const PARTIAL_PREFIX: &str = ".writing-";

/// When a file is on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Synced {
    /// When this returns: file and folder were synced.
    Now,
    /// When the system gets to it: what is lost can be computed again.
    Later,
}

/// Writes `bytes` to `path`, replacing what was there.
///
/// # Errors
///
/// Those of the operating system; then the old file is still there.
pub fn write(path: &Path, bytes: &[u8], sync: Synced) -> Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut file = builder().tempfile_in(folder)?;
    file.write_all(bytes)?;
    if sync == Synced::Now {
        file.as_file().sync_all()?;
    }
    file.persist(path)?;
    match sync {
        Synced::Now => sync_folder(folder),
        Synced::Later => Ok(()),
    }
}

fn builder() -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(PARTIAL_PREFIX);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    builder
}

/// Syncs a folder, so that the names of new files in it are on the disk.
///
/// # Errors
///
/// Those of the operating system; file systems that cannot sync a folder are no error.
pub fn sync_folder(folder: &Path) -> Result<()> {
    match std::fs::File::open(folder).and_then(|folder| folder.sync_all()) {
        Err(error) if matters(&error) => Err(error),
        _ => Ok(()),
    }
}

fn matters(error: &Error) -> bool {
    !matches!(
        error.kind(),
        ErrorKind::PermissionDenied | ErrorKind::Unsupported | ErrorKind::InvalidInput
    )
}

/// Removes partial files of dead processes from a folder that no process writes to.
pub fn sweep(folder: &Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let is_partial = entry.file_name().to_string_lossy().starts_with(PARTIAL_PREFIX);
        if is_partial && entry.path().is_file() {
            // What remains only takes space.
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn files_appear_whole_with_the_mode_of_any_other() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let [ours, plain] = ["ours", "plain"].map(|name| folder.path().join(name));
        write(&ours, b"one", Synced::Later)?;
        write(&ours, b"two", Synced::Now)?;
        std::fs::write(&plain, b"two")?;
        assert_eq!(std::fs::read(&ours)?, b"two");
        let mode = |path: &Path| Ok::<_, Error>(std::fs::metadata(path)?.permissions().mode());
        assert_eq!(mode(&ours)?, mode(&plain)?);
        std::fs::write(folder.path().join(".writing-x"), b"half")?;
        sweep(folder.path());
        assert_eq!(std::fs::read_dir(folder.path())?.count(), 2);
        Ok(())
    }
}
