//! `extends = "base.toml"`: the tables of one file laid over those of another.
//!
//! Tables are merged key by key, stages by their names. A table that names another thing than that of
//! the base does (another optimizer, say) takes its place whole, and so does a list.

use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::diagnostic::Diagnostics;
use crate::source::SourceText;
use crate::tree::{self, Key, Kind, Node, name_of};

/// The key of the file.
pub(crate) const EXTENDS: &str = "extends";

/// A value that another one took the place of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Overwritten {
    /// Where the value stands that counts.
    pub by: Range<usize>,
    /// Where the one stands that does not.
    pub base: Range<usize>,
}

/// The tree of a file with everything that it extends below it.
pub(crate) struct Chain<'a> {
    pub source: &'a mut SourceText,
    pub diagnostics: &'a mut Diagnostics,
    pub overwritten: Vec<Overwritten>,
    /// Whether a file of the chain could not be had.
    pub broken: bool,
    /// The files so far, each extending the next: as named, and as the system knows them.
    files: Vec<(String, PathBuf)>,
}

impl<'a> Chain<'a> {
    pub(crate) fn new(source: &'a mut SourceText, diagnostics: &'a mut Diagnostics) -> Self {
        Self { source, diagnostics, overwritten: Vec::new(), broken: false, files: Vec::new() }
    }

    /// Lays `tree`, which is that of the file called `name`, over what it extends.
    pub(crate) fn resolve(&mut self, name: &str, mut tree: Node) -> Node {
        let Some((_, value)) = take(&mut tree, EXTENDS) else { return tree };
        let Kind::String(given) = &value.kind else {
            let message = format!("`{EXTENDS}` must be a string, not {}", value.kind.describe());
            self.diagnostics
                .error(value.span, EXTENDS, message)
                .label("expected the path of a file");
            return tree;
        };
        self.files.push((name.to_owned(), known_as(Path::new(name))));
        let path = Path::new(name).parent().unwrap_or(Path::new("")).join(given);
        match self.read(&path, value.span.clone()) {
            Some(base) => self.merge(base, tree, ""),
            None => {
                self.broken = true;
                tree
            }
        }
    }

    /// The tree of an extended file with what that extends; `None` where there is none.
    fn read(&mut self, path: &Path, span: Range<usize>) -> Option<Node> {
        let name = path.display().to_string();
        if let Some(first) = self.files.iter().position(|(_, file)| *file == known_as(path)) {
            let circle = self.files[first..].iter().skip(1).map(|(file, _)| file);
            let circle: String = circle.map(|file| format!("`{file}`, which extends ")).collect();
            let start = &self.files[first].0;
            self.diagnostics
                .error(span, EXTENDS, format!("`{start}` extends {circle}`{start}`: a circle"))
                .help(format!("take `{EXTENDS}` out of one of them"));
            return None;
        }
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => {
                self.diagnostics
                    .error(span, EXTENDS, format!("cannot read `{name}`: {error}"))
                    .help("the path is relative to the folder of the file that says `extends`");
                return None;
            }
        };
        let offset = self.source.append_part(&name, &text);
        let tree = tree::parse_at(&text, offset, self.diagnostics);
        Some(self.resolve(&name, tree))
    }

    fn merge(&mut self, base: Node, over: Node, path: &str) -> Node {
        let span = over.span.clone();
        let kind = match (base.kind, over.kind) {
            (Kind::Table(base), Kind::Table(over))
                if path == "experiment" || !is_another(&base, &over) =>
            {
                Kind::Table(self.merge_tables(base, over, path))
            }
            (Kind::Array(base), Kind::Array(over)) if are_named(&base) && are_named(&over) => {
                Kind::Array(self.merge_named(base, over, path))
            }
            (_, over) => {
                self.overwritten.push(Overwritten { by: span.clone(), base: base.span });
                over
            }
        };
        Node { span, kind }
    }

    fn merge_tables(
        &mut self,
        mut merged: Vec<(Key, Node)>,
        over: Vec<(Key, Node)>,
        path: &str,
    ) -> Vec<(Key, Node)> {
        for (key, value) in over {
            match merged.iter().position(|(known, _)| known.name == key.name) {
                Some(index) => {
                    let (below, dotted) = (merged[index].1.clone(), dotted(path, &key.name));
                    merged[index] = (key, self.merge(below, value, &dotted));
                }
                None => merged.push((key, value)),
            }
        }
        merged
    }

    fn merge_named(&mut self, mut merged: Vec<Node>, over: Vec<Node>, path: &str) -> Vec<Node> {
        for item in over {
            let name = name_of(&item);
            match merged.iter().position(|known| name_of(known) == name) {
                Some(index) => {
                    merged[index] = self.merge(merged[index].clone(), item, &dotted(path, &name));
                }
                None => merged.push(item),
            }
        }
        merged
    }
}

fn dotted(path: &str, name: &str) -> String {
    match path {
        "" => name.to_owned(),
        path => format!("{path}.{name}"),
    }
}

/// Takes an entry out of a table.
pub(crate) fn take(tree: &mut Node, name: &str) -> Option<(Key, Node)> {
    let Kind::Table(entries) = &mut tree.kind else { return None };
    let index = entries.iter().position(|(key, _)| key.name == name)?;
    Some(entries.remove(index))
}

/// Whether two tables name different things.
fn is_another(base: &[(Key, Node)], over: &[(Key, Node)]) -> bool {
    let name = |table: &[(Key, Node)]| {
        let named = table.iter().find(|(key, _)| key.name == "name");
        named.map(|(_, node)| node.kind.clone())
    };
    matches!((name(base), name(over)), (Some(a), Some(b)) if a != b)
}

fn are_named(items: &[Node]) -> bool {
    !items.is_empty() && items.iter().all(|item| item.get("name").is_some())
}

/// A file by the path that the system has for it, so that two ways to write it are one.
fn known_as(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_path_buf())
}
