//! A value with its place in the source text.

use std::ops::Range;

use schemars::{JsonSchema, Schema, SchemaGenerator};

/// A value with its place in the source text.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Located<T> {
    pub value: T,
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
