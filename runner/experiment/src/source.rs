//! The text that spans point into: the file, and behind it the files that it extends, one line per
//! `--set`, and one per value that a sweep draws.
//!
//! Keeping all of them in one text lets every later step treat a value like a line of the file, while
//! messages can still tell them apart.

use std::fmt;
use std::ops::Range;

/// The experiment file with whatever else a plan was put together from behind it.
#[derive(Debug, Clone)]
pub struct SourceText {
    text: String,
    /// In the order of the text; the first is the file itself.
    parts: Vec<Part>,
}

/// One file, or one `--set`.
#[derive(Debug, Clone)]
struct Part {
    name: String,
    range: Range<usize>,
}

/// Where a span starts, as an editor shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file as it was named, or `--set`.
    pub name: String,
    /// 1-based.
    pub line: usize,
    /// 1-based, counted in characters.
    pub column: usize,
}

/// What messages call a `--set`.
const SET: &str = "--set";

/// Written as an editor finds it: `a.toml:3:5`; `--set` has but one line.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name.as_str() {
            SET => f.write_str(SET),
            name => write!(f, "{name}:{}", self.line),
        }
    }
}

impl SourceText {
    /// The text of a file, as yet without anything behind it.
    #[must_use]
    pub fn new(name: &str, text: &str) -> Self {
        let file = Part { name: name.to_owned(), range: 0..text.len() };
        Self { text: text.to_owned(), parts: vec![file] }
    }

    /// Appends the line of one `--set` and returns the offset at which it starts.
    pub(crate) fn append(&mut self, line: &str) -> usize {
        self.append_part(SET, line)
    }

    /// Appends another text under its name and returns the offset at which it starts.
    pub(crate) fn append_part(&mut self, name: &str, text: &str) -> usize {
        self.text.push('\n');
        let start = self.text.len();
        self.text.push_str(text);
        self.parts.push(Part { name: name.to_owned(), range: start..self.text.len() });
        start
    }

    /// The file alone, as given.
    #[must_use]
    pub fn file_text(&self) -> &str {
        &self.text[self.parts[0].range.clone()]
    }

    /// The part that an offset stands in; the end of a part belongs to it.
    fn part(&self, offset: usize) -> &Part {
        let behind = self.parts.partition_point(|part| part.range.start <= offset);
        &self.parts[behind.saturating_sub(1)]
    }

    /// The text to show a span in, its name, and the span within that text.
    #[must_use]
    pub fn excerpt(&self, span: &Range<usize>) -> (&str, &str, Range<usize>) {
        let part = self.part(span.start);
        let end = self.boundary(span.end.min(part.range.end));
        let start = self.boundary(span.start.min(end));
        let first = part.range.start;
        (&part.name, &self.text[part.range.clone()], start - first..end - first)
    }

    /// What stands in a span.
    #[must_use]
    pub fn written(&self, span: &Range<usize>) -> &str {
        let (_, text, span) = self.excerpt(span);
        &text[span]
    }

    /// Line and column of the start of a span.
    #[must_use]
    pub fn place(&self, span: &Range<usize>) -> Place {
        let (name, text, span) = self.excerpt(span);
        let before = &text[..span.start];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Place {
            name: name.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }

    /// The offsets at which lines start, those of every part included.
    pub(crate) fn line_starts(&self) -> Vec<usize> {
        let breaks = self.text.match_indices('\n').map(|(newline, _)| newline + 1);
        std::iter::once(0).chain(breaks).collect()
    }

    /// The nearest character boundary at or before `offset`.
    fn boundary(&self, offset: usize) -> usize {
        (0..=offset).rev().find(|offset| self.text.is_char_boundary(*offset)).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_from_one_in_characters() {
        let source = SourceText::new("a.toml", "x = 1\nä = 2\n");
        let offset = source.file_text().find('2').unwrap_or(0);
        let place = source.place(&(offset..offset + 1));
        assert_eq!((place.line, place.column), (2, 5));
    }

    #[test]
    fn an_override_has_a_place_of_its_own() {
        let mut source = SourceText::new("a.toml", "x = 1\n");
        let start = source.append("stage.head.epochs = 0");
        let (name, text, span) = source.excerpt(&(start + 20..start + 21));
        assert_eq!((name, text), ("--set", "stage.head.epochs = 0"));
        assert_eq!(&text[span], "0");
    }
}
