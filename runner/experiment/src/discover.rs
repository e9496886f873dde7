//! Finds experiment files below a folder.

use std::path::{Path, PathBuf};

use walkdir::WalkDir;

/// Every `.toml` below `folder`, sorted by path; unreadable folders are passed over.
#[must_use]
pub fn experiments(folder: &Path) -> Vec<PathBuf> {
    WalkDir::new(folder)
        .follow_links(true)
        .sort_by_file_name()
        .into_iter()
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_file())
        .map(walkdir::DirEntry::into_path)
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect()
}
