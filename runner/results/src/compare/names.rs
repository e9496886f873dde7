//! Short names: the shortest dotted end of a name that no other column has.

use std::collections::HashMap;

use crate::ResultsError;
use crate::suggest::closest;

/// Every column by every name that it answers to.
#[derive(Debug, Default)]
pub(super) struct Names {
    full: Vec<String>,
    short: Vec<String>,
    exact: HashMap<String, usize>,
    /// Every dotted end, and the column, where that is only one.
    ends: HashMap<String, Option<usize>>,
}

impl Names {
    /// Names that are all different.
    pub(super) fn of(full: Vec<String>) -> Self {
        let mut ends: HashMap<String, Option<usize>> = HashMap::new();
        for (index, name) in full.iter().enumerate() {
            for end in dotted_ends(name) {
                let single = ends.entry(end.to_owned()).or_insert(Some(index));
                if *single != Some(index) {
                    *single = None;
                }
            }
        }
        let short = |(index, name): (usize, &String)| {
            let single = |end: &&str| ends.get(*end) == Some(&Some(index));
            let end = dotted_ends(name).into_iter().rev().find(single);
            end.unwrap_or(name).to_owned()
        };
        let short = full.iter().enumerate().map(short).collect();
        let exact = full.iter().cloned().enumerate().map(|(index, name)| (name, index)).collect();
        Self { full, short, exact, ends }
    }

    pub(super) fn full(&self, column: usize) -> &str {
        &self.full[column]
    }

    pub(super) fn short(&self, column: usize) -> &str {
        &self.short[column]
    }

    /// The column of a full or short name.
    ///
    /// # Errors
    ///
    /// [`ResultsError::NoSuchColumn`], or [`ResultsError::Ambiguous`] where several end like that.
    pub(super) fn find(&self, name: &str) -> Result<usize, ResultsError> {
        if let Some(column) = self.exact.get(name) {
            return Ok(*column);
        }
        match self.ends.get(name) {
            Some(Some(column)) => Ok(*column),
            Some(None) => {
                let end = format!(".{name}");
                let matches = self.full.iter().filter(|full| full.ends_with(&end)).cloned();
                Err(ResultsError::Ambiguous { name: name.to_owned(), matches: matches.collect() })
            }
            None => {
                let all = self.short.iter().chain(&self.full).map(String::as_str);
                let close = closest(name, all).map(str::to_owned);
                let (name, columns) = (name.to_owned(), self.short.clone());
                Err(ResultsError::NoSuchColumn { name, columns, close })
            }
        }
    }
}

/// `a.b.c`, `b.c`, `c`.
fn dotted_ends(name: &str) -> Vec<&str> {
    let dots = name.match_indices('.').map(|(at, _)| &name[at + 1..]);
    std::iter::once(name).chain(dots).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_name_belongs_to_one_column() {
        let full = [
            "stage.head.optimizer.learning_rate",
            "stage.block5.optimizer.learning_rate",
            "stage.head.epochs",
            "run.device",
            "device",
        ];
        let names = Names::of(full.iter().map(|name| (*name).to_owned()).collect());
        let short: Vec<&str> = (0..full.len()).map(|column| names.short(column)).collect();
        let (head, block5) = ("head.optimizer.learning_rate", "block5.optimizer.learning_rate");
        assert_eq!(short, [head, block5, "epochs", "run.device", "device"]);
        for (column, name) in full.iter().enumerate() {
            assert_eq!(names.find(name).ok(), Some(column));
            assert_eq!(names.find(short[column]).ok(), Some(column));
        }
        assert!(matches!(names.find("learning_rate"), Err(ResultsError::Ambiguous { .. })));
        let close = match names.find("epoch") {
            Err(ResultsError::NoSuchColumn { close, .. }) => close,
            _ => None,
        };
        assert_eq!(close.as_deref(), Some("epochs"));
    }
}
