//! A split on disk: one folder per class, images anywhere below it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use unicode_normalization::{UnicodeNormalization, is_nfc, is_nfd};
use walkdir::WalkDir;

use crate::listing::{Listed, Split, Target};
use crate::text::shown;

/// Names that operating systems leave behind; never images.
const CLUTTER: [&str; 3] = ["Thumbs.db", "desktop.ini", "Icon\r"];

/// A folder that could not be listed.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// The operating system refused, or links run in a circle.
    #[error("cannot list {path}: {source}")]
    Unreadable {
        /// The folder or file at fault.
        path: String,
        /// What is wrong with it.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Names that are not UTF-8: no table could hold them, and messages could not tell them apart.
    #[error("{} not UTF-8, which tables and messages need: {}", are(paths.len()), some(paths))]
    NotText {
        /// Every one of them, escaped.
        paths: Vec<String>,
    },
    /// Two classes that look the same.
    #[error(
        "the class folders `{}` and `{}` of {folder} differ in Unicode normalization only ({} and {}): \
         they look the same",
        names[0], names[1], form(&names[0]), form(&names[1])
    )]
    LookTheSame {
        /// Where both are.
        folder: String,
        /// Their names.
        names: [String; 2],
    },
}

fn are(count: usize) -> String {
    match count {
        1 => "the name of a file or folder is".to_owned(),
        count => format!("the names of {count} files and folders are"),
    }
}

/// How many names are listed.
const LISTED: usize = 10;

fn some(paths: &[String]) -> String {
    let listed = paths.iter().take(LISTED).cloned().collect::<Vec<_>>().join(", ");
    if paths.len() > LISTED { listed + ", …" } else { listed }
}

/// A name in Unicode's composed form, in which two that look the same are the same.
#[must_use]
pub fn composed(name: &str) -> String {
    name.nfc().collect()
}

/// How a name is spelt: with composed or with decomposed letters.
#[must_use]
pub fn form(name: &str) -> &'static str {
    match (is_nfc(name), is_nfd(name)) {
        (true, false) => "NFC",
        (false, true) => "NFD",
        _ => "neither NFC nor NFD",
    }
}

/// Lists the classes of `folder`; symbolic links are followed, and a broken one counts as a file
/// that cannot be read.
///
/// # Errors
///
/// [`ListError`] where a folder cannot be read or links run in a circle, where a name is not UTF-8,
/// and where two classes look the same.
pub fn list(name: &'static str, folder: &str) -> Result<Split, ListError> {
    let mut split = Split { name, folder: folder.to_owned(), ..Split::default() };
    let mut not_text = Vec::new();
    for entry in walk(Path::new(folder), 1) {
        let entry = match entry {
            Ok(entry) => entry,
            // Only class folders matter here.
            Err(error) if is_broken_link(&error) => continue,
            Err(error) => return Err(list_error(folder, error)),
        };
        if !entry.file_type().is_dir() {
            continue;
        }
        let files = all_files(entry.path())?;
        // The name of the folder is reported once, not again for each of its files.
        let Some(class) = entry.file_name().to_str() else {
            not_text.push(shown(entry.path()));
            continue;
        };
        not_text.extend(files.iter().filter(|path| path.to_str().is_none()).map(|p| shown(p)));
        let target = Target::Class(split.classes.len());
        split.classes.push(class.to_owned());
        split.images.extend(files.into_iter().map(|path| Listed::new(path, target.clone())));
    }
    if !not_text.is_empty() {
        return Err(ListError::NotText { paths: not_text });
    }
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    for class in &split.classes {
        if let Some(other) = seen.insert(composed(class), class) {
            let names = [other.to_owned(), class.clone()];
            return Err(ListError::LookTheSame { folder: folder.to_owned(), names });
        }
    }
    Ok(split)
}

/// Every file below a folder, sorted by path, clutter and hidden files aside. Broken links are among
/// them.
///
/// # Errors
///
/// [`ListError`] where a folder cannot be read or links run in a circle, and where a name is not
/// UTF-8.
pub fn files(folder: &Path) -> Result<Vec<PathBuf>, ListError> {
    let files = all_files(folder)?;
    let odd = files.iter().filter(|path| path.to_str().is_none());
    let paths: Vec<String> = odd.map(|path| shown(path)).collect();
    if paths.is_empty() { Ok(files) } else { Err(ListError::NotText { paths }) }
}

