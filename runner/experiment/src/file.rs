//! The experiment file as written, with the `--set` overrides laid over it.

use std::fmt;

use crate::diagnostic::Diagnostics;
use crate::section::Root;
use crate::source::SourceText;
use crate::tree::{self, Key, Kind, Node};
use crate::value::FromNode;

/// A file that was read as far as it could be.
#[derive(Debug, Clone)]
pub struct ExperimentFile {
    /// The text that spans point into.
    pub source: SourceText,
    /// The tables as written.
    pub root: Root,
}

impl ExperimentFile {
    /// Parses `text` and lays the overrides over it; what is wrong with the file is in the
    /// diagnostics.
    ///
    /// # Errors
    ///
    /// [`OverrideError`] where a `--set` does not fit.
    pub fn parse(
        name: &str,
        text: &str,
        overrides: &[Override],
    ) -> Result<(Self, Diagnostics), OverrideError> {
        let mut source = SourceText::new(name, text);
        let mut diagnostics = Diagnostics::default();
        let mut tree = tree::parse(&source, &mut diagnostics);
        // Syntax errors are reported first: in a broken tree a `--set` would not find its target.
        let is_valid = diagnostics.errors() == 0;
        for change in overrides.iter().filter(|_| is_valid) {
            change.apply(&mut tree, &mut source)?;
        }
        let root = Root::from_node(&tree, "", &mut diagnostics).unwrap_or_default();
        Ok((Self { source, root }, diagnostics))
    }
}

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
    fn apply(&self, tree: &mut Node, source: &mut SourceText) -> Result<(), OverrideError> {
        let key = self.key();
        let start = source.append(&format!("{key} = {}", self.value));
        let value_start = start + key.len() + 3;
        let node = self.parse_value(value_start);
        let name_start = start + key.len() - self.path.last().map_or(0, String::len);
        let (last, parents) = match self.path.split_last() {
            Some((last, parents)) => (last, parents),
            None => return Err(OverrideError::Form(key)),
        };
        let mut here = tree;
        for part in parents {
            here = step(here, part, start..start + key.len())
                .map_err(|reason| OverrideError::Path { key: key.clone(), reason })?;
        }
        let Kind::Table(entries) = &mut here.kind else {
            let reason = format!("`{last}` would stand inside {}", here.kind.describe());
            return Err(OverrideError::Path { key, reason });
        };
        let new_key = Key { name: last.clone(), span: name_start..start + key.len() };
        match entries.iter_mut().find(|(key, _)| key.name == *last) {
            Some(entry) => *entry = (new_key, node),
            None => entries.push((new_key, node)),
        }
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

/// One step of a dotted key: into a table, which is made where it is missing, or to the entry of
/// an array of tables by its `name` (a stage) or `job`.
fn step<'a>(
    here: &'a mut Node,
    part: &str,
    span: std::ops::Range<usize>,
) -> Result<&'a mut Node, String> {
    let described = here.kind.describe();
    match &mut here.kind {
        Kind::Table(entries) => {
            let index = match entries.iter().position(|(key, _)| key.name == part) {
                Some(index) => index,
                None => {
                    entries.push((
                        Key { name: part.to_owned(), span: span.clone() },
                        Node { span, kind: Kind::Table(Vec::new()) },
                    ));
                    entries.len() - 1
                }
            };
            Ok(&mut entries[index].1)
        }
        Kind::Array(items) => {
            let names: Vec<String> = items.iter().map(entry_name).collect();
            match names.iter().position(|name| name == part) {
                Some(index) => Ok(&mut items[index]),
                None if names.iter().all(String::is_empty) => {
                    Err(format!("there is no entry `{part}`, none has a name"))
                }
                None => Err(format!(
                    "there is no entry `{part}`; {}",
                    crate::suggest::did_you_mean(
                        part,
                        names.iter().map(String::as_str).filter(|name| !name.is_empty())
                    )
                )),
            }
        }
        _ => Err(format!("`{part}` would stand inside {described}")),
    }
}

fn entry_name(item: &Node) -> String {
    let named = item.get("name").or_else(|| item.get("job"));
    match named.map(|(_, node)| &node.kind) {
        Some(Kind::String(name)) => name.clone(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "[experiment]\nname = \"a\"\n[[stage]]\nname = \"head\"\nepochs = 3\n";

    fn parse(set: &str) -> Result<(ExperimentFile, Diagnostics), OverrideError> {
        ExperimentFile::parse("a.toml", TEXT, &[set.parse()?])
    }

    #[test]
    fn sets_a_stage_by_its_name() -> Result<(), OverrideError> {
        let (file, diagnostics) = parse("stage.head.epochs=2")?;
        assert_eq!(diagnostics.errors(), 0);
        let stages = file.root.stage.map(|stages| stages.value).unwrap_or_default();
        assert_eq!(stages[0].epochs.as_ref().map(|e| e.value.0), Some(2));
        Ok(())
    }

    #[test]
    fn a_word_without_quotes_is_a_string_and_missing_tables_appear() -> Result<(), OverrideError> {
        let (file, _) = parse("model.weights=random")?;
        let weights = file.root.model.and_then(|model| model.value.weights);
        assert_eq!(weights.map(|w| w.value), Some("random".to_owned()));
        Ok(())
    }

    #[test]
    fn a_wrong_value_is_shown_in_the_override() -> Result<(), OverrideError> {
        let (file, diagnostics) = parse("stage.head.epochs=0")?;
        let diagnostic =
            diagnostics.iter().next().map(|p| file.source.excerpt(&p.span).0.to_owned());
        assert_eq!(diagnostic, Some("--set".to_owned()));
        Ok(())
    }

    #[test]
    fn an_unknown_stage_is_refused() {
        let refused = parse("stage.haed.epochs=2").map(|_| ());
        assert!(
            matches!(refused, Err(OverrideError::Path { reason, .. }) if reason.contains("`head`"))
        );
    }
}
