//! A value put into the tree under a dotted key.

use std::ops::Range;

use super::{Key, Kind, Node};
use crate::suggest::did_you_mean;

/// Puts `value` under a dotted key, whose place in the source text is `span`. Tables that are missing
/// are made; an entry of an array of tables is found by its `name` (a stage) or `job`.
///
/// Returns what stood there.
///
/// # Errors
///
/// In words, where the key leads through something that is not a table.
pub(crate) fn put(
    tree: &mut Node,
    path: &[String],
    span: Range<usize>,
    value: Node,
) -> Result<Option<Node>, String> {
    let Some((last, parents)) = path.split_last() else { return Ok(None) };
    let mut here = tree;
    for part in parents {
        here = step(here, part, span.clone())?;
    }
    let Kind::Table(entries) = &mut here.kind else {
        return Err(format!("`{last}` would stand inside {}", here.kind.describe()));
    };
    let key = Key { name: last.clone(), span: span.end - last.len().min(span.len())..span.end };
    match entries.iter_mut().find(|(key, _)| key.name == *last) {
        Some(entry) => Ok(Some(std::mem::replace(entry, (key, value)).1)),
        None => {
            entries.push((key, value));
            Ok(None)
        }
    }
}

/// One step of a dotted key: into a table, which is made where it is missing, or to the entry of
/// an array of tables by its `name` (a stage) or `job`.
fn step<'a>(here: &'a mut Node, part: &str, span: Range<usize>) -> Result<&'a mut Node, String> {
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
            let names: Vec<String> = items.iter().map(name_of).collect();
            match names.iter().position(|name| name == part) {
                Some(index) => Ok(&mut items[index]),
                None if names.iter().all(String::is_empty) => {
                    Err(format!("there is no entry `{part}`, none has a name"))
                }
                None => Err(format!(
                    "there is no entry `{part}`; {}",
                    did_you_mean(
                        part,
                        names.iter().map(String::as_str).filter(|name| !name.is_empty())
                    )
                )),
            }
        }
        _ => Err(format!("`{part}` would stand inside {described}")),
    }
}

/// What an entry of an array of tables is called; empty where it has no name.
pub(crate) fn name_of(item: &Node) -> String {
    let named = item.get("name").or_else(|| item.get("job"));
    match named.map(|(_, node)| &node.kind) {
        Some(Kind::String(name)) => name.clone(),
        _ => String::new(),
    }
}
