//! The parsed TOML as a tree of located nodes, in the order of the file.
//!
//! `toml` recovers from syntax errors and hands back what it could read; this module turns that
//! into owned nodes, so that overrides can be put in beside what the file says.

mod put;

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::diagnostic::Diagnostics;
use crate::source::SourceText;

pub(crate) use put::{name_of, put};

/// A key as written, with its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Key {
    /// Without quotes.
    pub name: String,
    pub span: Range<usize>,
}

/// A value with its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    pub span: Range<usize>,
    pub kind: Kind,
}

/// The TOML types.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    String(String),
    Integer(i64),
    /// A number with a fraction, or too large for [`Kind::Integer`].
    Float(f64),
    Boolean(bool),
    /// A date, a time, or both.
    Datetime(String),
    Array(Vec<Node>),
    /// A table, inline or under a header.
    Table(Vec<(Key, Node)>),
}

impl Kind {
    /// The type with its article, for messages.
    #[must_use]
    pub fn describe(&self) -> &'static str {
        match self {
            Self::String(_) => "a string",
            Self::Integer(_) => "an integer",
            Self::Float(_) => "a float",
            Self::Boolean(_) => "a boolean",
            Self::Datetime(_) => "a date or time",
            Self::Array(_) => "an array",
            Self::Table(_) => "a table",
        }
    }
}

impl Node {
    /// The entries of a table; none for anything else.
    #[must_use]
    pub fn entries(&self) -> &[(Key, Node)] {
        match &self.kind {
            Kind::Table(entries) => entries,
            _ => &[],
        }
    }

    /// The value under `name`, where this is a table that has it.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<(&Key, &Node)> {
        self.entries().iter().find(|(key, _)| key.name == name).map(|(key, node)| (key, node))
    }
}

/// Parses the file part of `source`; every syntax error becomes a diagnostic.
pub fn parse(source: &SourceText, diagnostics: &mut Diagnostics) -> Node {
    parse_at(source.file_text(), 0, diagnostics)
}

/// Parses `text`, which stands at `offset` in the source text.
pub(crate) fn parse_at(text: &str, offset: usize, diagnostics: &mut Diagnostics) -> Node {
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let span = error.span().unwrap_or(0..0);
        let span = span.start + offset..span.end + offset;
        let diagnostic = diagnostics.error(span, "", first_line(error.message()));
        diagnostic.label("TOML syntax");
        diagnostic.syntax = true;
        if error.message().contains("escape") {
            diagnostic.help(BACKSLASH);
        }
    }
    let span = table.span();
    Node { span: span.start + offset..span.end + offset, kind: entries(table.get_ref(), offset) }
}

/// What to do about the backslashes of a path.
pub(crate) const BACKSLASH: &str = "in \"…\" a backslash starts an escape; write a path with `/`, or \
    in single quotes: 'set\\train'";

fn first_line(message: &str) -> String {
    message.lines().collect::<Vec<_>>().join(", ")
}

fn entries(table: &DeTable<'_>, offset: usize) -> Kind {
    let mut list: Vec<(Key, Node)> = table
        .iter()
        .map(|(key, value)| {
            let span = key.span();
            let key = Key {
                name: key.get_ref().to_string(),
                span: span.start + offset..span.end + offset,
            };
            (key, node(value, offset))
        })
        .collect();
    list.sort_by_key(|(key, _)| key.span.start);
    Kind::Table(list)
}

fn node(value: &Spanned<DeValue<'_>>, offset: usize) -> Node {
    let span = value.span();
    let kind = match value.get_ref() {
        DeValue::String(text) => Kind::String(text.to_string()),
        DeValue::Integer(number) => integer(number.as_str(), number.radix()),
        DeValue::Float(number) => Kind::Float(float(number.as_str())),
        DeValue::Boolean(flag) => Kind::Boolean(*flag),
        DeValue::Datetime(moment) => Kind::Datetime(moment.to_string()),
        DeValue::Array(items) => Kind::Array(items.iter().map(|item| node(item, offset)).collect()),
        DeValue::Table(table) => entries(table, offset),
    };
    Node { span: span.start + offset..span.end + offset, kind }
}

fn integer(text: &str, radix: u32) -> Kind {
    match i64::from_str_radix(text, radix) {
        Ok(number) => Kind::Integer(number),
        Err(_) => Kind::Float(float(text)),
    }
}

fn float(text: &str) -> f64 {
    text.parse().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_order_of_the_file_and_reads_on_after_an_error() {
        let source = SourceText::new("a.toml", "z = 0x1F\na = = 3\nm = 2.5e-3\n");
        let mut diagnostics = Diagnostics::default();
        let tree = parse(&source, &mut diagnostics);
        assert!(diagnostics.errors() >= 1);
        assert_eq!(tree.entries()[0].0.name, "z");
        assert_eq!(tree.get("z").map(|(_, n)| &n.kind), Some(&Kind::Integer(31)));
        assert_eq!(tree.get("m").map(|(_, n)| &n.kind), Some(&Kind::Float(0.0025)));
    }
}
