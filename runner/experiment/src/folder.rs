//! A split on disk: one folder per class, images anywhere below it.

use std::path::{Path, PathBuf};

use walkdir::WalkDir;

/// Names that operating systems leave behind; never images.
const CLUTTER: [&str; 3] = ["Thumbs.db", "desktop.ini", "Icon\r"];

/// One class of a split.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassFolder {
    /// The name of the folder, which is the name of the class.
    pub name: String,
    /// Every file below it, sorted by path, clutter and hidden files aside.
    pub files: Vec<PathBuf>,
}

/// A split: train, validation or test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// `train`, `validation` or `test`.
    pub name: &'static str,
    /// The folder as the experiment names it.
    pub folder: String,
    /// Sorted by name.
    pub classes: Vec<ClassFolder>,
}

impl Split {
    /// How many files there are.
    #[must_use]
    pub fn images(&self) -> usize {
        self.classes.iter().map(|class| class.files.len()).sum()
    }

    /// The names of the classes, sorted.
    #[must_use]
    pub fn class_names(&self) -> Vec<String> {
        self.classes.iter().map(|class| class.name.clone()).collect()
    }
}

/// A folder that could not be listed.
#[derive(Debug, thiserror::Error)]
#[error("cannot list {path}: {reason}")]
pub struct ListError {
    /// The folder or file at fault.
    pub path: String,
    /// What the operating system said.
    pub reason: String,
}

/// Lists the classes of `folder`; symbolic links are followed.
///
/// # Errors
///
/// [`ListError`] where a folder cannot be read or links run in a circle.
pub fn list(name: &'static str, folder: &str) -> Result<Split, ListError> {
    let mut classes: Vec<ClassFolder> = Vec::new();
    for entry in walk(Path::new(folder), 1) {
        let entry = entry.map_err(|error| list_error(folder, &error))?;
        if entry.file_type().is_dir() {
            classes.push(ClassFolder {
                name: entry.file_name().to_string_lossy().into_owned(),
                files: files(entry.path())?,
            });
        }
    }
    Ok(Split { name, folder: folder.to_owned(), classes })
}

/// Every file below a folder, sorted by path, clutter and hidden files aside.
///
/// # Errors
///
/// [`ListError`] where a folder cannot be read or links run in a circle.
pub fn files(class: &Path) -> Result<Vec<PathBuf>, ListError> {
    let mut files = Vec::new();
    for entry in walk(class, usize::MAX) {
        let entry = entry.map_err(|error| list_error(&class.display().to_string(), &error))?;
        if entry.file_type().is_file() {
            files.push(entry.into_path());
        }
    }
    Ok(files)
}

/// Everything below `folder`, sorted, without hidden entries and clutter.
fn walk(folder: &Path, depth: usize) -> impl Iterator<Item = walkdir::Result<walkdir::DirEntry>> {
    WalkDir::new(folder)
        .follow_links(true)
        .min_depth(1)
        .max_depth(depth)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(|entry| {
            let name = entry.file_name().to_string_lossy();
            entry.depth() == 0 || !(name.starts_with('.') || CLUTTER.contains(&name.as_ref()))
        })
}

fn list_error(folder: &str, error: &walkdir::Error) -> ListError {
    ListError {
        path: error.path().map_or(folder.to_owned(), |path| path.display().to_string()),
        reason: error
            .io_error()
            .map_or_else(|| "symbolic links run in a circle".to_owned(), ToString::to_string),
    }
}

/// The command that brings a folder that the shipped experiments use, if it is one of those.
#[must_use]
pub fn command_that_brings(folder: &str) -> Option<&'static str> {
    let folder = folder.trim_start_matches("./");
    [
        ("data/cats_and_dogs_small", "runner dataset fetch cats_and_dogs_filtered"),
        ("data/shapes", "runner dataset generate shapes"),
    ]
    .into_iter()
    .find(|(prefix, _)| Path::new(folder).starts_with(prefix))
    .map(|(_, command)| command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_classes_sorted_and_skips_clutter() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        for file in [
            "dogs/b.jpg",
            "dogs/deep/a.jpg",
            "cats/.DS_Store",
            "cats/Thumbs.db",
            "cats/z.png",
            "stray.txt",
        ] {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().ok_or("no parent")?)?;
            std::fs::write(path, "x")?;
        }
        let split = list("train", &folder.path().display().to_string())?;
        assert_eq!(split.class_names(), ["cats", "dogs"]);
        assert_eq!(split.classes[0].files.len(), 1);
        assert_eq!(split.images(), 3);
        Ok(())
    }
}
