//! One table of the file, declared once: the ranges of its keys, their defaults and their
//! documentation.
//!
//! `section!` makes of one declaration the table as it stands in the file, the table of the plan
//! with every default filled in, and the JSON Schema. A key is declared as
//! `name: Type [kinds] = default`, where `Type` is what may stand in the file, and `[kinds]` is one
//! of these, or absent:
//!
//! | kind | in the plan |
//! |---|---|
//! | (none) | the value or the default |
//! | `[omit]` | the same; not written where it is the default, as in plans from before the key was there |
//! | `[optional]` | an `Option`; not written where it is `None` |
//! | `[required]` | the value; `validate` reports where there is none |
//! | `[computed]` | the value; `validate` finds one where there is none, and the documentation says which |
//! | `[computed optional]` | an `Option` of that |
//! | `[flat]` | a table whose keys stand among those of this one |
//!
//! `Type => Other [computed]` is for what `validate` makes an `Other` of. Required and computed
//! values are empty, or what is given as their default, until `validate` fills them in.
//!
//! The plan is written in the order of the declaration. `listed [a, b]` behind the name puts these
//! first where a message lists the keys of the file.

use serde::ser::{SerializeStruct, Serializer};

/// A table of the plan, written key by key.
pub trait WriteKeys {
    /// Writes the keys into a table that may have others.
    ///
    /// # Errors
    ///
    /// Those of the format.
    fn write_keys<S: SerializeStruct>(&self, out: &mut S) -> Result<(), S::Error>;
}

/// Writes a whole table. The length is a hint that neither TOML nor JSON takes.
pub(crate) fn write_table<T: WriteKeys, S: Serializer>(
    table: &T,
    name: &'static str,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut out = serializer.serialize_struct(name, 1)?;
    table.write_keys(&mut out)?;
    out.end()
}

/// Whether a value differs from the default; this signature gives the default its type.
pub(crate) fn differ<T: PartialEq>(value: &T, default: &T) -> bool {
    value != default
}

