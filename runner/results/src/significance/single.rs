//! Two single runs: McNemar's test of the two networks, and what it leaves open about their settings.
//!
//! McNemar's test takes the two networks as they are. Another seed would have made other networks, and
//! two runs cannot tell how different ones: the difference between seeds has to be assumed.

use super::distribution::normal_quantile;
use super::level::{LEVEL, Outcome};
use super::mcnemar::Pairs;
use super::newcombe::paired_interval;

/// What two runs tell.
#[derive(Debug, Clone, PartialEq)]
pub struct SingleRuns {
    /// Who is right where.
    pub pairs: Pairs,
    /// The accuracy of B less that of A, -1 to 1.
    pub difference: f64,
    /// McNemar's, exact.
    pub p_value: f64,
    /// 95 %, of the difference between these two networks.
    pub network_interval: [f64; 2],
    /// The assumed standard deviation of the accuracy between seeds, 0 to 1.
    pub spread: f64,
    /// 95 %, of the difference between the settings: wider, for seeds.
    pub interval: [f64; 2],
}

impl SingleRuns {
    /// What can be said of the two networks, whatever other seeds would have done.
    #[must_use]
    pub fn network_outcome(&self) -> Outcome {
        Outcome::of(self.difference, self.p_value, self.network_interval)
    }
}

/// At an accuracy of 90 %, half a point; it shrinks towards 0 and 100 % as the deviation of a share
/// does. Fourteen seeds of `feature_extraction.toml` deviate by 0.47 points once the chance at single
/// images is taken off, three of `finetune_block5_fast.toml` by 0.32, ten of
/// `feature_extraction_caffe.toml` by none.
#[must_use]
pub fn seed_spread(accuracy: f64) -> f64 {
    0.005 * (accuracy * (1.0 - accuracy) / (0.9 * 0.1)).max(0.0).sqrt()
}

/// Tests two runs; `None` with fewer than two images. Without `spread`, [`seed_spread`].
pub(super) fn single_runs(pairs: Pairs, spread: Option<f64>) -> Option<SingleRuns> {
    let images = pairs.images();
    if images < 2 {
        return None;
    }
    let right = 2 * pairs.both_right + pairs.discordant();
    let spread = spread.unwrap_or_else(|| seed_spread(right as f64 / (2 * images) as f64));
    let difference = pairs.difference();
    let network_interval = paired_interval(&pairs);
    // Two seeds, and independent errors add up as squares do.
    let seeds = normal_quantile(1.0 - LEVEL / 2.0) * spread * std::f64::consts::SQRT_2;
    let [low, high] = network_interval.map(|end| (end - difference).hypot(seeds));
    let interval = [difference - low, difference + high];
    let p_value = pairs.p_value();
    Some(SingleRuns { pairs, difference, p_value, network_interval, spread, interval })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_widen_the_interval_as_squares_add() {
        let pairs = Pairs { both_right: 860, only_a: 10, only_b: 33, both_wrong: 97 };
        let Some(plain) = single_runs(pairs, Some(0.0)) else { panic!("there are images") };
        assert_eq!(plain.interval, plain.network_interval);
        assert_eq!(plain.network_outcome(), Outcome::BBetter);
        let Some(wide) = single_runs(pairs, Some(0.005)) else { panic!("there are images") };
        // 1.96 · 0.005 · √2, squared.
        let seeds = 1.920_73e-4;
        for (narrow, wide) in plain.interval.into_iter().zip(wide.interval) {
            let squares = (wide - 0.023).powi(2) - (narrow - 0.023).powi(2);
            assert!((squares - seeds).abs() < 1e-8, "{squares}");
        }
        assert!((seed_spread(0.9) - 0.005).abs() < 1e-15);
        assert_eq!(seed_spread(1.0), 0.0);
        let one = Pairs { both_right: 1, only_a: 0, only_b: 0, both_wrong: 0 };
        assert_eq!(single_runs(one, None), None);
    }
}
