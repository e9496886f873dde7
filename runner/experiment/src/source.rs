//! The text that spans point into: the file, and behind it one line per `--set`.
//!
//! Keeping both in one text lets every later step treat an override like a line of the file, while
//! messages can still tell the two apart.

use std::ops::Range;

/// The experiment file with the `--set` lines behind it.
#[derive(Debug, Clone)]
pub struct SourceText {
    name: String,
    text: String,
    file_length: usize,
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

impl SourceText {
    /// The text of a file, as yet without overrides.
    #[must_use]
    pub fn new(name: &str, text: &str) -> Self {
        Self { name: name.to_owned(), text: text.to_owned(), file_length: text.len() }
    }

    /// Appends the line of one `--set` and returns the offset at which it starts.
    pub(crate) fn append(&mut self, line: &str) -> usize {
        self.text.push('\n');
        let start = self.text.len();
        self.text.push_str(line);
        start
    }

    /// The file alone, as given.
    #[must_use]
    pub fn file_text(&self) -> &str {
        &self.text[..self.file_length]
    }

    /// The text to show a span in, its name, and the span within that text.
    #[must_use]
    pub fn excerpt(&self, span: &Range<usize>) -> (&str, &str, Range<usize>) {
        if span.start <= self.file_length {
            let text = self.file_text();
            let end = self.boundary(span.end.min(text.len()));
            let start = self.boundary(span.start.min(end));
            return (&self.name, text, start..end);
        }
        let start = self.text[..span.start].rfind('\n').map_or(0, |newline| newline + 1);
        let end = self.text[span.start..]
            .find('\n')
            .map_or(self.text.len(), |newline| span.start + newline);
        ("--set", &self.text[start..end], span.start - start..span.end.min(end) - start)
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

    /// The offsets at which lines start, those of `--set` included.
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
