//! Layers that Keras named itself: `conv2d_95` is whatever number the program that wrote the file had
//! come to. Within a class the order is that in which they were made, and counts alone.

use std::collections::{BTreeMap, BTreeSet};

use super::entry::TensorFile;

/// Classes as files name them, Keras 1's names first.
const CLASSES: [(&str, &str); 4] = [
    ("convolution2d", "conv2d"),
    ("batchnormalization", "batch_normalization"),
    ("conv2d", "conv2d"),
    ("batch_normalization", "batch_normalization"),
];

/// Class and number of a component of a name.
fn class(part: &str) -> Option<(&'static str, usize)> {
    CLASSES.iter().find_map(|(word, class)| {
        let number = match part.strip_prefix(word)? {
            "" => 0,
            rest => rest.strip_prefix('_')?.parse().ok()?,
        };
        Some((*class, number))
    })
}

/// From the numbers of a file to those that count from nought.
#[derive(Debug, Default)]
pub(super) struct Numbers(BTreeMap<&'static str, BTreeSet<usize>>);

impl Numbers {
    /// Those of a file.
    pub(super) fn of(file: &TensorFile) -> Self {
        let mut numbers = Self::default();
        let parts = file.entries.iter().flat_map(|entry| entry.name.split(['/', '.', ':']));
        for (class, number) in parts.filter_map(class) {
            numbers.0.entry(class).or_default().insert(number);
        }
        numbers
    }

    /// A name as a fresh program would have given it.
    pub(super) fn renamed(&self, name: &str) -> String {
        let part = |part: &str| match class(part) {
            Some((class, number)) => {
                let earlier = self.0.get(class).map_or(0, |all| all.range(..number).count());
                if earlier == 0 { class.to_owned() } else { format!("{class}_{earlier}") }
            }
            None => part.to_owned(),
        };
        let parts = name.split_inclusive(['/', '.', ':']).map(|piece| {
            let word = piece.trim_end_matches(['/', '.', ':']);
            format!("{}{}", part(word), &piece[word.len()..])
        });
        parts.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::entry::Entry;
    use super::*;

    #[test]
    fn numbers_count_from_nought_within_a_class() {
        let entry = |name: &str| Entry {
            name: name.to_owned(),
            shape: vec![1],
            values: Box::new(|| Ok(vec![0.0])),
        };
        let names = [
            "conv2d_95/conv2d_95/kernel:0",
            "conv2d_97/conv2d_97/kernel:0",
            "batch_normalization_3/beta:0",
            "dense_1/kernel:0",
        ];
        let entries = names.map(entry).into();
        let file = TensorFile { path: "a.h5".into(), entries, keras: None };
        let numbers = Numbers::of(&file);
        let renamed = names.map(|name| numbers.renamed(name));
        let expected = [
            "conv2d/conv2d/kernel:0",
            "conv2d_1/conv2d_1/kernel:0",
            "batch_normalization/beta:0",
            "dense_1/kernel:0",
        ];
        assert_eq!(renamed, expected);
    }
}
