//! The experiment file as written: what it extends below it, the `--set` overrides over it.

use crate::diagnostic::Diagnostics;
use crate::extends::{Chain, Overwritten};
use crate::section::{FileSection, Root};
use crate::set::{Override, OverrideError};
use crate::source::SourceText;
use crate::tree::{self, Node};
use crate::value::FromNode;

/// A file that was read as far as it could be.
#[derive(Debug, Clone)]
pub struct ExperimentFile {
    /// The text that spans point into.
    pub source: SourceText,
    /// Everything that it says.
    pub tree: Node,
    /// What values took the place of: of a file that is extended, or of the file itself.
    pub overwritten: Vec<Overwritten>,
    /// Whether a file that it extends could not be had.
    pub is_broken: bool,
}

impl ExperimentFile {
    /// Parses `text`, lays it over what it extends, and the overrides over both; what is wrong with
    /// the files is in the diagnostics.
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
        let tree = tree::parse(&source, &mut diagnostics);
        let mut chain = Chain::new(&mut source, &mut diagnostics);
        let mut tree = chain.resolve(name, tree);
        let (mut overwritten, is_broken) = (chain.overwritten, chain.broken);
        // Syntax errors are reported first: in a broken tree a `--set` would not find its target.
        let is_valid = diagnostics.errors() == 0;
        for change in overrides.iter().filter(|_| is_valid) {
            change.apply(&mut tree, &mut source, &mut overwritten)?;
        }
        Ok((Self { source, tree, overwritten, is_broken }, diagnostics))
    }

    /// The tables of the whole file.
    pub fn section(&self, diagnostics: &mut Diagnostics) -> FileSection {
        FileSection::from_node(&self.tree, "", diagnostics).unwrap_or_default()
    }
}

/// The tables of a plan as written in a tree.
pub fn root(tree: &Node, diagnostics: &mut Diagnostics) -> Root {
    FileSection::from_node(tree, "", diagnostics).unwrap_or_default().root
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "[experiment]\nname = \"a\"\n[[stage]]\nname = \"head\"\nepochs = 3\n";

    fn parse(set: &str) -> Result<(ExperimentFile, Root, Diagnostics), OverrideError> {
        let (file, mut diagnostics) = ExperimentFile::parse("a.toml", TEXT, &[set.parse()?])?;
        let root = root(&file.tree, &mut diagnostics);
        Ok((file, root, diagnostics))
    }

    #[test]
    fn sets_a_stage_by_its_name() -> Result<(), OverrideError> {
        let (_, root, diagnostics) = parse("stage.head.epochs=2")?;
        assert_eq!(diagnostics.errors(), 0);
        let stages = root.stage.map(|stages| stages.value).unwrap_or_default();
        assert_eq!(stages[0].epochs.as_ref().map(|e| e.value.0), Some(2));
        Ok(())
    }

    #[test]
    fn a_word_without_quotes_is_a_string_and_missing_tables_appear() -> Result<(), OverrideError> {
        let (_, root, _) = parse("model.weights=random")?;
        let weights = root.model.and_then(|model| model.value.weights);
        assert_eq!(weights.map(|w| w.value), Some("random".to_owned()));
        Ok(())
    }

    #[test]
    fn a_wrong_value_is_shown_in_the_override() -> Result<(), OverrideError> {
        let (file, _, diagnostics) = parse("stage.head.epochs=0")?;
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
