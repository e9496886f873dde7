//! Paths that lead nowhere, and what to do about them.

use crate::folder;
use crate::tree::BACKSLASH;

/// Whether a path has what nobody wants in one, the tab of `"set\train"` for one.
pub(super) fn has_control(path: &str) -> bool {
    path.chars().any(char::is_control)
}

/// What to do about a path that leads nowhere.
pub(super) fn missing_help(path: &str) -> String {
    if has_control(path) {
        return format!("the path has a control character in it; {BACKSLASH}");
    }
    match folder::command_that_brings(path) {
        Some(command) => format!("`{command}` brings it"),
        None => "paths are relative to the folder that the command runs in".to_owned(),
    }
}
