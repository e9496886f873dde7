//! Tables of the file, read key by key.

use std::ops::Range;

use super::from_node::{FromNode, wrong_type};
use crate::diagnostic::Diagnostics;
use crate::suggest::did_you_mean;
use crate::tree::{Kind, Node};

/// A table of the file, read key by key, so that it can also stand flat inside another one.
pub trait Table: Sized {
    /// What is expected where something else stands.
    #[must_use]
    fn expected() -> String {
        "a table".to_owned()
    }

    /// Reads the keys; `None` where they depend on one that is absent or wrong (then a
    /// diagnostic was noted).
    fn read_keys(reader: &mut TableReader<'_>) -> Option<Self>;
}

impl<T: Table> FromNode for T {
    fn from_node(node: &Node, key: &str, diagnostics: &mut Diagnostics) -> Option<Self> {
        if !matches!(node.kind, Kind::Table(_)) {
            return wrong_type(node, key, &T::expected(), diagnostics);
        }
        let mut reader = TableReader::new(node, key, diagnostics);
        let table = T::read_keys(&mut reader)?;
        reader.finish();
        Some(table)
    }
}

/// Reads the keys of one table and reports those that it does not know.
pub struct TableReader<'a> {
    pub(super) node: &'a Node,
    pub(super) path: &'a str,
    known: Vec<&'static str>,
    pub(super) diagnostics: &'a mut Diagnostics,
}

impl<'a> TableReader<'a> {
    /// A reader for `node`, which is a table; `path` is its dotted key, empty at the root.
    fn new(node: &'a Node, path: &'a str, diagnostics: &'a mut Diagnostics) -> Self {
        Self { node, path, known: Vec::new(), diagnostics }
    }

    pub fn span(&self) -> Range<usize> {
        self.node.span.clone()
    }

    /// Names of the keys that the table has.
    #[must_use]
    pub fn present(&self) -> Vec<String> {
        self.node.entries().iter().map(|(key, _)| key.name.clone()).collect()
    }

    /// Declares keys; messages list them in the order of declaration.
    pub fn list(&mut self, names: &[&'static str]) {
        for name in names {
            if !self.known.contains(name) {
                self.known.push(name);
            }
        }
    }

    /// The value under `name`, `None` where it is absent or wrong (then a diagnostic was noted).
    pub fn read<T: FromNode>(&mut self, name: &'static str) -> Option<T> {
        self.list(&[name]);
        let (_, node) = self.node.get(name)?;
        T::from_node(node, &self.dotted(name), self.diagnostics)
    }

    /// Reports every unknown key.
    fn finish(self) {
        for (key, _) in self.node.entries() {
            if self.known.contains(&key.name.as_str()) {
                continue;
            }
            let place = match self.path {
                "" => "at the top level".to_owned(),
                path => format!("in `{path}`"),
            };
            self.diagnostics
                .error(
                    key.span.clone(),
                    self.dotted(&key.name),
                    format!("unknown key `{}` {place}", key.name),
                )
                .label("not a key of this table")
                .help(did_you_mean(&key.name, self.known.iter().copied()));
        }
    }

    pub(super) fn dotted(&self, name: &str) -> String {
        match self.path {
            "" => name.to_owned(),
            path => format!("{path}.{name}"),
        }
    }
}
