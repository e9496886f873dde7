//! What went wrong, in words, and the exit code that goes with it.
//!
//! 1 internal error; 2 the experiment or the command line is wrong; 3 data or weights are
//! unusable; 4 training failed; 130 interrupted.

use std::sync::Mutex;

use runner_data::DataError;
use runner_experiment::text::visible_lines;
use runner_experiment::{LoadError, OverrideError};
use runner_explain::ExplainError;
use runner_learn::{Category, LearnError};
use runner_network::NetworkError;
use runner_results::ResultsError;

use crate::diagnostics;

/// An error on its way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The exit code.
    pub code: u8,
    /// What is shown on stderr; fit for a terminal.
    message: String,
}

impl Failure {
    fn new(code: u8, message: &str) -> Self {
        Self { code, message: visible_lines(message).into_owned() }
    }

    /// What is shown on stderr.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The same with another line behind it.
    pub fn with_line(mut self, line: &str) -> Self {
        self.message += &format!("\n{}", visible_lines(line));
        self
    }

    /// Several as one, with the highest of their codes.
    pub fn joined(failures: Vec<Self>) -> Self {
        let code = failures.iter().map(|failure| failure.code).max().unwrap_or(1);
        let messages: Vec<String> = failures.into_iter().map(|failure| failure.message).collect();
        Self { code, message: messages.join("\n\n") }
    }

    /// 1: a fault of this program or of the machine.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(1, &message.into())
    }

    /// 2: the experiment or the command line.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(2, &message.into())
    }

    /// 3: data or weights.
    pub fn data(message: impl Into<String>) -> Self {
        Self::new(3, &message.into())
    }
}

static LAST_PANIC: Mutex<Option<String>> = Mutex::new(None);

/// Keeps what a panic says instead of printing it: no panic reaches a user.
pub fn catch_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or(String::new(), |at| format!(" ({at})"));
        let said = panic.payload_as_str().unwrap_or("no reason given");
        if let Ok(mut last) = LAST_PANIC.lock() {
            // Panics over damaged files are caught where they are read; the last one counts.
            *last = Some(format!("{said}{place}"));
        }
    }));
}

/// Runs `work`; a panic becomes an internal error.
///
/// # Errors
///
/// That of `work`, or code 1 after a panic.
pub fn guarded(work: impl FnOnce() -> Result<(), Failure>) -> Result<(), Failure> {
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
    caught.unwrap_or_else(|_| {
        let said = LAST_PANIC.lock().ok().and_then(|mut last| last.take());
        let said = said.unwrap_or_else(|| "something panicked".to_owned());
        Err(Failure::internal(format!(
            "error: internal error: {said}\nthis is a fault of the program, please report it"
        )))
    })
}

impl From<LoadError> for Failure {
    fn from(error: LoadError) -> Self {
        match error {
            // Colours are wanted here; what is foreign was escaped before.
            LoadError::Invalid { path, text, diagnostics: found } => Self {
                code: 2,
                message: format!(
                    "{}error: {}",
                    diagnostics::render(&text, &found),
                    diagnostics::conclusion(&path, &found)
                ),
            },
            other => Self::usage(format!("error: {other}")),
        }
    }
}

impl From<OverrideError> for Failure {
    fn from(error: OverrideError) -> Self {
        Self::usage(format!("error: {error}"))
    }
}

impl From<ExplainError> for Failure {
    fn from(error: ExplainError) -> Self {
        let code = match error.category() {
            Category::Internal => 1,
            Category::Experiment => 2,
            Category::Data => 3,
            Category::Training => 4,
            Category::Interrupted => 130,
        };
        Self::new(code, &format!("error: {error}"))
    }
}

impl From<LearnError> for Failure {
    fn from(error: LearnError) -> Self {
        ExplainError::from(error).into()
    }
}

impl From<NetworkError> for Failure {
    fn from(error: NetworkError) -> Self {
        LearnError::from(error).into()
    }
}

impl From<DataError> for Failure {
    fn from(error: DataError) -> Self {
        LearnError::from(error).into()
    }
}

impl From<ResultsError> for Failure {
    fn from(error: ResultsError) -> Self {
        let message = format!("error: {error}");
        match error {
            ResultsError::Write { .. }
            | ResultsError::Vanished { .. }
            | ResultsError::Picture(_) => Self::internal(message),
            ResultsError::Read { .. } | ResultsError::Table { .. } => Self::data(message),
            ResultsError::Busy { .. }
            | ResultsError::Finished { .. }
            | ResultsError::NoSuchRun { .. }
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
