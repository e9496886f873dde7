//! From located nodes to the types that stand in an experiment file.

use super::located::Located;
use crate::diagnostic::Diagnostics;
use crate::tree::{Kind, Node};

/// A type that can stand in an experiment file.
pub trait FromNode: Sized {
    /// Reads the node found under `key`; `None` after at least one diagnostic was noted.
    fn from_node(node: &Node, key: &str, diagnostics: &mut Diagnostics) -> Option<Self>;
}

impl<T: FromNode> FromNode for Located<T> {
    fn from_node(node: &Node, key: &str, diagnostics: &mut Diagnostics) -> Option<Self> {
        T::from_node(node, key, diagnostics).map(|value| Self { value, span: node.span.clone() })
    }
}

impl FromNode for String {
    fn from_node(node: &Node, key: &str, diagnostics: &mut Diagnostics) -> Option<Self> {
        match &node.kind {
            Kind::String(text) => Some(text.clone()),
            _ => wrong_type(node, key, "a string", diagnostics),
        }
    }
}

impl FromNode for bool {
    fn from_node(node: &Node, key: &str, diagnostics: &mut Diagnostics) -> Option<Self> {
        match &node.kind {
            Kind::Boolean(flag) => Some(*flag),
            _ => wrong_type(node, key, "`true` or `false`", diagnostics),
        }
    }
}

impl FromNode for i64 {
    fn from_node(node: &Node, key: &str, diagnostics: &mut Diagnostics) -> Option<Self> {
        match &node.kind {
            Kind::Integer(number) => Some(*number),
            _ => wrong_type(node, key, "an integer", diagnostics),
        }
    }
}

impl FromNode for f64 {
    fn from_node(node: &Node, key: &str, diagnostics: &mut Diagnostics) -> Option<Self> {
        match &node.kind {
            Kind::Float(number) => Some(*number),
            Kind::Integer(number) => Some(*number as f64),
            _ => wrong_type(node, key, "a number", diagnostics),
        }
    }
}

impl<T: FromNode> FromNode for Vec<T> {
    fn from_node(node: &Node, key: &str, diagnostics: &mut Diagnostics) -> Option<Self> {
        let Kind::Array(items) = &node.kind else {
            return wrong_type(node, key, "an array", diagnostics);
        };
        let read: Vec<Option<T>> = items
            .iter()
            .enumerate()
            .map(|(index, item)| T::from_node(item, &format!("{key}[{index}]"), diagnostics))
            .collect();
        // A wrong table must not hide what is wrong with the others; a wrong number makes a list
        // of numbers useless.
        let tables = items.iter().any(|item| matches!(item.kind, Kind::Table(_)));
        match tables {
            true => Some(read.into_iter().flatten().collect()),
            false => read.into_iter().collect(),
        }
    }
}

/// Notes "expected …, found …".
pub(crate) fn wrong_type<T>(
    node: &Node,
    key: &str,
    expected: &str,
    diagnostics: &mut Diagnostics,
) -> Option<T> {
    diagnostics
        .error(
            node.span.clone(),
            key,
            format!("`{key}` must be {expected}, not {}", node.kind.describe()),
        )
        .label(format!("expected {expected}"));
    None
}
