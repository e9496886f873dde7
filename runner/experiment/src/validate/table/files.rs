//! From names in a table to files; where there is none, what may have been meant.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// The files of one table.
pub(super) struct Files<'a> {
    /// What names start from.
    folder: &'a str,
    /// Names in folders that were looked through for what may have been meant.
    listed: HashMap<PathBuf, Vec<String>>,
}

impl<'a> Files<'a> {
    pub(super) fn new(folder: &'a str) -> Self {
        Self { folder, listed: HashMap::new() }
    }

    /// The file of that name; a table that was written on Windows may have `\` for `/`. Else what is said
    /// of it, with a similar name if `suggest`, which looks through its folder.
    pub(super) fn find(&mut self, name: &str, suggest: bool) -> Result<PathBuf, String> {
        let path = self.path(name);
        if path.is_file() {
            return Ok(path);
        }
        let slashes = self.path(&name.replace('\\', "/"));
        if slashes.is_file() {
            return Ok(slashes);
        }
        let what = if path.exists() { " is not a file" } else { "" };
        let similar = if suggest { self.similar(&slashes) } else { None };
        let similar = similar.map_or(String::new(), |name| format!("; there is `{name}`"));
        Err(format!("`{}`{what}{similar}", path.display()))
    }

    fn path(&self, name: &str) -> PathBuf {
        match self.folder {
            "." => PathBuf::from(name),
            folder => Path::new(folder).join(name),
        }
    }

    /// A file beside it whose name differs in case alone, or in what it ends in.
    fn similar(&mut self, path: &Path) -> Option<String> {
        let wanted = path.file_name()?.to_str()?.to_lowercase();
        let folder = path.parent()?.to_path_buf();
        let names = self.listed.entry(folder).or_insert_with_key(|folder| names(folder));
        let stem =
            |name: &str| name.rsplit_once('.').map_or(name.to_owned(), |(s, _)| s.to_owned());
        let same = names.iter().find(|name| name.to_lowercase() == wanted);
        let same_stem = || {
            names.iter().find(|name| {
                let name = stem(&name.to_lowercase());
                name == wanted || name == stem(&wanted)
            })
        };
        same.or_else(same_stem).cloned()
    }
}

fn names(folder: &Path) -> Vec<String> {
    // A folder of the working directory's has no name.
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let files = entries.filter(|entry| entry.path().is_file());
    let mut names: Vec<String> =
        files.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names
}
