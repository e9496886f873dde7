//! The little YAML that MLflow's file store is made of.

use std::fmt::Write;
use std::path::Path;

/// A text in double quotes, in which everything but plain ASCII is escaped.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        let code = u32::from(c);
        // Writing into a string cannot fail.
        let _ = match c {
            '"' | '\\' => write!(quoted, "\\{c}"),
            ' '..='~' => write!(quoted, "{c}"),
            _ if code <= 0xffff => write!(quoted, "\\u{code:04x}"),
            _ => write!(quoted, "\\U{code:08x}"),
        };
    }
    quoted + "\""
}

/// The text that a line of a file gives a key, of the forms that MLflow and [`quoted`] write.
pub(super) fn text<'a>(file: &'a str, key: &str) -> Option<std::borrow::Cow<'a, str>> {
    let value = |line: &'a str| Some(line.strip_prefix(key)?.strip_prefix(':')?.trim());
    let value = file.lines().find_map(value)?;
    if let Some(inner) = value.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
        return Some(inner.replace("''", "'").into());
    }
    match value.starts_with('"') {
        true => serde_json::from_str::<String>(value).ok().map(Into::into),
        false => Some(value.into()),
    }
}

/// A local path as a URL: `file:///a/b%20c`.
pub(super) fn file_url(path: &Path) -> String {
    let mut url = String::from("file://");
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'-' | b'_' | b'.' | b'~' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => {
                url.push(char::from(*byte));
            }
            // Writing into a string cannot fail.
            _ => drop(write!(url, "%{byte:02X}")),
        }
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_survive_and_hold_no_other_line() {
        let quoted = quoted("a: \"b\"\n\\ caf\u{e9} \u{1f600}");
        assert_eq!(quoted, r#""a: \"b\"\u000a\\ caf\u00e9 \U0001f600""#);
        let file = "lifecycle_stage: active\nname: 'it''s'\nnames: no\n";
        assert_eq!(text(file, "name").as_deref(), Some("it's"));
        assert_eq!(text(file, "lifecycle_stage").as_deref(), Some("active"));
        assert_eq!(text("name: \"caf\\u00e9\"", "name").as_deref(), Some("caf\u{e9}"));
        assert_eq!(text(file, "id"), None);
    }

    #[test]
    fn paths_become_urls() {
        assert_eq!(file_url(Path::new("/a b/\u{e9}#")), "file:///a%20b/%C3%A9%23");
    }
}
