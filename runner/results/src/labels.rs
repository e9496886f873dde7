//! What people say about a run: tags and a note, in a table of their own, so that a run can be
//! labelled while it is running.

use std::io::ErrorKind;
use std::path::Path;

use crate::ResultsError;
use crate::tables::{self, Cell, LabelRow, Row, cell};

/// Tags and a note.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Labels {
    /// Words to find the run by, besides those of its plan.
    pub tags: Vec<String>,
    /// What is worth remembering.
    pub note: Option<String>,
}

impl Labels {
    /// Reads the labels of the run in `folder`; where there is no table, there are none.
    ///
    /// # Errors
    ///
    /// [`ResultsError`] where the table cannot be read.
    pub fn read(folder: &Path) -> Result<Self, ResultsError> {
        let path = folder.join(LabelRow::FILE);
        match std::fs::symlink_metadata(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self::default()),
            _ => {}
        }
        let row = tables::read(&path)?.into_iter().next().unwrap_or_default();
        let text = |cell: &Cell| cell.as_str().map(str::to_owned);
        let tags = match cell::get(&row, "tags") {
            Cell::List(tags) => tags.iter().filter_map(text).collect(),
            _ => Vec::new(),
        };
        Ok(Self { tags, note: text(cell::get(&row, "note")) })
    }

    /// Writes the labels of the run in `folder`, in place of what was there.
    ///
    /// # Errors
    ///
    /// [`ResultsError`] where the table cannot be written.
    pub fn write(&self, folder: &Path, run_id: &str) -> Result<(), ResultsError> {
        let Self { tags, note } = self.clone();
        tables::write(folder, run_id, vec![LabelRow { tags, note }])
    }

    /// The tags of the plan, as `params.parquet` has them (`[book, 5.3]`), then these, each once.
    #[must_use]
    pub fn with_tags_of_plan(&self, plan: &str) -> Vec<String> {
        let inner = plan.strip_prefix('[').and_then(|plan| plan.strip_suffix(']'));
        let mut tags: Vec<String> = Vec::new();
        let plan = inner.unwrap_or_default().split(", ").filter(|tag| !tag.is_empty());
        for tag in plan.chain(self.tags.iter().map(String::as_str)) {
            if !tags.iter().any(|known| known == tag) {
                tags.push(tag.to_owned());
            }
        }
        tags
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_come_back_and_join_those_of_the_plan() -> Result<(), ResultsError> {
        let folder = tempfile::tempdir()
            .map_err(|source| ResultsError::Write { path: "temporary".into(), source })?;
        assert_eq!(Labels::read(folder.path())?, Labels::default());
        let labels = Labels {
            tags: vec!["paper, draft".to_owned(), "book".to_owned()],
            note: Some("two\nlines".to_owned()),
        };
        labels.write(folder.path(), "a-run")?;
        assert_eq!(Labels::read(folder.path())?, labels);
        assert_eq!(labels.with_tags_of_plan("[book, 5.3]"), ["book", "5.3", "paper, draft"]);
        assert!(Labels::default().with_tags_of_plan("[]").is_empty());
        Labels::default().write(folder.path(), "a-run")?;
        assert_eq!(Labels::read(folder.path())?, Labels::default());
        Ok(())
    }
}
