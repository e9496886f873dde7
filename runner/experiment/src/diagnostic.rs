//! What is wrong with a file: a place, a sentence, and what to do about it.
//!
//! Owns the data. The command line decides how a diagnostic looks on a terminal.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::source::SourceText;
use crate::text::{visible, visible_lines};

/// How much a [`Diagnostic`] matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The file cannot be run.
    Error,
    /// The file runs; its author should know.
    Warning,
}

/// One thing that is wrong, with its place in the [`SourceText`](crate::SourceText).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Error or warning.
    pub severity: Severity,
    /// Byte range in the source text.
    pub span: Range<usize>,
    /// The dotted key, empty where there is none (a syntax error, say).
    pub key: String,
    /// One sentence, lower case, no full stop.
    pub message: String,
    /// A few words shown beside the caret; may be empty.
    pub label: String,
    /// What to do: a "did you mean", a list of choices, a command.
    pub help: Option<String>,
    /// Whether it is a TOML syntax error.
    pub syntax: bool,
}

/// The diagnostics of one file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
}

impl Diagnostics {
    /// Adds an error and returns it, so that a label or help can be put on it.
    pub fn error(
        &mut self,
        span: Range<usize>,
        key: impl Into<String>,
        message: impl Into<String>,
    ) -> &mut Diagnostic {
        self.push(Severity::Error, span, key.into(), message.into())
    }

    /// Adds a warning and returns it.
    pub fn warning(
        &mut self,
        span: Range<usize>,
        key: impl Into<String>,
        message: impl Into<String>,
    ) -> &mut Diagnostic {
        self.push(Severity::Warning, span, key.into(), message.into())
    }

    fn push(
        &mut self,
        severity: Severity,
        span: Range<usize>,
        key: String,
        message: String,
    ) -> &mut Diagnostic {
        let index = self.list.len();
        self.list.push(Diagnostic {
            severity,
            span,
            key,
            // Escaped, so that text of the file cannot control the terminal.
            message: visible(&message).into_owned(),
            label: String::new(),
            help: None,
            syntax: false,
        });
        &mut self.list[index]
    }

    /// Adds what was found for every member of a sweep, each problem once; those of some members
    /// alone name the first of them.
    pub(crate) fn merge(&mut self, found: Vec<(String, Self)>) {
        let members = found.len();
        let mut counted: Vec<(Diagnostic, String, usize)> = Vec::new();
        for (member, diagnostics) in found {
            for diagnostic in diagnostics.list {
                match counted.iter_mut().find(|(known, ..)| *known == diagnostic) {
                    Some((.., count)) => *count += 1,
                    None => counted.push((diagnostic, member.clone(), 1)),
                }
            }
        }
        for (mut diagnostic, member, count) in counted {
            if count < members && !self.list.contains(&diagnostic) {
                let of = format!("in {count} of {members} members, such as {member}");
                let of = visible(&of);
                diagnostic.help = Some(match diagnostic.help {
                    Some(help) => format!("{help}\n{of}"),
                    None => of.into_owned(),
                });
            }
            if !self.list.contains(&diagnostic) {
                self.list.push(diagnostic);
            }
        }
    }

    /// How many of them are errors.
    #[must_use]
    pub fn errors(&self) -> usize {
        self.iter().filter(|diagnostic| diagnostic.severity == Severity::Error).count()
    }

    /// Drops what follows from a syntax error: diagnostics on its line, and those without a place.
    /// The parser guesses how to carry on, and its guesses are not the author's mistakes.
    pub(crate) fn drop_guesses(&mut self, source: &SourceText) {
        let starts = source.line_starts();
        let line = |diagnostic: &Diagnostic| {
            starts.partition_point(|start| *start <= diagnostic.span.start)
        };
        let broken: BTreeSet<usize> = self.list.iter().filter(|p| p.syntax).map(line).collect();
        if !broken.is_empty() {
            self.list.retain(|diagnostic| {
                diagnostic.syntax
                    || !(diagnostic.span.is_empty() || broken.contains(&line(diagnostic)))
            });
        }
    }

    /// In the order of the file once [`Diagnostics::sort`] has run.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.list.iter()
    }

    /// Puts the diagnostics into the order of the file, and drops exact repetitions.
    pub fn sort(&mut self) {
        self.list.sort_by(|a, b| {
            (a.span.start, a.severity, a.span.end).cmp(&(b.span.start, b.severity, b.span.end))
        });
        self.list.dedup();
    }
}

impl Diagnostic {
    /// Sets the words beside the caret.
    pub fn label(&mut self, label: impl Into<String>) -> &mut Self {
        self.label = visible(&label.into()).into_owned();
        self
    }

    /// Sets what to do about it.
    pub fn help(&mut self, help: impl Into<String>) -> &mut Self {
        self.help = Some(visible_lines(&help.into()).into_owned());
        self
    }

    /// [`Diagnostic::help`] where there is one.
    pub fn maybe_help(&mut self, help: Option<String>) -> &mut Self {
        if help.is_some() {
            self.help = help;
        }
        self
    }
}
