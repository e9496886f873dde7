//! The macros that declare the file format once: the struct, how it is read, its JSON Schema.

use schemars::Schema;

use super::{FromNode, wrong_type};
use crate::problem::Problems;
use crate::tree::{Kind, Node};

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
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
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

pub(crate) use {choice, section, tagged};

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
