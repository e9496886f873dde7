//! What went wrong, in words, and the exit code that goes with it.
//!
//! 1 internal error; 2 the experiment or the command line is wrong; 3 data or weights are
//! unusable; 4 training failed, for lack of memory on the device too; 130 interrupted.

use std::error::Error;
use std::sync::Mutex;

use runner_data::DataError;
use runner_experiment::text::visible_lines;
use runner_experiment::{LoadError, OverrideError};
use runner_explain::ExplainError;
use runner_learn::{Category, LearnError};
use runner_network::NetworkError;
use runner_network::device::memory::{self, OutOfMemory};
use runner_results::ResultsError;

use crate::{diagnostics, out_of_memory, terminal};

/// An error on its way out, or several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The exit code.
    pub code: u8,
    /// Where the memory of a device was full.
    pub out_of_memory: Option<OutOfMemory>,
    parts: Vec<Part>,
}

/// One error, fit for a terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Part {
    /// What stands above it: places in the file with carets.
    above: String,
    message: String,
}

impl Failure {
    fn new(code: u8, message: &str) -> Self {
        let message = visible_lines(message).into_owned();
        Self { code, out_of_memory: None, parts: vec![Part { above: String::new(), message }] }
    }

    /// An error with everything that caused it.
    pub fn of(code: u8, error: &dyn Error) -> Self {
        Self::new(code, &chain(error))
    }

    /// What is shown on stderr. The one place where the word `error` is written.
    pub fn shown(&self) -> String {
        let word = if terminal::colours_on_stderr() { "\x1b[1;31merror\x1b[0m" } else { "error" };
        let part = |part: &Part| format!("{}{word}: {}", part.above, part.message);
        self.parts.iter().map(part).collect::<Vec<_>>().join("\n\n")
    }

    /// The same as one text without places, for tables.
    pub fn message(&self) -> String {
        let messages: Vec<&str> = self.parts.iter().map(|part| part.message.as_str()).collect();
        messages.join("\n\n")
    }

    /// The same with another line behind it.
    pub fn with_line(mut self, line: &str) -> Self {
        if let Some(last) = self.parts.last_mut() {
            last.message += &format!("\n{}", visible_lines(line));
        }
        self
    }

    /// Several as one, with the highest of their codes.
    pub fn joined(failures: Vec<Self>) -> Self {
        let code = failures.iter().map(|failure| failure.code).max().unwrap_or(1);
        let parts = failures.into_iter().flat_map(|failure| failure.parts).collect();
        Self { code, out_of_memory: None, parts }
    }

    /// 1: a fault of this program or of the machine.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(1, &message.into())
    }

    /// 2: the experiment or the command line.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(2, &message.into())
    }

    /// 4: training, of a member of a sweep.
    pub fn training(message: impl Into<String>) -> Self {
        Self::new(4, &message.into())
    }

    /// 4: the memory of a device is full, in these words.
    pub fn full(full: OutOfMemory, message: &str) -> Self {
        Self { out_of_memory: Some(full), ..Self::new(4, message) }
    }

    /// 3: data or weights.
    pub fn data(message: impl Into<String>) -> Self {
        Self::new(3, &message.into())
    }
}

/// What an error says, and behind it what its causes say that it does not.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.contains(&said) {
            text += &format!(": {said}");
        }
        cause = error.source();
    }
    text
}

static LAST_PANIC: Mutex<Option<String>> = Mutex::new(None);

/// Keeps what a panic says instead of printing it: no panic reaches a user.
pub fn catch_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or(String::new(), |at| format!(" ({at})"));
        let said = panic.payload_as_str().unwrap_or("no reason given");
        out_of_memory::look_at_panic(said);
        if let Ok(mut last) = LAST_PANIC.lock() {
            // Panics over damaged files are caught where they are read; the last one counts.
            *last = Some(format!("{said}{place}"));
        }
    }));
}

