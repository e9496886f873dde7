//! Events in, files out: Parquet tables, pictures, comparisons.
//!
//! Owns what a run leaves behind and how runs are read back. Knows no tensor and no network: it
//! takes the events of `runner-record`, and the command line connects the two.

pub mod atomic;
pub mod compare;
pub mod diff;
pub mod drawer;
pub mod export;
pub mod history;
pub mod labels;
pub mod live;
pub mod load;
pub mod lock;
mod metrics;
pub mod out_of_fold;
mod parameter;
pub mod picture;
pub mod remove;
pub mod report;
mod run_dir;
pub mod scores;
pub mod sheet;
pub mod significance;
pub mod splits;
mod statistics;
pub mod submission;
mod suggest;
pub mod suspects;
pub mod sweep;
pub mod tables;
pub mod visuals;
pub mod writer;

use std::error::Error;
use std::path::PathBuf;

/// Why a result could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum ResultsError {
    /// The operating system refused.
    #[error("cannot write {path}: {source}")]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What it said.
        source: std::io::Error,
    },
    /// The operating system refused.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What it said.
        source: std::io::Error,
    },
    /// Another process is working on the run.
    #[error("run {run} is still running; it can be resumed once its process has ended")]
    Busy {
        /// Its id.
        run: String,
    },
    /// Another process finished the run before this one could resume it.
    #[error("run {run} has just been finished by another process; there is nothing left to resume")]
    Finished {
        /// Its id.
        run: String,
    },
    /// The folder of a run was removed while the run was being written.
    #[error("the folder {path} was removed during the run: what the run had written is gone")]
    Vanished {
        /// The folder.
        path: PathBuf,
    },
    /// The table is damaged, or cannot be encoded.
    #[error("the table {path} cannot be used: {source}")]
    Table {
        /// The file.
        path: PathBuf,
        /// What Polars said.
        source: Box<dyn Error + Send + Sync>,
    },
    /// A picture cannot be encoded.
    #[error("cannot make a picture: {0}")]
    Picture(#[source] Box<dyn Error + Send + Sync>),
    /// The template of a report and what it is filled with do not fit.
    #[error("cannot make a report: {0}")]
    Report(#[source] Box<dyn Error + Send + Sync>),
    /// No run is called that.
    #[error("there is no run, experiment or tag `{name}` in {}{}", results.display(), hint(close))]
    NoSuchRun {
        /// What was asked for.
        name: String,
        /// Where it was looked for.
        results: PathBuf,
        /// A run or experiment of a similar name.
        close: Option<String>,
    },
    /// Several runs match the name.
    #[error("`{name}` could be any of {}", some(matches))]
    Ambiguous {
        /// What was asked for.
        name: String,
        /// The runs that fit.
        matches: Vec<String>,
    },
    /// There is no such column.
    #[error("there is no column `{name}`; {}", columns_hint(close, columns))]
    NoSuchColumn {
        /// What was asked for.
        name: String,
        /// What there is.
        columns: Vec<String>,
        /// A column of a similar name.
        close: Option<String>,
    },
    /// A filter that says nothing.
    #[error("the filter cannot be understood: {message}\n  {}\n  {}^", flat(text), " ".repeat(*place))]
    Filter {
        /// The filter.
        text: String,
        /// Characters before the place at fault.
        place: usize,
        /// What is wrong there.
        message: String,
    },
    /// A run that must stay where it is.
    #[error("run {run} cannot be removed: {reason}")]
    NotRemovable {
        /// Its id.
        run: String,
        /// Why.
        reason: String,
    },
    /// Two sides cannot be compared.
    #[error("{0}")]
    Diff(Box<diff::error::DiffError>),
}

impl From<diff::error::DiffError> for ResultsError {
    fn from(error: diff::error::DiffError) -> Self {
        Self::Diff(Box::new(error))
    }
}

/// The first ten.
fn some(names: &[String]) -> String {
    match names.len().saturating_sub(10) {
        0 => names.join(", "),
        left => format!("{} and {left} more", names[..10].join(", ")),
    }
}

/// Text on one line, character by character.
fn flat(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn columns_hint(close: &Option<String>, columns: &[String]) -> String {
    match close {
        Some(close) => format!("did you mean `{close}`?"),
        None => format!("the columns are {}", columns.join(", ")),
    }
}

fn hint(close: &Option<String>) -> String {
    match close {
        Some(close) => format!("; did you mean `{close}`?"),
        None => "; `runner list` shows what is there".to_owned(),
    }
}
