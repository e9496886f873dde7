//! An interval for the difference of two accuracies on the same images.

use super::distribution::normal_quantile;
use super::level::LEVEL;
use super::mcnemar::Pairs;

/// The 95 % interval of B's accuracy less A's: method 10 of Newcombe 1998, "Improved confidence
/// intervals for the difference between binomial proportions based on paired data". Wilson's
/// intervals of the two, joined with their correlation.
#[must_use]
pub fn paired_interval(pairs: &Pairs) -> [f64; 2] {
    let images = pairs.images() as f64;
    let right_a = (pairs.both_right + pairs.only_a) as f64;
    let right_b = (pairs.both_right + pairs.only_b) as f64;
    let [low_a, high_a] = wilson(right_a, images);
    let [low_b, high_b] = wilson(right_b, images);
    let (a, b) = (right_a / images, right_b / images);
    let correlation = correlation(pairs, right_a, right_b);
    let joined = |x: f64, y: f64| (x * x - 2.0 * correlation * x * y + y * y).max(0.0).sqrt();
    [b - a - joined(b - low_b, high_a - a), b - a + joined(high_b - b, a - low_a)]
}

/// Wilson's score interval of a share.
fn wilson(right: f64, images: f64) -> [f64; 2] {
    let z = normal_quantile(1.0 - LEVEL / 2.0);
    let middle = 2.0 * right + z * z;
    let half = z * (z * z + 4.0 * right * (1.0 - right / images)).sqrt();
    [middle - half, middle + half].map(|end| end / (2.0 * (images + z * z)))
}

/// Of being right on the same images, with Newcombe's continuity correction where it is positive.
fn correlation(pairs: &Pairs, right_a: f64, right_b: f64) -> f64 {
    let images = pairs.images() as f64;
    let product = right_a * (images - right_a) * right_b * (images - right_b);
    let same = pairs.both_right as f64 * pairs.both_wrong as f64;
    let covariance = same - pairs.only_a as f64 * pairs.only_b as f64;
    let corrected = match covariance > 0.0 {
        true => (covariance - images / 2.0).max(0.0),
        false => covariance,
    };
    if product > 0.0 { corrected / product.sqrt() } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs([both_right, only_a, only_b, both_wrong]: [usize; 4]) -> Pairs {
        Pairs { both_right, only_a, only_b, both_wrong }
    }

    #[test]
    fn intervals_are_the_published_ones() {
        // Cavo et al. 2012 in Fagerland, Lydersen & Laake 2017, `contingencytables` for R, where it is
        // the first less the second.
        let [low, high] = paired_interval(&pairs([59, 16, 6, 80]));
        assert!((low - -0.1186).abs() < 5e-5 && (high - -0.0046).abs() < 5e-5, "{low} {high}");
        // The formula with the Wilson intervals of statsmodels 0.15.0; the second table is that of
        // Altman et al. 2000, "Statistics with confidence", table 6.2.
        let references = [
            ([36, 12, 2, 0], -0.340_427_602_974_940_8, -0.056_929_584_003_238_75),
            ([14, 0, 5, 22], 0.011_483_241_383_033_22, 0.226_492_684_351_211_2),
            ([860, 10, 33, 97], 0.010_084_144_058_313_83, 0.036_523_400_162_111_33),
            ([3, 5, 6, 2], -0.311_666_608_205_183_55, 0.416_610_872_824_425_1),
            ([900, 7, 5, 88], -0.009_770_952_314_407_975, 0.005_641_176_042_955_999),
        ];
        for (counts, low, high) in references {
            let found = paired_interval(&pairs(counts));
            let off = (found[0] - low).abs().max((found[1] - high).abs());
            assert!(off < 1e-9, "{counts:?}: {found:?}");
        }
    }

    #[test]
    fn intervals_exist_where_everything_is_the_same() {
        for counts in [[10, 0, 0, 0], [0, 0, 0, 10], [5, 0, 0, 5]] {
            let [low, high] = paired_interval(&pairs(counts));
            assert!(low <= 0.0 && (0.0..0.4).contains(&high), "{counts:?}: {low} {high}");
        }
    }
}
