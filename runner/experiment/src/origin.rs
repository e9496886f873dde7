//! Where the values of a plan come from: a line of a file, a `--set`, a draw; and what they took the
//! place of.

use crate::file::ExperimentFile;
use crate::fingerprint;
use crate::plan::Plan;
use crate::source::Place;
use crate::tree::{Kind, Node, name_of};

/// Where one value of the plan comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The dotted key.
    pub key: String,
    /// Its value as text.
    pub value: String,
    /// Where it stands.
    pub place: Place,
    /// Where the value stands that it took the place of, in a file that is extended.
    pub over: Option<Place>,
}

/// Where the values come from that are no defaults.
pub(crate) fn origins(plan: &Plan, file: &ExperimentFile) -> Vec<Origin> {
    let entries = fingerprint::entries(plan).into_iter();
    entries.filter_map(|(key, value)| origin(key, value, file)).collect()
}

fn origin(key: String, value: String, file: &ExperimentFile) -> Option<Origin> {
    let parts: Vec<&str> = key.split('.').collect();
    let node = find(&file.tree, &parts)?;
    let over = file.overwritten.iter().rev().find(|over| over.by == node.span);
    Some(Origin {
        place: file.source.place(&node.span),
        over: over.map(|over| file.source.place(&over.base)),
        key,
        value,
    })
}

/// The value under a dotted key, or that of which it was made: `zoom = 0.2` stands for two numbers.
fn find<'a>(node: &'a Node, parts: &[&str]) -> Option<&'a Node> {
    let Some((first, rest)) = parts.split_first() else { return Some(node) };
    match &node.kind {
        Kind::Table(_) => find(node.get(first)?.1, rest),
        Kind::Array(items) if items.iter().any(|item| matches!(item.kind, Kind::Table(_))) => {
            let numbered = |(index, item): &(usize, &Node)| {
                let name = name_of(item);
                name == *first || format!("{}-{name}", index + 1) == *first
            };
            find(items.iter().enumerate().find(numbered)?.1, rest)
        }
        _ => Some(node),
    }
}
