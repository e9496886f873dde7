//! Parts that would have nothing, although there are enough images: as where each of many small classes
//! has too few for a share of a fifth.

use std::collections::BTreeMap;

use super::assign::Shares;
use super::unit::Unit;

/// Whether a part with a share has no unit, and there are enough for all parts.
pub(super) fn is_empty(units: &[&Unit], shares: &[f64], parts: &[usize]) -> bool {
    let wanted: Vec<usize> = wanted(shares).collect();
    units.len() >= wanted.len() && wanted.iter().any(|part| !parts.contains(part))
}

/// Units with their classes taken for one.
pub(super) fn as_one_class(units: &[&Unit]) -> Vec<Unit> {
    let merged = |unit: &&Unit| Unit {
        classes: BTreeMap::from([(0, unit.images.len())]),
        ..(*unit).clone()
    };
    units.iter().map(merged).collect()
}

/// Gives each part as many units as it needs; one of each class too, where every part needs every class.
/// What was kept stays.
pub(super) fn fill(units: &[&Unit], shares: &Shares, kept: &[Option<usize>], parts: &mut [usize]) {
    let all: Vec<usize> = (0..units.len()).collect();
    let nothing = BTreeMap::new();
    Filling { units, shares: &shares.shares, kept, classes: &nothing }.give(
        &all,
        shares.least,
        parts,
    );
    if !shares.each_class {
        return;
    }
    let mut classes: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (index, unit) in units.iter().enumerate() {
        unit.classes.keys().for_each(|class| classes.entry(*class).or_default().push(index));
    }
    let filling = Filling { units, shares: &shares.shares, kept, classes: &classes };
    for of_class in classes.values() {
        filling.give(of_class, 1, parts);
    }
}

struct Filling<'a> {
    units: &'a [&'a Unit],
    shares: &'a [f64],
    kept: &'a [Option<usize>],
    /// The units of each class of which no part may lose its last.
    classes: &'a BTreeMap<usize, Vec<usize>>,
}

impl Filling<'_> {
    /// Among some units, gives each part with fewer than `least` a unit of a part that is most above its
    /// share: that one then is short by less than one, and the other above by less than one.
    fn give(&self, some: &[usize], least: usize, parts: &mut [usize]) {
        let wanted: Vec<usize> = wanted(self.shares).collect();
        if some.len() < wanted.len() {
            return;
        }
        let least = if some.len() < wanted.len() * least { 1 } else { least };
        for part in wanted.into_iter().flat_map(|part| std::iter::repeat_n(part, least)) {
            let count = |part: usize| count(some, parts, part);
            if count(part) >= least {
                continue;
            }
            let above = |part: usize| count(part) as f64 - self.shares[part] * some.len() as f64;
            let movable = some.iter().copied().filter(|index| {
                let is_free = self.kept[*index].is_none() && count(parts[*index]) > least;
                is_free && !self.is_last(*index, parts)
            });
            let best = movable.max_by(|a, b| {
                let (one, other) = (self.units[*a], self.units[*b]);
                let by_share = above(parts[*a]).total_cmp(&above(parts[*b]));
                let by_size = other.images.len().cmp(&one.images.len());
                by_share.then(by_size).then(one.key.cmp(&other.key))
            });
            if let Some(index) = best {
                parts[index] = part;
            }
        }
    }

    /// Whether a unit is the last of one of its classes in its part.
    fn is_last(&self, index: usize, parts: &[usize]) -> bool {
        let of_unit = self.units[index].classes.keys().filter_map(|class| self.classes.get(class));
        of_unit.into_iter().any(|of_class| count(of_class, parts, parts[index]) == 1)
    }
}

/// How many of some units are in a part.
fn count(some: &[usize], parts: &[usize], part: usize) -> usize {
    some.iter().filter(|index| parts[**index] == part).count()
}

fn wanted(shares: &[f64]) -> impl Iterator<Item = usize> + '_ {
    (0..shares.len()).filter(|part| shares[*part] > 0.0)
}
