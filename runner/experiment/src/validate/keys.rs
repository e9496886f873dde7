//! Reading optional keys and reporting missing ones.

use crate::diagnostic::Diagnostics;
use crate::suggest::closest;
use crate::value::Located;

/// The value, where it could be read.
pub(super) fn get<T: Clone>(field: &Option<Located<T>>) -> Option<T> {
    field.as_ref().map(|located| located.value.clone())
}

/// Reports a required key that is missing; a wrong or misspelt one has been reported already.
pub(super) fn require(
    present: &[String],
    name: &str,
    table: &str,
    span: &std::ops::Range<usize>,
    diagnostics: &mut Diagnostics,
) {
    if present.iter().any(|key| key == name || closest(key, [name]).is_some()) {
        return;
    }
    diagnostics
        .error(span.clone(), format!("{table}.{name}"), format!("`{table}` lacks `{name}`"))
        .label(format!("`{name}` is missing here"));
}
