//! `--set key=value`: a dotted key of the file, a stage by its name.

use std::fmt;

use crate::diagnostic::Diagnostics;
use crate::extends::Overwritten;
use crate::source::SourceText;
use crate::tree::{self, Kind, Node};

/// One `--set key=value`: a dotted key, a stage by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    path: Vec<String>,
    value: String,
}

/// A `--set` that does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OverrideError {
    /// There is no `=`, or nothing before it.
    #[error("`--set {0}` is not of the form key=value, such as `--set stage.head.epochs=2`")]
    Form(String),
    /// The key leads through something that is not a table.
    #[error("`--set {key}`: {reason}")]
    Path {
        /// The key as given.
        key: String,
        /// Why it does not fit.
        reason: String,
    },
}

impl std::str::FromStr for Override {
    type Err = OverrideError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (key, value) =
            text.split_once('=').ok_or_else(|| OverrideError::Form(text.to_owned()))?;
        let path: Vec<String> = key.trim().split('.').map(|part| part.trim().to_owned()).collect();
        if path.iter().any(String::is_empty) {
            return Err(OverrideError::Form(text.to_owned()));
        }
        Ok(Self { path, value: value.trim().to_owned() })
    }
}

impl fmt::Display for Override {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.path.join("."), self.value)
    }
}

impl Override {
    /// An override made by the program itself, `--device` for one.
    #[must_use]
    pub fn new(key: &str, value: &str) -> Self {
        Self { path: key.split('.').map(str::to_owned).collect(), value: value.to_owned() }
    }

    fn key(&self) -> String {
        self.path.join(".")
    }

    /// Puts the value into the tree, and its text at the end of the source.
    pub(crate) fn apply(
        &self,
        tree: &mut Node,
        source: &mut SourceText,
        overwritten: &mut Vec<Overwritten>,
    ) -> Result<(), OverrideError> {
        let key = self.key();
        let start = source.append(&format!("{key} = {}", self.value));
        let value_start = start + key.len() + 3;
        let node = self.parse_value(value_start);
        let by = node.span.clone();
        let before = tree::put(tree, &self.path, start..start + key.len(), node)
            .map_err(|reason| OverrideError::Path { key, reason })?;
        overwritten.extend(before.map(|before| Overwritten { by, base: before.span }));
        Ok(())
    }

    /// The value as TOML, or as a plain string where it is not TOML (`--set model.weights=random`).
    fn parse_value(&self, offset: usize) -> Node {
        let mut diagnostics = Diagnostics::default();
        let text = format!("v = {}", self.value);
        let parsed = tree::parse_at(&text, offset.saturating_sub(4), &mut diagnostics);
        match parsed.get("v") {
            Some((_, node)) if diagnostics.errors() == 0 && parsed.entries().len() == 1 => {
                node.clone()
            }
            _ => Node {
                span: offset..offset + self.value.len(),
                kind: Kind::String(self.value.clone()),
            },
        }
    }
}
