//! Images that must stay together: copies of one picture, and those of one group.

use std::collections::{BTreeMap, HashMap};

use crate::scan::{ContentHash, ImageFile};

/// Images that go into one split.
#[derive(Debug, Clone)]
pub(super) struct Unit {
    /// Their indices, in the order of their contents.
    pub(super) images: Vec<usize>,
    /// How many of each class, or of what stands for one.
    pub(super) classes: BTreeMap<usize, usize>,
    /// The first of their groups.
    pub(super) group: Option<String>,
    /// Where it stands among the others: a hash of seed and group, or of seed and content.
    pub(super) key: ContentHash,
}

/// The images as units, in no order that means anything.
pub(super) fn units(
    (images, strata): (&[ImageFile], &[Vec<usize>]),
    group: impl Fn(&ImageFile) -> Option<String>,
    seed: u64,
) -> Vec<Unit> {
    let groups: Vec<Option<String>> = images.iter().map(group).collect();
    let mut sets = Sets::new(images.len());
    let (mut by_hash, mut by_group) = (HashMap::new(), HashMap::new());
    for (index, image) in images.iter().enumerate() {
        sets.join(index, *by_hash.entry(image.hash).or_insert(index));
        if let Some(group) = &groups[index] {
            sets.join(index, *by_group.entry(group).or_insert(index));
        }
    }
    let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for index in 0..images.len() {
        members.entry(sets.root(index)).or_default().push(index);
    }
    members.into_values().map(|members| unit((images, strata), &groups, members, seed)).collect()
}

fn unit(
    (images, strata): (&[ImageFile], &[Vec<usize>]),
    groups: &[Option<String>],
    mut members: Vec<usize>,
    seed: u64,
) -> Unit {
    members.sort_by_key(|index| (images[*index].hash, images[*index].target.class()));
    let group = members.iter().filter_map(|index| groups[*index].clone()).min();
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_le_bytes());
    match &group {
        // A group stays where it is when it grows.
        Some(group) => hasher.update(b"group").update(group.as_bytes()),
        None => hasher.update(b"image").update(&images[members[0]].hash),
    };
    let mut classes = BTreeMap::new();
    for stratum in members.iter().flat_map(|index| &strata[*index]) {
        *classes.entry(*stratum).or_insert(0) += 1;
    }
    Unit { images: members, classes, group, key: *hasher.finalize().as_bytes() }
}

/// Which indices belong together (union-find; Tarjan 1975).
struct Sets(Vec<usize>);

impl Sets {
    fn new(count: usize) -> Self {
        Self((0..count).collect())
    }

    fn root(&mut self, mut index: usize) -> usize {
        while self.0[index] != index {
            self.0[index] = self.0[self.0[index]];
            index = self.0[index];
        }
        index
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        self.0[a.max(b)] = a.min(b);
    }
}
