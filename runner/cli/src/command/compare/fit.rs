//! Columns in a given width: the widest are folded first, and what still does not fit goes below.

use std::borrow::Cow;

use console::measure_text_width;

/// Where nobody says how wide the terminal is.
pub(super) const DEFAULT_WIDTH: usize = 100;

/// Spaces between two columns.
pub(super) const GAP: usize = 2;

/// Texts are not folded below this.
const NARROWEST: usize = 12;

/// Parts of words are not broken below this.
const LONGEST_PART: usize = 16;

/// How wide a column is and how narrow it can become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) natural: usize,
    pub(super) least: usize,
}

impl Span {
    /// Of a heading and what stands below it. Numbers and ids are never folded.
    pub(super) fn of(heading: &str, texts: &[&str], folds: bool) -> Self {
        let longest = |text: &str| pieces(text).into_iter().map(width_of).max().unwrap_or(0);
        let widest = texts.iter().map(|text| measure_text_width(text)).max().unwrap_or(0);
        let natural = widest.max(measure_text_width(heading));
        let part = texts.iter().map(|text| longest(text)).max().unwrap_or(0).min(LONGEST_PART);
        let least = if folds { part.max(NARROWEST).min(widest) } else { widest };
        let heading = longest(heading).min(LONGEST_PART);
        Self { natural, least: least.max(heading).min(natural) }
    }
}

/// The widths of the columns in each block; the first column is repeated in every block.
pub(super) fn blocks(spans: &[Span], width: usize) -> Vec<Vec<(usize, usize)>> {
    let Some((first, rest)) = spans.split_first() else { return Vec::new() };
    let first_width = first.natural.min(width.max(1));
    let room = width.saturating_sub(first_width);
    let mut blocks: Vec<Vec<usize>> = vec![Vec::new()];
    let mut used = 0;
    for (index, span) in rest.iter().enumerate() {
        let wanted = GAP + span.least;
        if used + wanted > room && blocks.last().is_some_and(|block| !block.is_empty()) {
            blocks.push(Vec::new());
            used = 0;
        }
        used += wanted;
        blocks.last_mut().into_iter().for_each(|block| block.push(index + 1));
    }
    let fitted = |columns: &Vec<usize>| {
        let spans: Vec<Span> = columns.iter().map(|column| spans[*column]).collect();
        let widths = fit(&spans, room.saturating_sub(GAP * columns.len()));
        let others = columns.iter().copied().zip(widths);
        std::iter::once((0, first_width)).chain(others).collect()
    };
    blocks.iter().map(fitted).collect()
}

/// Takes from the widest column until all fit; one that cannot fit is as wide as there is room.
fn fit(spans: &[Span], room: usize) -> Vec<usize> {
    let mut widths: Vec<usize> = spans.iter().map(|span| span.natural).collect();
    while widths.iter().sum::<usize>() > room {
        let shrinkable = (0..spans.len()).filter(|index| widths[*index] > spans[*index].least);
        match shrinkable.max_by_key(|index| widths[*index]) {
            Some(widest) => widths[widest] -= 1,
            None => break,
        }
    }
    widths.into_iter().map(|width| width.min(room).max(1)).collect()
}

/// A text in lines of this width, broken behind separators where there are any.
pub(super) fn fold(text: &str, width: usize) -> String {
    if measure_text_width(text) <= width {
        return text.to_owned();
    }
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for piece in pieces(text) {
        if !line.is_empty()
            && measure_text_width(&line) + measure_text_width(piece.trim_end()) > width
        {
            lines.push(std::mem::take(&mut line));
        }
        for c in piece.chars() {
            let wide = measure_text_width(c.encode_utf8(&mut [0; 4]));
            if !line.is_empty() && c != ' ' && measure_text_width(&line) + wide > width {
                lines.push(std::mem::take(&mut line));
            }
            line.push(c);
        }
    }
    lines.push(line);
    let trimmed = lines.iter().map(|line| Cow::from(line.trim_end()));
    trimmed.collect::<Vec<_>>().join("\n")
}

/// Of a part, without the space behind it.
fn width_of(piece: &str) -> usize {
    measure_text_width(piece.trim_end())
}

/// Parts that stay together; a number is one.
fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut start = 0;
    for (at, separator) in text.match_indices([' ', '_', '.', '/', '-', ',']) {
        let end = at + separator.len();
        let in_number = text[end..].starts_with(|c: char| c.is_ascii_digit());
        if !(in_number && [".", "-"].contains(&separator)) {
            pieces.push(&text[start..end]);
            start = end;
        }
    }
    pieces.push(&text[start..]);
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_folded_behind_separators_or_anywhere() {
        assert_eq!(fold("best_validation_accuracy", 12), "best_\nvalidation_\naccuracy");
        assert_eq!(fold("[block1, block2, block3]", 16), "[block1, block2,\nblock3]");
        assert_eq!(fold("[1.0, 1e-5]", 6), "[1.0,\n1e-5]");
        assert_eq!(fold("abcdefgh", 3), "abc\ndef\ngh");
        assert_eq!(fold("short", 5), "short");
    }

    #[test]
    fn the_widest_gives_way_first_and_no_block_is_too_wide() {
        let span = |natural, least| Span { natural, least };
        let spans = [span(8, 8), span(30, 10), span(12, 6), span(6, 6)];
        let all = blocks(&spans, 8 + 2 + 20 + 2 + 12 + 2 + 6);
        assert_eq!(all, [vec![(0, 8), (1, 20), (2, 12), (3, 6)]]);
        for width in 20..70 {
            for block in blocks(&spans, width) {
                let taken: usize = block.iter().map(|(_, width)| width + GAP).sum();
                assert!(taken - GAP <= width, "{width}: {block:?}");
            }
        }
    }
}
