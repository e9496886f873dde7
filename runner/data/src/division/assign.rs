//! Units into parts with given shares.

use std::collections::BTreeMap;

use super::fill;
use super::unit::Unit;

/// Differences between shares that are rounding alone.
const ROUNDING: f64 = 1e-9;

/// What the parts are to have.
pub(super) struct Shares {
    /// Of the whole; their sum is 1.
    pub(super) shares: Vec<f64>,
    /// Whether of each class too.
    pub(super) stratify: bool,
    /// Whether every part needs something of every class.
    pub(super) each_class: bool,
    /// How many units each part needs.
    pub(super) least: usize,
}

/// The part of each unit. Those for which `kept` knows one are there already.
pub(super) fn assign(
    units: &[&Unit],
    shares: &Shares,
    kept: impl Fn(&Unit) -> Option<usize>,
) -> Vec<usize> {
    let kept: Vec<Option<usize>> =
        units.iter().map(|unit| kept(unit).filter(|part| *part < shares.shares.len())).collect();
    if shares.stratify {
        let mut parts = stratified(units, &shares.shares, &kept);
        if fill::is_empty(units, &shares.shares, &parts) {
            let merged = fill::as_one_class(units);
            parts = stratified(&merged.iter().collect::<Vec<_>>(), &shares.shares, &kept);
        }
        fill::fill(units, shares, &kept, &mut parts);
        return parts;
    }
    let place = |(unit, kept): (&&Unit, &Option<usize>)| {
        kept.unwrap_or_else(|| by_key(unit, &shares.shares))
    };
    units.iter().zip(&kept).map(place).collect()
}

/// Where the key of a unit, as a number from 0 to 1, falls among the shares laid end to end.
fn by_key(unit: &Unit, shares: &[f64]) -> usize {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&unit.key[..8]);
    // As many bits as a float of 64 bits keeps.
    let mut place = (u64::from_be_bytes(bytes) >> 11) as f64 / (1_u64 << 53) as f64;
    for (part, share) in shares.iter().enumerate() {
        if place < *share {
            return part;
        }
        place -= share;
    }
    // Shares whose sum is below 1 by rounding.
    shares.iter().rposition(|share| *share > 0.0).unwrap_or(0)
}

/// Each unit, the large ones first, goes where its classes are missed most: by how many images, class by
/// class, a part is short of its share. For units of one image each class is within one image of its
/// share in every part: a part takes an image only while it is short of one, and is then above its share
/// by less than one; and the one that was last short by one would have taken the image that put another
/// above its share.
fn stratified(units: &[&Unit], shares: &[f64], kept: &[Option<usize>]) -> Vec<usize> {
    let mut missing = Missing::new(units, shares);
    let mut parts = vec![0; units.len()];
    let mut open: Vec<usize> = Vec::new();
    for (index, unit) in units.iter().enumerate() {
        match kept[index] {
            Some(part) => {
                missing.take(part, unit);
                parts[index] = part;
            }
            None => open.push(index),
        }
    }
    open.sort_by(|a, b| {
        let (a, b) = (units[*a], units[*b]);
        (b.images.len(), a.key).cmp(&(a.images.len(), b.key))
    });
    for index in open {
        let part = missing.most(units[index], shares);
        missing.take(part, units[index]);
        parts[index] = part;
    }
    parts
}

/// By how many images each part is short of its share.
struct Missing {
    /// By part and class.
    classes: Vec<BTreeMap<usize, f64>>,
    /// By part, over all classes.
    all: Vec<f64>,
}

impl Missing {
    fn new(units: &[&Unit], shares: &[f64]) -> Self {
        let mut totals: BTreeMap<usize, usize> = BTreeMap::new();
        for (class, count) in units.iter().flat_map(|unit| &unit.classes) {
            *totals.entry(*class).or_default() += count;
        }
        let of_part = |share: &f64| {
            totals.iter().map(|(class, count)| (*class, share * *count as f64)).collect()
        };
        let images: usize = units.iter().map(|unit| unit.images.len()).sum();
        Self {
            classes: shares.iter().map(of_part).collect(),
            all: shares.iter().map(|share| share * images as f64).collect(),
        }
    }

    fn take(&mut self, part: usize, unit: &Unit) {
        for (class, count) in &unit.classes {
            if let Some(missing) = self.classes[part].get_mut(class) {
                *missing -= *count as f64;
            }
        }
        self.all[part] -= unit.images.len() as f64;
    }

    /// The part that misses the classes of a unit most; of several, the one that misses most images.
    /// That leaves the least sum of squares of what is missing.
    fn most(&self, unit: &Unit, shares: &[f64]) -> usize {
        let score = |part: usize| -> f64 {
            let of_class = |(class, count): (&usize, &usize)| {
                *count as f64 * self.classes[part].get(class).copied().unwrap_or(0.0)
            };
            unit.classes.iter().map(of_class).sum()
        };
        let parts = (0..shares.len()).filter(|part| shares[*part] > 0.0);
        let mut best: Option<(f64, usize)> = None;
        for part in parts {
            let found = score(part);
            let better = best.is_none_or(|(known, other)| {
                found > known + ROUNDING
                    || (found > known - ROUNDING && self.all[part] > self.all[other] + ROUNDING)
            });
            if better {
                best = Some((found, part));
            }
        }
        best.map_or(0, |(_, part)| part)
    }
}
