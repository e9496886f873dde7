//! A table from names to positive numbers: learning rates by layer, weights by class.

use std::collections::BTreeMap;

use crate::diagnostic::Diagnostics;
use crate::tree::{Key, Node};
use crate::value::{FromNode, Located, Positive};

/// Numbers by name, in the order of the file.
pub type NamedNumbers = Vec<(Located<String>, f64)>;

/// Reads all entries; `None` where one is wrong (then a diagnostic was noted).
pub(super) fn read_by_name(
    entries: &[(Key, Node)],
    key: &str,
    diagnostics: &mut Diagnostics,
) -> Option<NamedNumbers> {
    let read: Vec<Option<_>> = entries
        .iter()
        .map(|(name, node)| {
            let number = Positive::from_node(node, &format!("{key}.{}", name.name), diagnostics)?;
            Some((Located { value: name.name.clone(), span: name.span.clone() }, number.0))
        })
        .collect();
    read.into_iter().collect()
}

/// The form that the plan has.
pub(crate) fn by_name(numbers: &NamedNumbers) -> BTreeMap<String, f64> {
    numbers.iter().map(|(name, number)| (name.value.clone(), *number)).collect()
}
