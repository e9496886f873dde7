//! Numbers with a range: each type checks it, and says it in the JSON Schema.

/// Declares a number with a range.
macro_rules! number {
    ($(#[$meta:meta])* $name:ident($base:ty) => $plain:ty: $must:literal, $ok:expr, $schema:tt) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq)]
        pub struct $name(pub $base);

        impl $crate::value::FromNode for $name {
            fn from_node(
                node: &$crate::tree::Node,
                key: &str,
                diagnostics: &mut $crate::diagnostic::Diagnostics,
            ) -> Option<Self> {
                let number = <$base>::from_node(node, key, diagnostics)?;
                let ok: fn($base) -> bool = $ok;
                if ok(number) {
                    return Some(Self(number));
                }
                diagnostics
                    .error(node.span.clone(), key, format!("`{key}` must be {}, not {number}", $must))
                    .label(concat!("must be ", $must));
                None
            }
        }

        impl $crate::value::Plain for $name {
            type Value = $plain;
            fn plain(&self) -> $plain {
                // The range of the type is within that of the plan's.
                <$plain>::try_from(self.0).unwrap_or_default()
            }
        }

        impl schemars::JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!($schema)
            }
        }
    };
}

number!(
    /// A whole number of at least one.
    Count(i64) => usize: "a whole number from 1 to 1000000", |n| (1..=1_000_000).contains(&n), { "type": "integer", "minimum": 1, "maximum": 1_000_000 });
number!(
    /// A size that memory is allocated for.
    Size(i64) => usize: "a whole number from 1 to 65536", |n| (1..=65_536).contains(&n), { "type": "integer", "minimum": 1, "maximum": 65_536 });
number!(
    /// A whole number of at least zero.
    Whole(i64) => usize: "a whole number of at least 0", |n| n >= 0, { "type": "integer", "minimum": 0 });
number!(
    /// Where random draws start.
    Seed(i64) => u64: "a whole number of at least 0", |n| n >= 0, { "type": "integer", "minimum": 0 });
number!(
    /// Greater than zero and finite.
    Positive(f64) => f64: "a finite number greater than 0", |x| x > 0.0 && x.is_finite(), { "type": "number", "exclusiveMinimum": 0 });
number!(
    /// At least zero and finite.
    NonNegative(f64) => f64: "a finite number of at least 0", |x| x >= 0.0 && x.is_finite(), { "type": "number", "minimum": 0 });
number!(
    /// From zero up to, but not including, one.
    BelowOne(f64) => f64: "at least 0 and less than 1", |x| (0.0..1.0).contains(&x), { "type": "number", "minimum": 0, "exclusiveMaximum": 1 });
number!(
    /// The strength of an operation.
    Magnitude(f64) => f64: "from 0 to 30", |x| (0.0..=30.0).contains(&x), { "type": "number", "minimum": 0, "maximum": 30 });
number!(
    /// From zero to one.
    Share(f64) => f64: "from 0 to 1", |x| (0.0..=1.0).contains(&x), { "type": "number", "minimum": 0, "maximum": 1 });
number!(
    /// A share that is neither nothing nor everything.
    Fraction(f64) => f64: "greater than 0 and less than 1", |x| x > 0.0 && x < 1.0, { "type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1 });
