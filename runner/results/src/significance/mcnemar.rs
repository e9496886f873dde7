//! McNemar's exact test of two classifiers on the same images.
//!
//! McNemar 1947, "Note on the sampling error of the difference between correlated proportions or
//! percentages"; Dietterich 1998, "Approximate statistical tests for comparing supervised
//! classification learning algorithms", finds it the best where each was trained once.

/// How two runs fare on the same images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Pairs {
    /// Images on which both are right.
    pub both_right: usize,
    /// Images on which only A is right.
    pub only_a: usize,
    /// Images on which only B is right.
    pub only_b: usize,
    /// Images on which both are wrong.
    pub both_wrong: usize,
}

impl Pairs {
    /// Counts images; `a` and `b` say for each whether that run was right.
    #[must_use]
    pub fn count(a: &[bool], b: &[bool]) -> Self {
        let images = |of: [bool; 2]| a.iter().zip(b).filter(|&(a, b)| [*a, *b] == of).count();
        Self {
            both_right: images([true, true]),
            only_a: images([true, false]),
            only_b: images([false, true]),
            both_wrong: images([false, false]),
        }
    }

    /// All images.
    #[must_use]
    pub fn images(&self) -> usize {
        self.both_right + self.only_a + self.only_b + self.both_wrong
    }

    /// Images on which one is right and the other is wrong.
    #[must_use]
    pub fn discordant(&self) -> usize {
        self.only_a + self.only_b
    }

    /// The accuracy of B less that of A, -1 to 1. Not a number without images.
    #[must_use]
    pub fn difference(&self) -> f64 {
        (self.only_b as f64 - self.only_a as f64) / self.images() as f64
    }

    /// The exact p-value, both directions together: how often a fair coin, thrown once for each image
    /// on which the two are not equally right, falls at least as unevenly.
    #[must_use]
    pub fn p_value(&self) -> f64 {
        let (all, fewer) = (self.discordant(), self.only_a.min(self.only_b));
        (2.0 * fair_coin(all, fewer)).min(1.0)
    }
}

/// How often a fair coin thrown `throws` times shows heads at most `heads` times. By the ratios of
/// neighbouring binomial coefficients, from the largest one outwards: fifteen digits for thousands of
/// throws, where logarithms of factorials and incomplete beta functions keep ten.
fn fair_coin(throws: usize, heads: usize) -> f64 {
    let middle = throws / 2;
    let (mut below, mut all, mut weight) = (0.0, 0.0, 1.0);
    for count in (0..=middle).rev() {
        // A row of coefficients reads the same from both ends.
        let both_ends = if 2 * count == throws { 1.0 } else { 2.0 };
        all += both_ends * weight;
        below += if count <= heads { weight } else { 0.0 };
        weight *= count as f64 / (throws - count + 1) as f64;
    }
    below / all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p_values_are_those_of_statsmodels() {
        let cases = include_str!("tests/mcnemar.csv").lines().filter(|line| !line.starts_with('#'));
        let mut checked = 0;
        for line in cases {
            let cells: Vec<&str> = line.split(',').collect();
            let count = |index: usize| cells[index].parse().unwrap_or(usize::MAX);
            let (both_right, only_a, only_b, both_wrong) = (count(0), count(1), count(2), count(3));
            let pairs = Pairs { both_right, only_a, only_b, both_wrong };
            let expected: f64 = cells[4].parse().unwrap_or(f64::NAN);
            let off = (pairs.p_value() - expected).abs();
            assert!(off < 1e-12, "{line}: {}", pairs.p_value());
            checked += 1;
        }
        assert_eq!(checked, 240);
    }

    #[test]
    fn pairs_are_counted_image_by_image() {
        let a = [true, true, false, false, true];
        let b = [true, false, true, false, true];
        let pairs = Pairs::count(&a, &b);
        assert_eq!(pairs, Pairs { both_right: 2, only_a: 1, only_b: 1, both_wrong: 1 });
        assert_eq!((pairs.images(), pairs.discordant(), pairs.difference()), (5, 2, 0.0));
        // Two throws, one of each: at least as uneven always.
        assert_eq!(pairs.p_value(), 1.0);
    }
}
