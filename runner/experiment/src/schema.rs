//! The JSON Schema of the experiment file, generated from the tables' types.

use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};
use schemars::{JsonSchema, Schema};

use crate::section::Root;

/// The schema as pretty JSON, for editors (`runner schema`).
#[must_use]
pub fn json() -> String {
    let mut schema = SchemaSettings::draft07().into_generator().into_root_schema_for::<Root>();
    DropNull.transform(&mut schema);
    schema.insert(
        "title".to_owned(),
        format!("{} file", Root::schema_name()).replace("Root", "Experiment").into(),
    );
    format!("{:#}", schema.to_value())
}

/// TOML has no null: an absent key is absent.
#[derive(Debug, Clone)]
struct DropNull;

impl Transform for DropNull {
    fn transform(&mut self, schema: &mut Schema) {
        transform_subschemas(self, schema);
        let Some(object) = schema.as_object_mut() else {
            return;
        };
        if let Some(types) = object.get_mut("type").and_then(|t| t.as_array_mut()) {
            types.retain(|name| name != "null");
            if let [only] = types.as_slice() {
                let only = only.clone();
                object.insert("type".to_owned(), only);
            }
        }
        if let Some(choices) = object.get_mut("enum").and_then(|e| e.as_array_mut()) {
            choices.retain(|choice| !choice.is_null());
        }
        let Some(variants) = object.get_mut("anyOf").and_then(|a| a.as_array_mut()) else {
            return;
        };
        variants.retain(|variant| variant.get("type").is_none_or(|name| name != "null"));
        if let [only] = variants.as_slice()
            && let Some(only) = only.as_object().cloned()
        {
            object.remove("anyOf");
            for (key, value) in only {
                object.entry(key).or_insert(value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn describes_the_tables_and_knows_no_null() {
        let schema = json();
        for word in ["early_stopping", "additionalProperties", "rmsprop", "exclusiveMaximum"] {
            assert!(schema.contains(word), "{word} is not in the schema");
        }
        assert!(!schema.contains("\"null\""));
    }
}
