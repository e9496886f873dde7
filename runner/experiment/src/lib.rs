//! The experiment file: TOML text in, a checked [`Plan`] out.
//!
//! Owns the file format, every default, every cross-check and the wording of diagnostics. Knows the
//! architectures by name and shape, but neither Burn (that is `runner-learn`) nor Polars (that is
//! `runner-results`): tables of labels are read by what the program registers in [`sheet`].
//!
//! Start at [`load`]: it reads and parses, collects every problem, and resolves.

pub mod architecture;
mod diagnostic;
pub mod discover;
pub mod disk;
mod extends;
mod file;
pub mod fingerprint;
pub mod folder;
pub mod listing;
pub mod optimizer;
mod origin;
pub mod plan;
pub mod schema;
pub mod section;
mod set;
pub mod sheet;
mod source;
mod suggest;
pub mod sweep;
pub mod text;
mod tree;
mod validate;
mod value;

use std::path::Path;

use file::ExperimentFile;
use section::FileSection;

pub use diagnostic::{Diagnostic, Diagnostics, Severity};
pub use origin::Origin;
pub use plan::Plan;
pub use set::{Override, OverrideError};
pub use source::{Place, SourceText};
pub use sweep::{Member, Sweep};
pub use validate::Checked;
pub use validate::division::group_of;

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
    /// One plan was asked for.
    #[error(
        "{path} is a sweep of {members} members, and this is about one plan: give the file that it \
         extends, or the plan.toml of one of its runs"
    )]
    Sweep {
        /// The file as it was named.
        path: String,
        /// How many plans it stands for.
        members: usize,
    },
    /// A `--set` that is not `key=value` or points nowhere.
    #[error(transparent)]
    Override(#[from] OverrideError),
}

/// What a file stands for.
#[derive(Debug, Clone)]
pub enum Loaded {
    /// One plan.
    One(Box<Checked>),
    /// Many.
    Sweep(Sweep),
}

/// Reads, parses and checks one experiment file that stands for one plan.
///
/// # Errors
///
/// As [`load_all`]; [`LoadError::Sweep`] where the file stands for many plans.
pub fn load(path: &Path, overrides: &[Override]) -> Result<Checked, LoadError> {
    one(&path.display().to_string(), load_all(path, overrides)?)
}

/// [`load`] for a text that is already in memory; `name` is what messages call it.
///
/// # Errors
///
/// As [`load`], without [`LoadError::Unreadable`].
pub fn load_text(name: &str, text: &str, overrides: &[Override]) -> Result<Checked, LoadError> {
    one(name, load_all_text(name, text, overrides)?)
}

fn one(name: &str, loaded: Loaded) -> Result<Checked, LoadError> {
    match loaded {
        Loaded::One(checked) => Ok(*checked),
        Loaded::Sweep(sweep) => {
            Err(LoadError::Sweep { path: name.to_owned(), members: sweep.members.len() })
        }
    }
}

/// Reads, parses and checks one experiment file with all that it stands for.
///
/// # Errors
///
/// [`LoadError::Unreadable`] where the file cannot be read, [`LoadError::Override`] where a
/// `--set` does not fit, else [`LoadError::Invalid`] with every problem of the file at once.
pub fn load_all(path: &Path, overrides: &[Override]) -> Result<Loaded, LoadError> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path)
        .map_err(|source| LoadError::Unreadable { path: name.clone(), source })?;
    load_all_text(&name, &text, overrides)
}

/// [`load_all`] for a text that is already in memory; `name` is what messages call it.
///
/// # Errors
///
/// As [`load_all`], without [`LoadError::Unreadable`].
pub fn load_all_text(name: &str, text: &str, overrides: &[Override]) -> Result<Loaded, LoadError> {
    let (mut file, mut diagnostics) = ExperimentFile::parse(name, text, overrides)?;
    let section = match file.is_broken {
        // What the file means is not known without what it extends.
        true => FileSection::default(),
        false => file.section(&mut diagnostics),
    };
    let loaded = match &sweep::declared(&section) {
        _ if file.is_broken => None,
        Some(sweep) => sweep::resolve(&mut file, sweep, &mut diagnostics).map(Loaded::Sweep),
        None => validate::validate(&section.root, &file.source, &mut diagnostics).map(|checked| {
            let origins = origin::origins(&checked.plan, &file);
            Loaded::One(Box::new(Checked { origins, ..checked }))
        }),
    };
    diagnostics.drop_guesses(&file.source);
    diagnostics.sort();
    match loaded {
        Some(loaded) if diagnostics.errors() == 0 => Ok(match loaded {
            Loaded::One(checked) => {
                Loaded::One(Box::new(Checked { warnings: diagnostics, ..*checked }))
            }
            Loaded::Sweep(sweep) => Loaded::Sweep(Sweep { warnings: diagnostics, ..sweep }),
        }),
        _ => Err(LoadError::Invalid { path: name.to_owned(), text: file.source, diagnostics }),
    }
}
