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

/// Gives each part one unit at least; of each class too, where every part needs every class. What was
/// kept stays.
pub(super) fn fill(units: &[&Unit], shares: &Shares, kept: &[Option<usize>], parts: &mut [usize]) {
    let all: Vec<usize> = (0..units.len()).collect();
    give(units, &all, &shares.shares, (kept, parts));
    if !shares.each_class {
        return;
    }
    let mut classes: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (index, unit) in units.iter().enumerate() {
        unit.classes.keys().for_each(|class| classes.entry(*class).or_default().push(index));
    }
    for of_class in classes.values() {
        give(units, of_class, &shares.shares, (kept, parts));
    }
}

/// Among some units, gives each part without one a unit of a part that is most above its share: that one
/// then is short by less than one, and the other above by less than one.
fn give(
    units: &[&Unit],
    some: &[usize],
    shares: &[f64],
    (kept, parts): (&[Option<usize>], &mut [usize]),
) {
    let wanted: Vec<usize> = wanted(shares).collect();
    if some.len() < wanted.len() {
        return;
    }
    for part in wanted {
        let count = |part: usize| some.iter().filter(|index| parts[**index] == part).count();
        if count(part) > 0 {
            continue;
        }
        let above = |part: usize| count(part) as f64 - shares[part] * some.len() as f64;
        let movable =
            some.iter().copied().filter(|index| kept[*index].is_none() && count(parts[*index]) > 1);
        let best = movable.max_by(|a, b| {
            let (one, other) = (units[*a], units[*b]);
            let by_share = above(parts[*a]).total_cmp(&above(parts[*b]));
            let by_size = other.images.len().cmp(&one.images.len());
            by_share.then(by_size).then(one.key.cmp(&other.key))
        });
        if let Some(index) = best {
            parts[index] = part;
        }
    }
}

fn wanted(shares: &[f64]) -> impl Iterator<Item = usize> + '_ {
    (0..shares.len()).filter(|part| shares[*part] > 0.0)
}
