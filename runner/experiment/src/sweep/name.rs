//! What members are called: the keys that a sweep changes, by their ends, with their values.

use crate::source::SourceText;
use crate::tree::{Kind, Node};

/// The shortest end of each dotted key that no other of them has.
#[must_use]
pub fn short_names(keys: &[String]) -> Vec<String> {
    let ends = |key: &str, parts: usize| -> String {
        let all: Vec<&str> = key.split('.').collect();
        all[all.len().saturating_sub(parts)..].join(".")
    };
    let short = |key: &String| {
        let most = key.split('.').count();
        let fits = |parts: &usize| {
            let end = ends(key, *parts);
            keys.iter().filter(|other| ends(other, *parts) == end).count() == 1
        };
        (1..=most).find(fits).map_or_else(|| key.clone(), |parts| ends(key, parts))
    };
    keys.iter().map(short).collect()
}

/// A value as it stands in the file, in one line and without the quotes of a string.
pub(super) fn shown(value: &Node, source: &SourceText) -> String {
    match &value.kind {
        Kind::String(text) => text.clone(),
        _ => source.written(&value.span).split_whitespace().collect::<Vec<_>>().join(" "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_as_short_as_they_can_be() {
        let keys = [
            "stage.head.optimizer.learning_rate",
            "stage.block5.optimizer.learning_rate",
            "experiment.seed",
        ];
        let short = short_names(&keys.map(str::to_owned));
        assert_eq!(
            short,
            ["head.optimizer.learning_rate", "block5.optimizer.learning_rate", "seed"]
        );
    }
}
