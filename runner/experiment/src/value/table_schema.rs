//! The JSON Schema of one table, put together key by key.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde_json::{Map, Value};

/// A schema under construction.
pub struct TableSchema<'a> {
    generator: &'a mut SchemaGenerator,
    properties: Map<String, Value>,
    required: Vec<Value>,
    variants: Option<Schema>,
}

impl<'a> TableSchema<'a> {
    /// A table without keys.
    pub fn new(generator: &'a mut SchemaGenerator) -> Self {
        Self { generator, properties: Map::new(), required: Vec::new(), variants: None }
    }

    /// A key with a default.
    pub fn with_default<T: JsonSchema>(
        &mut self,
        key: &str,
        docs: &[&str],
        default: &impl Serialize,
    ) {
        let default = serde_json::to_value(default).unwrap_or(Value::Null);
        let text = in_words(&default);
        let mut schema = self.described::<T>(docs, text.as_deref());
        if text.is_some() {
            schema.insert("default".to_owned(), default);
        }
        self.properties.insert(key.to_owned(), schema.to_value());
    }

    /// A key that may be absent from the plan as well.
    pub fn optional<T: JsonSchema>(&mut self, key: &str, docs: &[&str]) {
        let schema = self.described::<T>(docs, Some("none"));
        self.properties.insert(key.to_owned(), schema.to_value());
    }

    /// A key whose documentation says what its absence means.
    pub fn computed<T: JsonSchema>(&mut self, key: &str, docs: &[&str]) {
        let schema = self.described::<T>(docs, None);
        self.properties.insert(key.to_owned(), schema.to_value());
    }

    /// A key that must be there.
    pub fn required<T: JsonSchema>(&mut self, key: &str, docs: &[&str]) {
        self.computed::<T>(key, docs);
        self.required.push(key.into());
    }

    /// The keys of a table that stand among those of this one.
    pub fn flat<T: JsonSchema>(&mut self) {
        let schema = T::json_schema(self.generator);
        if schema.get("oneOf").is_some() {
            self.variants = Some(schema);
            return;
        }
        let properties = schema.get("properties").and_then(Value::as_object);
        self.properties.extend(properties.cloned().unwrap_or_default());
        let required = schema.get("required").and_then(Value::as_array);
        self.required.extend(required.cloned().unwrap_or_default());
    }

    /// The schema of the whole table. Where a flat table has variants, each of them gets the keys of
    /// this one.
    #[must_use]
    pub fn finish(self, docs: &[&str]) -> Schema {
        let Some(mut schema) = self.variants else {
            let mut schema = json_schema!({
                "type": "object",
                "additionalProperties": false,
                "description": text(docs, None),
                "properties": self.properties,
            });
            if !self.required.is_empty() {
                schema.insert("required".to_owned(), self.required.into());
            }
            return schema;
        };
        let variants = schema.get_mut("oneOf").and_then(Value::as_array_mut);
        for variant in variants.into_iter().flatten() {
            if let Some(properties) = variant.get_mut("properties").and_then(Value::as_object_mut) {
                for (key, schema) in &self.properties {
                    let noted = properties.get(key).and_then(|noted| noted.get("default")).cloned();
                    let schema = with_noted_default(schema.clone(), noted);
                    properties.insert(key.clone(), schema);
                }
            }
            if let Some(required) = variant.get_mut("required").and_then(Value::as_array_mut) {
                required.extend(self.required.iter().cloned());
            }
        }
        schema.insert("description".to_owned(), text(docs, None).into());
        schema
    }

    fn described<T: JsonSchema>(&mut self, docs: &[&str], default: Option<&str>) -> Schema {
        let mut schema = self.generator.subschema_for::<T>();
        schema.insert("description".to_owned(), text(docs, default).into());
        schema
    }
}

/// The schema of a key whose default depends on the variant.
fn with_noted_default(mut schema: Value, default: Option<Value>) -> Value {
    if let (Some(default), Some(object)) = (default, schema.as_object_mut()) {
        let docs = object.get("description").and_then(Value::as_str).unwrap_or_default();
        let described = text(&[docs], in_words(&default).as_deref());
        object.insert("description".to_owned(), described.into());
        object.insert("default".to_owned(), default);
    }
    schema
}

/// The documentation in one piece, with the default at its end.
fn text(docs: &[&str], default: Option<&str>) -> String {
    let lines: Vec<&str> = docs.iter().map(|line| line.trim()).collect();
    let text = lines.join("\n");
    match default {
        None => text,
        Some(default) if text.is_empty() => format!("Default: {default}."),
        Some(default) => format!("{text} Default: {default}."),
    }
}

/// A default as the documentation has it; `None` for a whole table.
fn in_words(default: &Value) -> Option<String> {
    match default {
        Value::Null | Value::Object(_) => None,
        Value::String(word) if word.is_empty() => Some("empty".to_owned()),
        Value::String(word) => Some(format!("`{word}`")),
        Value::Array(items) if items.is_empty() => Some("none".to_owned()),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(plain_number).collect();
            Some(format!("[{}]", items.join(", ")))
        }
        other => Some(plain_number(other)),
    }
}

/// `1` for `1.0`; anything else as JSON has it.
fn plain_number(value: &Value) -> String {
    let text = value.to_string();
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}
