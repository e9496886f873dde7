//! What went wrong, in words, and the exit code that goes with it.
//!
//! 1 internal error; 2 the experiment or the command line is wrong; 3 data or weights are
//! unusable; 4 training failed; 130 interrupted.

use runner_experiment::{LoadError, OverrideError};
use runner_learn::{Category, LearnError};
use runner_results::ResultsError;

use crate::diagnostics;

/// An error on its way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The exit code.
    pub code: u8,
    /// What is shown on stderr.
    pub message: String,
}

impl Failure {
    /// 1: a fault of this program or of the machine.
    pub fn internal(message: impl Into<String>) -> Self {
        Self {
            code: 1,
            message: message.into(),
        }
    }

    /// 2: the experiment or the command line.
    pub fn usage(message: impl Into<String>) -> Self {
        Self {
            code: 2,
            message: message.into(),
        }
    }

    /// 3: data or weights.
    pub fn data(message: impl Into<String>) -> Self {
        Self {
            code: 3,
            message: message.into(),
        }
    }
}

impl From<LoadError> for Failure {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::Invalid {
                path,
                text,
                problems,
            } => Self::usage(format!(
                "{}error: {}",
                diagnostics::render(&text, &problems),
                diagnostics::conclusion(&path, &problems)
            )),
            other => Self::usage(format!("error: {other}")),
        }
    }
}

impl From<OverrideError> for Failure {
    fn from(error: OverrideError) -> Self {
        Self::usage(format!("error: {error}"))
    }
}

impl From<LearnError> for Failure {
    fn from(error: LearnError) -> Self {
        let code = match error.category() {
            Category::Internal => 1,
            Category::Experiment => 2,
            Category::Data => 3,
            Category::Training => 4,
            Category::Interrupted => 130,
        };
        Self {
            code,
            message: format!("error: {error}"),
        }
    }
}

impl From<ResultsError> for Failure {
    fn from(error: ResultsError) -> Self {
        let message = format!("error: {error}");
        match error {
            ResultsError::Write { .. } => Self::internal(message),
            ResultsError::Read { .. } | ResultsError::Table { .. } => Self::data(message),
            ResultsError::NoSuchRun { .. }
            | ResultsError::Ambiguous { .. }
            | ResultsError::NoSuchColumn { .. } => Self::usage(message),
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::internal(format!("error: {error}"))
    }
}
