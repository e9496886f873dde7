//! The JSON Schema of the experiment file, generated from the tables' types.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;

use crate::section::FileSection;

/// The schema as pretty JSON, for editors (`runner schema`).
#[must_use]
pub fn json() -> String {
    let mut schema =
        SchemaSettings::draft07().into_generator().into_root_schema_for::<FileSection>();
    schema.insert("title".to_owned(), format!("{} file", FileSection::schema_name()).into());
    format!("{:#}", schema.to_value())
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

    /// From `smoothgrad`'s noise in `section/visualize.rs`, and AdamW's decay in its own file.
    #[test]
    fn says_defaults_in_words_and_as_values() {
        let schema = json();
        for text in [
            "as a share of the range of the input. Default: 0.15.",
            "\"default\": 0.15,",
            "times the learning rate. Default: 0.004.",
            "Default: `nearest`.",
        ] {
            assert!(schema.contains(text), "{text} is not in the schema");
        }
    }
}
