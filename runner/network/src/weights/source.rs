//! Which file weights come from.

use std::fmt;
use std::path::{Path, PathBuf};

/// Where weights are: a file, and which of its sets of tensors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The file.
    pub path: PathBuf,
    /// What stands before the names of the tensors that are meant, where the user said so.
    pub part: Option<String>,
    /// Where the base is of a model that was kept without it; see [`super::base`].
    pub base: Option<PathBuf>,
}

impl Source {
    /// `FILE` or `FILE#PART`, where `FILE#` means the tensors without a prefix; a file whose name has
    /// a `#` is that file.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let whole = Path::new(text);
        match text.rsplit_once('#') {
            Some((path, part)) if !whole.is_file() => {
                Self { path: path.into(), part: Some(part.to_owned()), base: None }
            }
            _ => Self { path: whole.to_path_buf(), part: None, base: None },
        }
    }
}

impl From<PathBuf> for Source {
    fn from(path: PathBuf) -> Self {
        Self { path, part: None, base: None }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.part {
            Some(part) => write!(f, "{}#{part}", self.path.display()),
            None => write!(f, "{}", self.path.display()),
        }
    }
}
