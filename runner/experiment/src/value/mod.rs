//! From located nodes to typed values: every type names itself, checks its own range, and says
//! what it wanted when it got something else.
//!
//! `section` declares tables, `tagged` tables whose keys depend on one of them, `choice` words out
//! of a list; `number` and `range` have the numbers.

pub(crate) mod choice;
mod number;
mod range;
pub(crate) mod section;
mod table_schema;
pub(crate) mod tagged;

use std::ops::Range;

use schemars::{JsonSchema, Schema, SchemaGenerator};

use crate::problem::Problems;
use crate::suggest::did_you_mean;
use crate::tree::{Kind, Node};

pub(crate) use choice::{choice, unknown_word};
pub use number::{BelowOne, Count, Magnitude, NonNegative, Positive, Seed, Share, Size, Whole};
pub use range::{Factors, Shares, Zoom};
pub use section::{Plain, Table, WriteKeys};
pub(crate) use section::{
    describe_key, differ, expected, file_type, plan_type, plan_value, read_key, section, write_key,
    write_table,
};
pub use table_schema::TableSchema;
pub(crate) use tagged::{fix_tag, note_defaults, read_tag, tagged, tagged_example};

/// A value with its place in the source text.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Located<T> {
    /// The value itself.
    pub value: T,
    /// Where it stands.
    pub span: Range<usize>,
}

impl<T: JsonSchema> JsonSchema for Located<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        T::schema_name()
    }
    fn schema_id() -> std::borrow::Cow<'static, str> {
        T::schema_id()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

impl<T: Plain> Plain for Located<T> {
    type Value = T::Value;
    fn plain(&self) -> T::Value {
        self.value.plain()
    }
}

impl<T: Plain> Plain for Vec<T> {
    type Value = Vec<T::Value>;
    fn plain(&self) -> Self::Value {
        self.iter().map(Plain::plain).collect()
    }
}

/// For what stands in the plan as it stands in the file.
macro_rules! plain {
    ($($type:ty),*) => {$(
        impl Plain for $type {
            type Value = Self;
            fn plain(&self) -> Self {
                self.clone()
            }
        }
    )*};
}

plain!(String, bool, i64);

/// A type that can stand in an experiment file.
pub trait FromNode: Sized {
    /// Reads the node found under `key`; `None` after at least one problem was noted.
    fn from_node(node: &Node, key: &str, problems: &mut Problems) -> Option<Self>;
}

impl<T: FromNode> FromNode for Located<T> {
    fn from_node(node: &Node, key: &str, problems: &mut Problems) -> Option<Self> {
        T::from_node(node, key, problems).map(|value| Self { value, span: node.span.clone() })
    }
}

impl<T: Table> FromNode for T {
    fn from_node(node: &Node, key: &str, problems: &mut Problems) -> Option<Self> {
        if !matches!(node.kind, Kind::Table(_)) {
            return wrong_type(node, key, &T::expected(), problems);
        }
        let mut reader = TableReader::new(node, key, problems);
        let table = T::read_keys(&mut reader)?;
        reader.finish();
        Some(table)
    }
}

impl FromNode for String {
    fn from_node(node: &Node, key: &str, problems: &mut Problems) -> Option<Self> {
        match &node.kind {
            Kind::String(text) => Some(text.clone()),
            _ => wrong_type(node, key, "a string", problems),
        }
    }
}

impl FromNode for bool {
    fn from_node(node: &Node, key: &str, problems: &mut Problems) -> Option<Self> {
        match &node.kind {
            Kind::Boolean(flag) => Some(*flag),
            _ => wrong_type(node, key, "`true` or `false`", problems),
        }
    }
}

impl FromNode for i64 {
    fn from_node(node: &Node, key: &str, problems: &mut Problems) -> Option<Self> {
        match &node.kind {
            Kind::Integer(number) => Some(*number),
            _ => wrong_type(node, key, "an integer", problems),
        }
    }
}

impl FromNode for f64 {
    fn from_node(node: &Node, key: &str, problems: &mut Problems) -> Option<Self> {
        match &node.kind {
            Kind::Float(number) => Some(*number),
            #[allow(clippy::cast_precision_loss)]
            Kind::Integer(number) => Some(*number as f64),
            _ => wrong_type(node, key, "a number", problems),
        }
    }
}

impl<T: FromNode> FromNode for Vec<T> {
    fn from_node(node: &Node, key: &str, problems: &mut Problems) -> Option<Self> {
        let Kind::Array(items) = &node.kind else {
            return wrong_type(node, key, "an array", problems);
        };
        let read: Vec<Option<T>> = items
            .iter()
            .enumerate()
            .map(|(index, item)| T::from_node(item, &format!("{key}[{index}]"), problems))
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
    problems: &mut Problems,
) -> Option<T> {
    problems
        .error(
            node.span.clone(),
            key,
            format!("`{key}` must be {expected}, not {}", node.kind.describe()),
        )
        .label(format!("expected {expected}"));
    None
}

/// Reads the keys of one table, and knows afterwards which of them nobody asked for.
pub struct TableReader<'a> {
    node: &'a Node,
    path: &'a str,
    asked: Vec<&'static str>,
    problems: &'a mut Problems,
}

impl<'a> TableReader<'a> {
    /// A reader for `node`, which is a table; `path` is its dotted key, empty at the root.
    fn new(node: &'a Node, path: &'a str, problems: &'a mut Problems) -> Self {
        Self { node, path, asked: Vec::new(), problems }
    }

    /// Where the table stands.
    #[must_use]
    pub fn span(&self) -> Range<usize> {
        self.node.span.clone()
    }

    /// Names of the keys that the table has.
    #[must_use]
    pub fn present(&self) -> Vec<String> {
        self.node.entries().iter().map(|(key, _)| key.name.clone()).collect()
    }

    /// Says that these keys exist; messages list keys in the order in which this becomes known.
    pub fn list(&mut self, names: &[&'static str]) {
        for name in names {
            if !self.asked.contains(name) {
                self.asked.push(name);
            }
        }
    }

    /// The value under `name`, `None` where it is absent or wrong (then a problem was noted).
    pub fn read<T: FromNode>(&mut self, name: &'static str) -> Option<T> {
        self.list(&[name]);
        let (_, node) = self.node.get(name)?;
        T::from_node(node, &self.dotted(name), self.problems)
    }

    /// Notes every key that nobody asked for.
    fn finish(self) {
        for (key, _) in self.node.entries() {
            if self.asked.contains(&key.name.as_str()) {
                continue;
            }
            let place = match self.path {
                "" => "at the top level".to_owned(),
                path => format!("in `{path}`"),
            };
            self.problems
                .error(
                    key.span.clone(),
                    self.dotted(&key.name),
                    format!("unknown key `{}` {place}", key.name),
                )
                .label("not a key of this table")
                .help(did_you_mean(&key.name, self.asked.iter().copied()));
        }
    }

    pub(crate) fn dotted(&self, name: &str) -> String {
        match self.path {
            "" => name.to_owned(),
            path => format!("{path}.{name}"),
        }
    }
}
