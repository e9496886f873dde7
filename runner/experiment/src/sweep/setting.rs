//! A value that a member of a sweep has for a key.

use std::ops::Range;

use crate::section::sweep::Axis;
use crate::tree::Node;

/// A value for one key.
#[derive(Debug, Clone)]
pub(super) struct Setting {
    pub(super) path: Vec<String>,
    /// Where the key stands in the file.
    pub(super) span: Range<usize>,
    pub(super) value: Node,
}

impl Setting {
    pub(super) fn of<V>(axis: &Axis<V>, value: Node) -> Self {
        Self { path: axis.path.clone(), span: axis.span.clone(), value }
    }
}
