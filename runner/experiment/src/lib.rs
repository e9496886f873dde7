//! The experiment file: TOML text in, a checked [`Plan`] out.
//!
//! Owns the file format, every default, every cross-check and the wording of diagnostics. Knows the architectures by name and shape, but neither Burn (that is `runner-learn`) nor
//! Polars (that is `runner-results`).
//!
//! Start at [`load`]: it reads and parses, collects every problem, and resolves.

pub mod architecture;
mod diagnostic;
pub mod discover;
pub mod disk;
mod file;
pub mod fingerprint;
pub mod folder;
pub mod optimizer;
pub mod plan;
pub mod schema;
pub mod section;
mod source;
mod suggest;
pub mod text;
mod tree;
mod validate;
mod value;

use std::path::Path;

use file::ExperimentFile;

pub use diagnostic::{Diagnostic, Diagnostics, Severity};
pub use file::{Override, OverrideError};
pub use plan::Plan;
pub use source::SourceText;
pub use validate::Checked;

/// What stopped an experiment from becoming a plan.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file itself could not be read.
    #[error("cannot read the experiment file {path}: {source}")]
    Unreadable {
        /// The file as it was named.
        path: String,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The file was read; what is wrong with it is in the diagnostics, with their places.
    #[error("{path}: {} problem(s)", diagnostics.errors())]
    Invalid {
        /// The file as it was named.
        path: String,
        /// The text that the spans of the diagnostics point into.
        text: SourceText,
        /// Everything that is wrong, in the order of the file.
        diagnostics: Diagnostics,
    },
    /// A `--set` that is not `key=value` or points nowhere.
    #[error(transparent)]
    Override(#[from] OverrideError),
}

/// Reads, parses and checks one experiment file.
///
/// # Errors
///
/// [`LoadError::Unreadable`] where the file cannot be read, [`LoadError::Override`] where a
/// `--set` does not fit, else [`LoadError::Invalid`] with every problem of the file at once.
pub fn load(path: &Path, overrides: &[Override]) -> Result<Checked, LoadError> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path)
        .map_err(|source| LoadError::Unreadable { path: name.clone(), source })?;
    load_text(&name, &text, overrides)
}

/// [`load`] for a text that is already in memory; `name` is what messages call it.
///
/// # Errors
///
/// As [`load`], without [`LoadError::Unreadable`].
pub fn load_text(name: &str, text: &str, overrides: &[Override]) -> Result<Checked, LoadError> {
    let (file, mut diagnostics) = ExperimentFile::parse(name, text, overrides)?;
    let checked = validate::validate(&file, &mut diagnostics);
    diagnostics.drop_guesses(&file.source);
    diagnostics.sort();
    match checked {
        Some(checked) if diagnostics.errors() == 0 => {
            Ok(Checked { warnings: diagnostics, ..checked })
        }
        _ => Err(LoadError::Invalid { path: name.to_owned(), text: file.source, diagnostics }),
    }
}
