//! How much more would tell two settings apart, were the difference what it seems to be.
//!
//! For a power of 80 %. Rough, as the difference itself is uncertain.

use super::distribution::normal_quantile;
use super::level::LEVEL;
use super::mcnemar::Pairs;
use super::seeds::SeedsAndImages;

/// How often the difference should be found.
const POWER: f64 = 0.8;

/// Test images with which McNemar's test finds the difference that these pairs have, if as large a
/// share of them is discordant: Connor 1987, "Sample size for testing differences in proportions for
/// the paired-sample design". `None` without a difference.
#[must_use]
pub fn images_for_mcnemar(pairs: &Pairs) -> Option<f64> {
    let difference = pairs.difference();
    if difference == 0.0 || !difference.is_finite() {
        return None;
    }
    let discordant = pairs.discordant() as f64 / pairs.images() as f64;
    let critical = normal_quantile(1.0 - LEVEL / 2.0) * discordant.sqrt();
    let power = normal_quantile(POWER) * (discordant - difference * difference).max(0.0).sqrt();
    Some(((critical + power) / difference).powi(2).ceil())
}

/// The variance with which a difference is found.
fn target(found: &SeedsAndImages) -> f64 {
    let sum = normal_quantile(1.0 - LEVEL / 2.0) + normal_quantile(POWER);
    (found.difference / sum).powi(2)
}

/// Test images with which the same seeds would do; `None` where no number of images does.
#[must_use]
pub fn images_for_seeds(found: &SeedsAndImages) -> Option<f64> {
    let chance: f64 = found.components.chance.iter().sum();
    let seeds = (found.components.seeds.iter().sum::<f64>() - chance).max(0.0);
    let shrinks = chance + found.components.settings();
    let left = target(found) - seeds;
    (left > 0.0).then(|| (found.images as f64 * shrinks / left).ceil())
}

/// Seeds of each side with which the same images would do; `None` where no number of seeds does.
#[must_use]
pub fn seeds_for_images(found: &SeedsAndImages) -> Option<f64> {
    let one_each: f64 =
        found.components.seeds.iter().zip(found.seeds).map(|(part, n)| part * n as f64).sum();
    let left = target(found) - found.components.settings();
    // Below two there is nothing to estimate the variance from.
    (left > 0.0).then(|| (one_each / left).ceil().max(2.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_by_connors_formula() {
        // Discordant 0.043, difference 0.023; scipy 1.17: ((z₉₇₅ √0.043 + z₈₀ √0.042471) / 0.023)² = 635.6.
        let pairs = Pairs { both_right: 860, only_a: 10, only_b: 33, both_wrong: 97 };
        assert_eq!(images_for_mcnemar(&pairs), Some(636.0));
        assert_eq!(images_for_mcnemar(&Pairs { only_a: 33, ..pairs }), None);
        let none = Pairs { both_right: 0, only_a: 0, only_b: 0, both_wrong: 0 };
        assert_eq!(images_for_mcnemar(&none), None);
    }
}
