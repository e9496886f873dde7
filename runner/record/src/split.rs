//! Which image is in which split.

use std::path::PathBuf;

/// Where one image of a folder went that was divided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SplitRecord {
    /// The file.
    pub path: PathBuf,
    /// The class it belongs to.
    pub label: String,
    /// train, validation or test.
    pub split: String,
    /// The fold it is in, from 1; `None` where there are no folds.
    pub fold: Option<usize>,
    /// What it stays together with.
    pub group: Option<String>,
    /// BLAKE3 of its bytes: 64 hexadecimal digits.
    pub image_hash: String,
}
