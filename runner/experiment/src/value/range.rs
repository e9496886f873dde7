//! Two numbers between which something is drawn.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::from_node::FromNode;
use super::number::{BelowOne, Positive};
use super::plain::Plain;
use crate::diagnostic::Diagnostics;
use crate::tree::{Kind, Node};

/// In the plan these are the two numbers.
macro_rules! plain {
    ($($name:ident),*) => {$(
        impl Plain for $name {
            type Value = [f64; 2];
            fn plain(&self) -> [f64; 2] {
                self.0
            }
        }
    )*};
}

plain!(Factors, Shares, Zoom);

/// Factors, both greater than zero, the smaller first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Factors(pub [f64; 2]);

impl FromNode for Factors {
    fn from_node(node: &Node, key: &str, diagnostics: &mut Diagnostics) -> Option<Self> {
        let ends = Vec::<Positive>::from_node(node, key, diagnostics)?;
        if let [low, high] = ends[..]
            && low.0 <= high.0
        {
            return Some(Self([low.0, high.0]));
        }
        diagnostics
            .error(
                node.span.clone(),
                key,
                format!("`{key}` must be two factors, the smaller first"),
            )
            .label("such as [0.8, 1.2]");
        None
    }
}

impl JsonSchema for Factors {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Factors".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "array", "minItems": 2, "maxItems": 2,
            "items": { "type": "number", "exclusiveMinimum": 0 }
        })
    }
}

/// Shares of a whole, above zero, the smaller first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shares(pub [f64; 2]);

impl FromNode for Shares {
    fn from_node(node: &Node, key: &str, diagnostics: &mut Diagnostics) -> Option<Self> {
        let Factors([low, high]) = Factors::from_node(node, key, diagnostics)?;
        if high <= 1.0 {
            return Some(Self([low, high]));
        }
        diagnostics
            .error(node.span.clone(), key, format!("`{key}` must be two shares of at most 1"))
            .label("such as [0.5, 1.0]");
        None
    }
}

impl JsonSchema for Shares {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Shares".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "array", "minItems": 2, "maxItems": 2,
            "items": { "type": "number", "exclusiveMinimum": 0, "maximum": 1 }
        })
    }
}

/// Keras's `zoom_range`: z for 1 - z to 1 + z, or both ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Zoom(pub [f64; 2]);

impl FromNode for Zoom {
    fn from_node(node: &Node, key: &str, diagnostics: &mut Diagnostics) -> Option<Self> {
        if matches!(node.kind, Kind::Array(_)) {
            return Factors::from_node(node, key, diagnostics).map(|factors| Self(factors.0));
        }
        let BelowOne(zoom) = BelowOne::from_node(node, key, diagnostics)?;
        Some(Self([1.0 - zoom, 1.0 + zoom]))
    }
}

impl JsonSchema for Zoom {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Zoom".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let factors = Factors::json_schema(generator);
        json_schema!({ "anyOf": [BelowOne::json_schema(generator), factors] })
    }
}