/// Runs `work`; a panic becomes an internal error, unless it says that a device's memory is full.
///
/// # Errors
///
/// That of `work`, or code 1 after a panic, or code 4 where memory was short.
pub fn guarded(work: impl FnOnce() -> Result<(), Failure>) -> Result<(), Failure> {
    out_of_memory::take_panicked();
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
    let full = out_of_memory::take_panicked().or_else(|| said_full(&caught));
    // What another thread panicked over comes to this one as something else.
    let is_broken =
        caught.as_ref().map_or(true, |done| matches!(done, Err(error) if error.code == 1));
    if let Some(full) = full.filter(|_| is_broken) {
        return Err(Failure::full(full, &NetworkError::OutOfMemory(full).to_string()));
    }
    caught.unwrap_or_else(|_| {
        let said = LAST_PANIC.lock().ok().and_then(|mut last| last.take());
        let said = said.unwrap_or_else(|| "something panicked".to_owned());
        Err(Failure::internal(format!(
            "internal error: {said}\nthis is a fault of the program, please report it"
        )))
    })
}

/// What the payload of a panic says of memory.
fn said_full(caught: &std::thread::Result<Result<(), Failure>>) -> Option<OutOfMemory> {
    let payload = caught.as_ref().err()?;
    let text = payload.downcast_ref::<String>().map(String::as_str);
    memory::out_of_memory(text.or_else(|| payload.downcast_ref::<&str>().copied())?)
}

impl From<LoadError> for Failure {
    fn from(error: LoadError) -> Self {
        match error {
            // Colours are wanted here; what is foreign was escaped before.
            LoadError::Invalid { path, text, diagnostics: found } => Self {
                code: 2,
                out_of_memory: None,
                parts: vec![Part {
                    above: diagnostics::render(&text, &found),
                    message: diagnostics::conclusion(&path, &found),
                }],
            },
            other => Self::of(2, &other),
        }
    }
}

impl From<OverrideError> for Failure {
    fn from(error: OverrideError) -> Self {
        Self::of(2, &error)
    }
}

impl From<ExplainError> for Failure {
    fn from(error: ExplainError) -> Self {
        if let ExplainError::Learn(LearnError::Network(NetworkError::OutOfMemory(full))) = &error {
            let full = *full;
            return Self::full(full, &error.to_string());
        }
        let code = match error.category() {
            Category::Internal => 1,
            Category::Experiment => 2,
            Category::Data => 3,
            Category::Training => 4,
            Category::Interrupted => 130,
        };
        Self::of(code, &error)
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
        let code = match error {
            ResultsError::Write { .. }
            | ResultsError::Vanished { .. }
            | ResultsError::Picture(_)
            | ResultsError::Report(_) => 1,
            ResultsError::Read { .. } | ResultsError::Table { .. } => 3,
            ResultsError::Busy { .. }
            | ResultsError::Finished { .. }
            | ResultsError::NoSuchRun { .. }
            | ResultsError::Ambiguous { .. }
            | ResultsError::NoSuchColumn { .. }
            | ResultsError::Diff(_)
            | ResultsError::Filter { .. }
            | ResultsError::NotRemovable { .. } => 2,
        };
        Self::of(code, &error)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::of(1, &error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot write a.parquet")]
    struct Outer(#[source] Inner);

    #[derive(Debug, thiserror::Error)]
    #[error("the disk is full")]
    struct Inner;

    #[test]
    fn causes_are_said_once() {
        assert_eq!(chain(&Outer(Inner)), "cannot write a.parquet: the disk is full");
        assert_eq!(chain(&Inner), "the disk is full");
        let said = Failure::of(1, &Outer(Inner)).with_line("what is there stays");
        let both = Failure::joined(vec![said, Failure::data("no weights")]);
        assert_eq!(both.code, 3);
        let expected = "error: cannot write a.parquet: the disk is full\nwhat is there stays\n\n\
                        error: no weights";
        assert_eq!(both.shown(), expected);
    }
}
