//! Text for people. Makes foreign names safe to show: control characters, and bytes that are not UTF-8, are escaped.

use std::borrow::Cow;
use std::fmt::Write;
use std::path::Path;

/// Whether a terminal or a reader could be misled: control characters, and those that turn the
/// direction of writing.
fn misleads(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn escaped(text: &str, keep: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.chars().any(|c| misleads(c) && !keep(c)) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match misleads(c) && !keep(c) {
            true => safe.extend(c.escape_default()),
            false => safe.push(c),
        }
    }
    Cow::Owned(safe)
}

/// A name on one line: `cats\u{1b}[31m`.
#[must_use]
pub fn visible(name: &str) -> Cow<'_, str> {
    escaped(name, |_| false)
}

/// Lines of text, whose breaks and tabs stay.
#[must_use]
pub fn visible_lines(text: &str) -> Cow<'_, str> {
    escaped(text, |c| c == '\n' || c == '\t')
}

/// JSON that says the same, with what would mislead escaped as JSON does.
#[must_use]
pub fn visible_json(json: &str) -> String {
    let mut safe = String::with_capacity(json.len());
    for c in json.chars() {
        match misleads(c) && c != '\n' {
            // Writing into a string cannot fail; all of them have four digits at most.
            true => drop(write!(safe, "\\u{:04x}", u32::from(c))),
            false => safe.push(c),
        }
    }
    safe
}

/// A path on one line; bytes that are no UTF-8 are `\xe9`.
#[must_use]
pub fn shown(path: &Path) -> String {
    let mut text = String::new();
    for chunk in path.as_os_str().as_encoded_bytes().utf8_chunks() {
        text += &visible(chunk.valid());
        for byte in chunk.invalid() {
            // Writing into a string cannot fail.
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    text
}

/// A count with a comma between thousands: `14,714,688`.
#[must_use]
pub fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_come_in_threes() {
        let shown: Vec<String> = [0, 999, 1_000, 14_714_688].into_iter().map(thousands).collect();
        assert_eq!(shown, ["0", "999", "1,000", "14,714,688"]);
    }

    #[test]
    fn what_a_terminal_would_obey_is_escaped() {
        assert_eq!(visible("caf\u{e9} au lait"), "caf\u{e9} au lait");
        assert_eq!(visible("a\u{1b}[31mb\nc\u{9b}d\u{202e}e"), r"a\u{1b}[31mb\nc\u{9b}d\u{202e}e");
        assert_eq!(visible_lines("a\n\tb\u{7}"), "a\n\tb\\u{7}");
    }

    #[test]
    fn json_stays_json() {
        assert_eq!(visible_json("[\n  \"a\u{202e}\u{9b}\"\n]"), "[\n  \"a\\u202e\\u009b\"\n]");
    }

    #[cfg(unix)]
    #[test]
    fn bytes_that_are_no_text_are_shown_one_by_one() {
        use std::os::unix::ffi::OsStrExt;
        let path = Path::new(std::ffi::OsStr::from_bytes(b"train/caf\xe9/\xf0\x9f.jpg"));
        assert_eq!(shown(path), r"train/caf\xe9/\xf0\x9f.jpg");
    }
}
