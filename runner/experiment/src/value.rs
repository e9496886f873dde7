//! From located nodes to typed values: every type names itself, checks its own range, and says
//! what it wanted when it got something else.
//!
//! The macros [`section!`], [`choice!`], [`tagged!`] and [`number!`] declare the file format once:
//! the struct, how it is read, and its JSON Schema.

use std::ops::Range;

use schemars::{JsonSchema, Schema, SchemaGenerator};

use crate::problem::Problems;
use crate::suggest::did_you_mean;
use crate::tree::{Kind, Node};

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
            .map(|(at, item)| T::from_node(item, &format!("{key}[{at}]"), problems))
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
    /// A reader for `node`, which must be a table; `path` is its dotted key, empty at the root.
    pub fn new(node: &'a Node, path: &'a str, problems: &'a mut Problems) -> Option<Self> {
        if !matches!(node.kind, Kind::Table(_)) {
            return wrong_type(node, path, "a table", problems);
        }
        Some(Self { node, path, asked: Vec::new(), problems })
    }

    /// The value under `name`, `None` where it is absent or wrong (then a problem was noted).
    pub fn read<T: FromNode>(&mut self, name: &'static str) -> Option<T> {
        self.asked.push(name);
        let (_, node) = self.node.get(name)?;
        T::from_node(node, &self.dotted(name), self.problems)
    }

    /// Notes every key that nobody asked for.
    pub fn finish(self) {
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

    fn dotted(&self, name: &str) -> String {
        match self.path {
            "" => name.to_owned(),
            path => format!("{path}.{name}"),
        }
    }
}