/// Declares one table of the file and of the plan; see the top of this module.
macro_rules! section {
    (
        $(#[doc = $doc:literal])*
        $(#[derive($($extra:path),*)])?
        pub struct $plan:ident from $section:ident $(listed [$($listed:ident),*])? {
            $(
                $(#[doc = $key_doc:literal])*
                $key:ident: $type:ty $(=> $made:ty)? $([$($kind:ident)+])? $(= $default:expr)?,
            )*
        }
    ) => {
        $(#[doc = $doc])*
        ///
        /// As it stands in the file: nothing is filled in, nothing is checked against anything else.
        #[derive(Debug, Clone, Default)]
        pub struct $section {
            /// Where the table stands.
            pub span: std::ops::Range<usize>,
            /// Names of the keys that the table has, right or wrong.
            pub present: Vec<String>,
            $(
                $(#[doc = $key_doc])*
                pub $key: $crate::value::file_type!([$($($kind)+)?] $type),
            )*
        }

        $(#[doc = $doc])*
        #[derive(Debug, Clone, PartialEq)]
        $(#[derive($($extra),*)])?
        pub struct $plan {
            $(
                $(#[doc = $key_doc])*
                $(#[doc = concat!("\n\nDefault: `", stringify!($default), "`.")])?
                pub $key: $crate::value::plan_type!([$($($kind)+)?] $type $(=> $made)?),
            )*
        }

        impl $crate::value::Table for $section {
            fn expected() -> String {
                let flat: Option<String> = None$(.or($crate::value::expected!([$($($kind)+)?] $type)))*;
                flat.unwrap_or_else(|| "a table".to_owned())
            }
            fn read_keys(reader: &mut $crate::value::TableReader<'_>) -> Option<Self> {
                $(reader.list(&[$(stringify!($listed)),*]);)?
                Some(Self {
                    span: reader.span(),
                    present: reader.present(),
                    $($key: $crate::value::read_key!([$($($kind)+)?] reader, $key: $type),)*
                })
            }
        }

        impl $crate::value::Plain for $section {
            type Value = $plan;
            fn plain(&self) -> $plan {
                $plan {
                    $($key: $crate::value::plan_value!(
                        [$($($kind)+)?] self.$key $(=> $made)? $(, $default)?
                    ),)*
                }
            }
        }

        /// What a table without keys stands for.
        impl Default for $plan {
            fn default() -> Self {
                $crate::value::Plain::plain(&$section::default())
            }
        }

        impl $crate::value::WriteKeys for $plan {
            fn write_keys<S: serde::ser::SerializeStruct>(&self, out: &mut S) -> Result<(), S::Error> {
                $($crate::value::write_key!([$($($kind)+)?] self, out, $key $(, $default)?);)*
                Ok(())
            }
        }

        impl serde::Serialize for $plan {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                $crate::value::write_table(self, stringify!($plan), serializer)
            }
        }

        impl schemars::JsonSchema for $section {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($section).into()
            }
            fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                let mut table = $crate::value::TableSchema::new(generator);
                $($crate::value::describe_key!(
                    [$($($kind)+)?] table, $key: $type, &[$($key_doc),*] $(, $default)?
                );)*
                table.finish(&[$($doc),*])
            }
        }
    };
}

/// The type of a key as it stands in the file.
macro_rules! file_type {
    ([flat] $type:ty) => { $type };
    ([$($kind:ident)*] $type:ty) => { Option<$crate::value::Located<$type>> };
}

/// The type of a key as it stands in the plan.
macro_rules! plan_type {
    ([$($kind:ident)*] $type:ty => $made:ty) => { $made };
    ([$(computed)? optional] $type:ty) => { Option<<$type as $crate::value::Plain>::Value> };
    ([$($kind:ident)*] $type:ty) => { <$type as $crate::value::Plain>::Value };
}

/// Lets a flat table say what is expected in place of the whole.
macro_rules! expected {
    ([flat] $type:ty) => {
        Some(<$type as $crate::value::Table>::expected())
    };
    ([$($kind:ident)*] $type:ty) => {
        None
    };
}

/// Reads one key.
macro_rules! read_key {
    ([flat] $reader:ident, $key:ident: $type:ty) => {
        <$type as $crate::value::Table>::read_keys($reader)?
    };
    ([$($kind:ident)*] $reader:ident, $key:ident: $type:ty) => {
        $reader.read(stringify!($key))
    };
}

/// The value of a key for the plan.
macro_rules! plan_value {
    ([flat] $given:expr) => {
        $crate::value::Plain::plain(&$given)
    };
    ([computed] $given:expr => $made:ty) => {
        <$made>::default()
    };
    ([computed] $given:expr => $made:ty, $default:expr) => {
        $default
    };
    ([$(computed)? optional] $given:expr) => {
        $given.as_ref().map($crate::value::Plain::plain)
    };
    ([$($kind:ident)*] $given:expr) => {
        $given.as_ref().map($crate::value::Plain::plain).unwrap_or_default()
    };
    ([$($kind:ident)*] $given:expr, $default:expr) => {
        $given.as_ref().map_or_else(|| $default, $crate::value::Plain::plain)
    };
}

/// Writes one key of the plan.
macro_rules! write_key {
    ([flat] $table:ident, $out:ident, $key:ident) => {
        $crate::value::WriteKeys::write_keys(&$table.$key, $out)?
    };
    ([$(computed)? optional] $table:ident, $out:ident, $key:ident) => {
        if let Some(value) = &$table.$key {
            $out.serialize_field(stringify!($key), value)?;
        }
    };
    ([omit] $table:ident, $out:ident, $key:ident, $default:expr) => {
        if $crate::value::differ(&$table.$key, &$default) {
            $out.serialize_field(stringify!($key), &$table.$key)?;
        }
    };
    ([$($kind:ident)*] $table:ident, $out:ident, $key:ident $(, $default:expr)?) => {
        $out.serialize_field(stringify!($key), &$table.$key)?
    };
}

/// Puts one key into the JSON Schema.
macro_rules! describe_key {
    ([flat] $table:ident, $key:ident: $type:ty, $docs:expr) => {
        $table.flat::<$type>()
    };
    ([required] $table:ident, $key:ident: $type:ty, $docs:expr) => {
        $table.required::<$type>(stringify!($key), $docs)
    };
    ([optional] $table:ident, $key:ident: $type:ty, $docs:expr) => {
        $table.optional::<$type>(stringify!($key), $docs)
    };
    ([computed $(optional)?] $table:ident, $key:ident: $type:ty, $docs:expr $(, $default:expr)?) => {
        $table.computed::<$type>(stringify!($key), $docs)
    };
    ([$(omit)?] $table:ident, $key:ident: $type:ty, $docs:expr, $default:expr) => {{
        let default: <$type as $crate::value::Plain>::Value = $default;
        $table.with_default::<$type>(stringify!($key), $docs, &default);
    }};
}

pub(crate) use {
    describe_key, expected, file_type, plan_type, plan_value, read_key, section, write_key,
};