fn all_files(folder: &Path) -> Result<Vec<PathBuf>, ListError> {
    let mut files = Vec::new();
    for entry in walk(folder, usize::MAX) {
        match entry {
            Ok(entry) if entry.file_type().is_file() => files.push(entry.into_path()),
            Ok(_) => {}
            Err(error) => match error.path() {
                Some(link) if is_broken_link(&error) && !is_clutter(link) => {
                    files.push(link.to_path_buf());
                }
                Some(_) if is_broken_link(&error) => {}
                _ => return Err(list_error(&shown(folder), error)),
            },
        }
    }
    files.sort();
    Ok(files)
}

fn is_broken_link(error: &walkdir::Error) -> bool {
    // A link to nothing, or to itself.
    let broken = |path: &Path| path.is_symlink() && std::fs::metadata(path).is_err();
    error.io_error().is_some() && error.path().is_some_and(broken)
}

fn is_clutter(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with('.') || CLUTTER.contains(&name.as_ref())
}

/// Everything below `folder`, sorted, without hidden entries and clutter.
fn walk(folder: &Path, depth: usize) -> impl Iterator<Item = walkdir::Result<walkdir::DirEntry>> {
    WalkDir::new(folder)
        .follow_links(true)
        .min_depth(1)
        .max_depth(depth)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(|entry| entry.depth() == 0 || !is_clutter(entry.path()))
}

fn list_error(folder: &str, error: walkdir::Error) -> ListError {
    let path = error.path().map_or(folder.to_owned(), shown);
    let is_broken = is_broken_link(&error);
    let source = match error.into_io_error() {
        _ if is_broken => "it is a link that leads nowhere".into(),
        Some(error) => error.into(),
        None => "symbolic links run in a circle".into(),
    };
    ListError::Unreadable { path, source }
}

/// The command that fetches or generates a folder of images that the shipped experiments use.
#[must_use]
pub fn fetch_command(folder: &str) -> Option<&'static str> {
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
    fn a_broken_link_is_a_file_that_cannot_be_read() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        std::fs::create_dir_all(folder.path().join("cats"))?;
        std::fs::write(folder.path().join("cats/b.jpg"), "x")?;
        std::os::unix::fs::symlink("nowhere", folder.path().join("cats/a.jpg"))?;
        std::os::unix::fs::symlink("nowhere", folder.path().join("cats/.c.jpg"))?;
        let split = list("train", &folder.path().display().to_string())?;
        let names: Vec<_> = split.images.iter().map(|image| image.path.file_name()).collect();
        assert_eq!(names, [Some("a.jpg".as_ref()), Some("b.jpg".as_ref())]);
        Ok(())
    }

    #[test]
    fn names_that_no_table_could_tell_apart_are_refused() -> Result<(), Box<dyn std::error::Error>>
    {
        use std::os::unix::ffi::OsStrExt;
        let folder = tempfile::tempdir()?;
        for name in [&b"caf\xe9"[..], b"caf\xe8"] {
            let class = folder.path().join(std::ffi::OsStr::from_bytes(name));
            std::fs::create_dir_all(&class)?;
            std::fs::write(class.join("a.jpg"), "x")?;
        }
        let error = list("train", &folder.path().display().to_string()).map_err(|e| e.to_string());
        let error = error.err().unwrap_or_default();
        assert!(error.contains(r"caf\xe8, ") && error.contains(r"caf\xe9"), "{error}");
        let same = tempfile::tempdir()?;
        std::fs::create_dir_all(same.path().join("caf\u{e9}"))?;
        std::fs::create_dir_all(same.path().join("cafe\u{301}"))?;
        let error = list("train", &same.path().display().to_string()).map_err(|e| e.to_string());
        assert!(error.err().unwrap_or_default().contains("normalization only (NFD and NFC)"));
        Ok(())
    }

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
        assert_eq!(split.classes, ["cats", "dogs"]);
        assert_eq!(split.counts()[0], 1);
        assert_eq!(split.images.len(), 3);
        Ok(())
    }
}
