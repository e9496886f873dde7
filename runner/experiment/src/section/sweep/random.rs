//! Values drawn at random: how many, and from what.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, json};

use super::axes::{Axis, keyed, leaves, list};
use crate::diagnostic::Diagnostics;
use crate::suggest::did_you_mean;
use crate::tree::{Kind, Node};
use crate::value::{Count, FromNode, Seed, wrong_type};

/// `random = { n = 20, seed = 1, … }`
#[derive(Debug, Clone)]
pub struct Random {
    /// How many draws.
    pub n: usize,
    /// Where they start.
    pub seed: u64,
    /// What is drawn.
    pub axes: Vec<Axis<Distribution>>,
}

/// Where a value is drawn from.
#[derive(Debug, Clone)]
pub enum Distribution {
    /// Between two numbers.
    Uniform([f64; 2]),
    /// Between two numbers, evenly in the logarithm.
    LogUniform([f64; 2]),
    /// One of a list.
    Choice(Vec<Node>),
}

/// The words for a distribution.
const DISTRIBUTIONS: [&str; 3] = ["uniform", "log_uniform", "choice"];

impl FromNode for Random {
    fn from_node(node: &Node, key: &str, diagnostics: &mut Diagnostics) -> Option<Self> {
        if !matches!(node.kind, Kind::Table(_)) {
            return wrong_type(node, key, "a table with `n` and what is drawn", diagnostics);
        }
        let n = count(node, key, diagnostics);
        let seed = match node.get("seed") {
            Some((_, seed)) => Seed::from_node(seed, &format!("{key}.seed"), diagnostics),
            None => Some(Seed(0)),
        };
        // A table of tables is a dotted key without quotes.
        let is_leaf = |node: &Node| {
            !node.entries().iter().any(|(_, value)| matches!(value.kind, Kind::Table(_)))
        };
        let mut axes = leaves(node, &is_leaf);
        axes.retain(|leaf| leaf.path != ["n"] && leaf.path != ["seed"]);
        if axes.is_empty() {
            diagnostics
                .error(node.span.clone(), key, format!("`{key}` draws nothing"))
                .help(r#"such as "model.head.dropout" = { uniform = [0.0, 0.7] }"#);
            return None;
        }
        let axes: Vec<Option<_>> =
            axes.iter().map(|leaf| distribution(leaf, key, diagnostics)).collect();
        Some(Self {
            n: usize::try_from(n?.0).unwrap_or(1),
            seed: u64::try_from(seed?.0).unwrap_or(0),
            axes: axes.into_iter().collect::<Option<_>>()?,
        })
    }
}

/// How many draws there are.
fn count(node: &Node, key: &str, diagnostics: &mut Diagnostics) -> Option<Count> {
    if let Some((_, n)) = node.get("n") {
        return Count::from_node(n, &format!("{key}.n"), diagnostics);
    }
    diagnostics
        .error(node.span.clone(), key, format!("`{key}` lacks `n`"))
        .label("`n` is missing here")
        .help("`n` is how many members are drawn");
    None
}

/// What one key is drawn from.
fn distribution(
    leaf: &Axis<&Node>,
    key: &str,
    diagnostics: &mut Diagnostics,
) -> Option<Axis<Distribution>> {
    let dotted = format!("{key}.{}", leaf.path.join("."));
    let [(word, value)] = leaf.values.entries() else {
        let expected = "a table such as { uniform = [0.1, 0.5] }, { log_uniform = [1e-5, 1e-3] } \
                        or { choice = [1, 2] }";
        return wrong_type(leaf.values, &dotted, expected, diagnostics);
    };
    let inner = format!("{dotted}.{}", word.name);
    let values = match word.name.as_str() {
        "choice" => Distribution::Choice(
            list(
                &Axis { path: leaf.path.clone(), span: leaf.span.clone(), values: value },
                key,
                diagnostics,
            )?
            .values,
        ),
        "uniform" => Distribution::Uniform(bounds(value, &inner, f64::NEG_INFINITY, diagnostics)?),
        "log_uniform" => Distribution::LogUniform(bounds(value, &inner, 0.0, diagnostics)?),
        other => {
            diagnostics
                .error(word.span.clone(), dotted, format!("`{other}` is no distribution"))
                .help(did_you_mean(other, DISTRIBUTIONS));
            return None;
        }
    };
    Some(Axis { path: leaf.path.clone(), span: leaf.span.clone(), values })
}

/// Two finite numbers above `floor`, the smaller first.
fn bounds(node: &Node, key: &str, floor: f64, diagnostics: &mut Diagnostics) -> Option<[f64; 2]> {
    let given = Vec::<f64>::from_node(node, key, diagnostics)?;
    if let [low, high] = given[..]
        && floor < low
        && low < high
        && high.is_finite()
    {
        return Some([low, high]);
    }
    let above = if floor == 0.0 { " above zero" } else { "" };
    diagnostics
        .error(
            node.span.clone(),
            key,
            format!("`{key}` must be two finite numbers{above}, the smaller first"),
        )
        .label("expected [low, high]");
    None
}

impl JsonSchema for Random {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Random".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = keyed(&json!({ "type": "object" }));
        let mut properties = Map::new();
        let mut describe = |key: &str, schema: Schema, words: &str| {
            let mut schema = schema;
            schema.insert("description".to_owned(), words.into());
            properties.insert(key.to_owned(), schema.to_value());
        };
        describe("n", Count::json_schema(generator), "How many members are drawn.");
        describe("seed", Seed::json_schema(generator), "Seed of the draws. Default: 0.");
        schema.insert("properties".to_owned(), properties.into());
        schema.insert("required".to_owned(), json!(["n"]));
        schema
    }
}