/// Declares one table of the file: every field is optional here, what is required is validation's
/// affair.
macro_rules! section {
    ($(#[$meta:meta])* pub struct $name:ident {
        $($(#[$field_meta:meta])* $field:ident: $type:ty,)*
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Default, schemars::JsonSchema)]
        #[schemars(deny_unknown_fields)]
        pub struct $name {
            /// Where the table stands.
            #[schemars(skip)]
            pub span: std::ops::Range<usize>,
            /// Names of the keys that the table has, right or wrong.
            #[schemars(skip)]
            pub present: Vec<String>,
            $($(#[$field_meta])* pub $field: Option<$crate::value::Located<$type>>,)*
        }

        impl $crate::value::FromNode for $name {
            fn from_node(
                node: &$crate::tree::Node,
                key: &str,
                problems: &mut $crate::problem::Problems,
            ) -> Option<Self> {
                let mut reader = $crate::value::TableReader::new(node, key, problems)?;
                let section = Self {
                    span: node.span.clone(),
                    present: node.entries().iter().map(|(key, _)| key.name.clone()).collect(),
                    $($field: reader.read(stringify!($field)),)*
                };
                reader.finish();
                Some(section)
            }
        }
    };
}

/// Declares a value that is one word out of a list.
macro_rules! choice {
    ($(#[$meta:meta])* pub enum $name:ident {
        $($(#[$variant_meta:meta])* $variant:ident = $word:literal,)*
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, schemars::JsonSchema)]
        pub enum $name {
            $($(#[$variant_meta])* #[serde(rename = $word)] $variant,)*
        }

        impl $name {
            /// Every choice, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The word that stands in the file.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl $crate::value::FromNode for $name {
            fn from_node(
                node: &$crate::tree::Node,
                key: &str,
                problems: &mut $crate::problem::Problems,
            ) -> Option<Self> {
                let word = <String as $crate::value::FromNode>::from_node(node, key, problems)?;
                let found = Self::ALL.iter().copied().find(|choice| choice.as_str() == word);
                if found.is_none() {
                    $crate::value::unknown_word(node, key, &word, Self::ALL.iter().map(|c| c.as_str()), problems);
                }
                found
            }
        }
    };
}

/// Declares a table whose keys depend on one of its own: `{ name = "sgd", momentum = 0.9 }`.
macro_rules! tagged {
    ($(#[$meta:meta])* pub enum $name:ident by $tag:literal {
        $($(#[$variant_meta:meta])* $variant:ident($section:ty) = $word:literal,)*
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone)]
        pub enum $name {
            $($(#[$variant_meta])* $variant($section),)*
        }

        impl $crate::value::FromNode for $name {
            fn from_node(
                node: &$crate::tree::Node,
                key: &str,
                problems: &mut $crate::problem::Problems,
            ) -> Option<Self> {
                let words: &[&str] = &[$($word),*];
                let word = $crate::value::tag(node, key, $tag, words, problems)?;
                match word.as_str() {
                    $($word => <$section as $crate::value::FromNode>::from_node(node, key, problems).map(Self::$variant),)*
                    _ => None,
                }
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                let variants = vec![
                    $($crate::value::tagged_schema(<$section>::json_schema(generator), $tag, $word),)*
                ];
                schemars::json_schema!({ "oneOf": variants })
            }
        }
    };
}

/// Declares a number with a range.
macro_rules! number {
    ($(#[$meta:meta])* $name:ident($base:ty): $must:literal, $ok:expr, $schema:tt) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq)]
        pub struct $name(pub $base);

        impl $crate::value::FromNode for $name {
            fn from_node(
                node: &$crate::tree::Node,
                key: &str,
                problems: &mut $crate::problem::Problems,
            ) -> Option<Self> {
                let number = <$base>::from_node(node, key, problems)?;
                let ok: fn($base) -> bool = $ok;
                if ok(number) {
                    return Some(Self(number));
                }
                problems
                    .error(node.span.clone(), key, format!("`{key}` must be {}, not {number}", $must))
                    .label(concat!("must be ", $must));
                None
            }
        }

        impl schemars::JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!($schema)
            }
        }
    };
}

pub(crate) use {choice, section, tagged};

number!(
    /// A whole number of at least one.
    Count(i64): "a whole number from 1 to 1000000", |n| (1..=1_000_000).contains(&n), { "type": "integer", "minimum": 1, "maximum": 1_000_000 });
number!(
    /// A size that memory is allocated for.
    Size(i64): "a whole number from 1 to 65536", |n| (1..=65_536).contains(&n), { "type": "integer", "minimum": 1, "maximum": 65_536 });
number!(
    /// A whole number of at least zero.
    Whole(i64): "a whole number of at least 0", |n| n >= 0, { "type": "integer", "minimum": 0 });
number!(
    /// Greater than zero and finite.
    Positive(f64): "a finite number greater than 0", |x| x > 0.0 && x.is_finite(), { "type": "number", "exclusiveMinimum": 0 });
number!(
    /// At least zero and finite.
    NonNegative(f64): "a finite number of at least 0", |x| x >= 0.0 && x.is_finite(), { "type": "number", "minimum": 0 });
number!(
    /// From zero up to, but not including, one.
    BelowOne(f64): "at least 0 and less than 1", |x| (0.0..1.0).contains(&x), { "type": "number", "minimum": 0, "exclusiveMaximum": 1 });

/// Notes a word that is not one of the choices.
pub(crate) fn unknown_word<'a>(
    node: &Node,
    key: &str,
    word: &str,
    choices: impl IntoIterator<Item = &'a str> + Clone,
    problems: &mut Problems,
) {
    let listed = crate::suggest::join(choices.clone());
    let help = match crate::suggest::closest(word, choices) {
        Some(close) => format!("did you mean `{close}`? The choices are {listed}"),
        None => format!("the choices are {listed}"),
    };
    problems
        .error(node.span.clone(), key, format!("unknown value `{word}` for `{key}`"))
        .label("not one of the choices")
        .help(help);
}

/// The tag of a tagged table, where it is one of `words`.
pub(crate) fn tag(
    node: &Node,
    key: &str,
    tag: &str,
    words: &[&str],
    problems: &mut Problems,
) -> Option<String> {
    if !matches!(node.kind, Kind::Table(_)) {
        return wrong_type(
            node,
            key,
            &format!("a table such as {{ {tag} = \"{}\" }}", words[0]),
            problems,
        );
    }
    let Some((_, value)) = node.get(tag) else {
        problems
            .error(node.span.clone(), key, format!("`{key}` lacks `{tag}`"))
            .label(format!("`{tag}` is missing here"))
            .help(format!("`{tag}` is one of {}", crate::suggest::join(words.iter().copied())));
        return None;
    };
    let key = format!("{key}.{tag}");
    let word = String::from_node(value, &key, problems)?;
    if words.contains(&word.as_str()) {
        return Some(word);
    }
    unknown_word(value, &key, &word, words.iter().copied(), problems);
    None
}

/// The schema of one variant: its table with the tag fixed and required.
pub(crate) fn tagged_schema(mut schema: Schema, tag: &str, word: &str) -> Schema {
    if let Some(properties) = schema.get_mut("properties").and_then(|p| p.as_object_mut()) {
        properties.insert(tag.to_owned(), serde_json::json!({ "const": word }));
    }
    let mut required: Vec<serde_json::Value> =
        schema.get("required").and_then(|r| r.as_array().cloned()).unwrap_or_default();
    if !required.iter().any(|name| name == tag) {
        required.insert(0, tag.into());
    }
    schema.insert("required".to_owned(), required.into());
    schema
}
