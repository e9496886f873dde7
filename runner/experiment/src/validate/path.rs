//! Help for paths that do not exist.

use crate::folder;
use crate::tree::BACKSLASH;

/// Whether a path contains a control character, such as the tab in `"set\train"`.
pub(super) fn has_control(path: &str) -> bool {
    path.chars().any(char::is_control)
}

/// Help for a path that does not exist.
pub(super) fn missing_help(path: &str) -> String {
    if has_control(path) {
        return format!("the path has a control character in it; {BACKSLASH}");
    }
    match folder::fetch_command(path) {
        Some(command) => format!("`{command}` brings it"),
        None => "paths are relative to the folder that the command runs in".to_owned(),
    }
}
