//! Keys with a list of values each: `grid` and `zip`.

use std::ops::Range;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use crate::diagnostic::Diagnostics;
use crate::tree::{Kind, Node};
use crate::value::{FromNode, wrong_type};

/// Keys of the file with a list of values each.
#[derive(Debug, Clone, Default)]
pub struct Axes(pub Vec<Axis<Vec<Node>>>);

/// One key of the file, and where its values come from.
#[derive(Debug, Clone)]
pub struct Axis<V> {
    /// The dotted key, in its parts.
    pub path: Vec<String>,
    /// Where the key stands.
    pub span: Range<usize>,
    /// Its values.
    pub values: V,
}

/// Where the shape of a table of dotted keys leads.
pub(super) fn leaves<'a>(node: &'a Node, is_leaf: &dyn Fn(&Node) -> bool) -> Vec<Axis<&'a Node>> {
    let mut found = Vec::new();
    for (key, value) in node.entries() {
        let path: Vec<String> = key.name.split('.').map(|part| part.trim().to_owned()).collect();
        match &value.kind {
            Kind::Table(entries) if !entries.is_empty() && !is_leaf(value) => {
                found.extend(leaves(value, is_leaf).into_iter().map(|leaf| Axis {
                    path: path.iter().cloned().chain(leaf.path).collect(),
                    ..leaf
                }));
            }
            _ => found.push(Axis { path, span: key.span.clone(), values: value }),
        }
    }
    found
}

impl FromNode for Axes {
    fn from_node(node: &Node, key: &str, diagnostics: &mut Diagnostics) -> Option<Self> {
        let Kind::Table(entries) = &node.kind else {
            return wrong_type(node, key, "a table of keys with lists of values", diagnostics);
        };
        if entries.is_empty() {
            diagnostics
                .error(node.span.clone(), key, format!("`{key}` names no key"))
                .help(r#"such as { "stage.head.optimizer.learning_rate" = [1e-4, 1e-3] }"#);
        }
        let axes = leaves(node, &|_| false);
        let axes: Vec<Option<_>> = axes.iter().map(|leaf| list(leaf, key, diagnostics)).collect();
        axes.into_iter().collect::<Option<_>>().map(Self)
    }
}

/// The values of one key.
pub(super) fn list(
    leaf: &Axis<&Node>,
    key: &str,
    diagnostics: &mut Diagnostics,
) -> Option<Axis<Vec<Node>>> {
    let dotted = format!("{key}.{}", leaf.path.join("."));
    let Kind::Array(items) = &leaf.values.kind else {
        return wrong_type(leaf.values, &dotted, "a list of values", diagnostics);
    };
    if items.is_empty() {
        let message = format!("`{dotted}` has no values");
        diagnostics.error(leaf.values.span.clone(), dotted, message).label("an empty list");
        return None;
    }
    Some(Axis { path: leaf.path.clone(), span: leaf.span.clone(), values: items.clone() })
}

/// A table of dotted keys.
pub(super) fn keyed(values: &Value) -> Schema {
    json_schema!({ "type": "object", "minProperties": 1, "additionalProperties": values })
}

impl JsonSchema for Axes {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Axes".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        // A dotted key without quotes is a table in a table.
        keyed(&json!({ "anyOf": [{ "type": "array", "minItems": 1 }, { "type": "object" }] }))
    }
}
