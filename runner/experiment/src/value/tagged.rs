//! A table in which one key decides which others there are: `{ name = "sgd", momentum = 0.9 }`.

use schemars::Schema;
use serde_json::{Value, json};

use super::choice::unknown_word;
use super::from_node::FromNode;
use super::table::TableReader;
use crate::suggest::join;

/// Declares such a table: as it stands in the file, and as it stands in the plan. Each variant names
/// its table in the file, declared by `section!`. Where it stands flat among keys whose defaults depend
/// on the variant, `defaults from` names a function from the word to the keys and their defaults.
macro_rules! tagged {
    (
        $(#[doc = $doc:literal])*
        $(#[derive($($extra:path),*)])?
        pub enum $plan:ident from $name:ident by $tag:ident $(defaults from $defaults:ident)? {
            $($(#[doc = $variant_doc:literal])* $variant:ident($section:ty) = $word:literal,)*
        }
    ) => {
        $(#[doc = $doc])*
        ///
        /// As it stands in the file.
        #[derive(Debug, Clone)]
        pub enum $name {
            $($(#[doc = $variant_doc])* $variant($section),)*
        }

        $(#[doc = $doc])*
        #[derive(Debug, Clone, PartialEq)]
        $(#[derive($($extra),*)])?
        pub enum $plan {
            $($(#[doc = $variant_doc])* $variant(<$section as $crate::value::Plain>::Value),)*
        }

        impl $plan {
            /// The word that stands in the file.
            #[must_use]
            pub fn $tag(&self) -> &'static str {
                match self { $(Self::$variant(_) => $word,)* }
            }
        }

        impl $crate::value::Table for $name {
            fn expected() -> String {
                $crate::value::tagged_example(stringify!($tag), &[$($word),*])
            }
            fn read_keys(reader: &mut $crate::value::TableReader<'_>) -> Option<Self> {
                let word = $crate::value::read_tag(reader, stringify!($tag), &[$($word),*])?;
                match word.as_str() {
                    $($word => <$section as $crate::value::Table>::read_keys(reader).map(Self::$variant),)*
                    _ => None,
                }
            }
        }

        impl $crate::value::Plain for $name {
            type Value = $plan;
            fn plain(&self) -> $plan {
                match self {
                    $(Self::$variant(table) => $plan::$variant($crate::value::Plain::plain(table)),)*
                }
            }
        }

        impl $crate::value::WriteKeys for $plan {
            fn write_keys<S: serde::ser::SerializeStruct>(&self, out: &mut S) -> Result<(), S::Error> {
                out.serialize_field(stringify!($tag), self.$tag())?;
                match self {
                    $(Self::$variant(table) => $crate::value::WriteKeys::write_keys(table, out),)*
                }
            }
        }

        impl serde::Serialize for $plan {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                $crate::value::write_table(self, stringify!($plan), serializer)
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                let words = [$($word),*];
                let mut variants = vec![$(<$section>::json_schema(generator)),*];
                for (variant, word) in variants.iter_mut().zip(words) {
                    $crate::value::fix_tag(variant, stringify!($tag), word);
                    $($crate::value::note_defaults(variant, $defaults(word));)?
                }
                schemars::json_schema!({ "oneOf": variants })
            }
        }
    };
}

pub(crate) use tagged;

/// An example of a tagged table, for messages.
pub(crate) fn tagged_example(tag: &str, words: &[&str]) -> String {
    format!("a table such as {{ {tag} = \"{}\" }}", words[0])
}

/// The tag of a tagged table, where it is one of `words`.
pub(crate) fn read_tag(
    reader: &mut TableReader<'_>,
    tag: &'static str,
    words: &[&str],
) -> Option<String> {
    let Some((_, value)) = reader.node.get(tag) else {
        let key = reader.path;
        reader
            .diagnostics
            .error(reader.node.span.clone(), key, format!("`{key}` lacks `{tag}`"))
            .label(format!("`{tag}` is missing here"))
            .help(format!("`{tag}` is one of {}", join(words.iter().copied())));
        return None;
    };
    reader.list(&[tag]);
    let key = reader.dotted(tag);
    let word = String::from_node(value, &key, reader.diagnostics)?;
    if words.contains(&word.as_str()) {
        return Some(word);
    }
    unknown_word(value, &key, &word, words.iter().copied(), reader.diagnostics);
    None
}

/// Makes the tag part of the schema of one variant.
pub(crate) fn fix_tag(schema: &mut Schema, tag: &str, word: &str) {
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        properties.insert(tag.to_owned(), json!({ "const": word }));
    }
    let mut required = vec![Value::from(tag)];
    if let Some(Value::Array(others)) = schema.remove("required") {
        required.extend(others);
    }
    schema.insert("required".to_owned(), required.into());
}

/// Records the defaults that keys of the surrounding table have with this variant; the keys
/// themselves are added later.
pub(crate) fn note_defaults(schema: &mut Schema, defaults: Vec<(&'static str, Value)>) {
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        for (key, default) in defaults {
            properties.insert(key.to_owned(), json!({ "default": default }));
        }
    }
}
