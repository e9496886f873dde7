//! `[dataset] columns`: what the columns of a table of labels are called.

use schemars::{JsonSchema, Schema, SchemaGenerator};

use crate::diagnostic::Diagnostics;
use crate::tree::{Kind, Node};
use crate::value::{FromNode, Plain, section, wrong_type};

section! {
    /// What the columns of `dataset.table` are called.
    pub struct Columns from ColumnsSection {
        /// Paths of the images, from the folder `dataset.images`.
        image: String = "image".to_owned(),
        /// The class, the labels or the number; several columns, as a list, for labels with one column
        /// each (0 or 1) and for several numbers.
        label: LabelColumns = vec!["label".to_owned()],
        /// `train`, `validation` or `test`. Without this column images are divided as `dataset.split`
        /// says. Default: `split`, where the table has it.
        split: String [optional],
        /// Images with the same text stay together when they are divided. Default: `group`, where the
        /// table has it.
        group: String [optional],
        /// How much an image counts in training, as its factor in the loss. Default: `weight`, where the
        /// table has it.
        weight: String [optional],
    }
}

/// One column or several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelColumns(pub Vec<String>);

impl FromNode for LabelColumns {
    fn from_node(node: &Node, key: &str, diagnostics: &mut Diagnostics) -> Option<Self> {
        match &node.kind {
            Kind::String(name) => Some(Self(vec![name.clone()])),
            Kind::Array(names) if names.is_empty() => {
                diagnostics.error(node.span.clone(), key, "there is no column in this list");
                None
            }
            Kind::Array(_) => Vec::from_node(node, key, diagnostics).map(Self),
            _ => wrong_type(node, key, "the name of a column, or a list of names", diagnostics),
        }
    }
}

impl Plain for LabelColumns {
    type Value = Vec<String>;
    fn plain(&self) -> Vec<String> {
        self.0.clone()
    }
}

impl JsonSchema for LabelColumns {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "LabelColumns".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({
            "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" }, "minItems": 1 }]
        })
    }
}
