//! The power that the test should have, from the variances that the simulation had.

use runner_random::{Key, Purpose};
use runner_results::significance::Components;

/// Draws for one number.
const DRAWS: u32 = 100_000;

/// Means over all pairs.
#[derive(Debug, Default)]
pub struct Theory {
    seeds: usize,
    /// Of each side.
    from_seeds: f64,
    from_settings: f64,
    step: f64,
    difference: f64,
}

impl Theory {
    pub fn add(
        &mut self,
        parts: &Components,
        images: usize,
        seeds: usize,
        difference: f64,
        share: f64,
    ) {
        self.seeds = seeds;
        self.from_seeds += share * parts.seeds.iter().sum::<f64>() / 2.0;
        // Without the cut at zero, which the test makes: that would not be the variance there is.
        self.from_settings += share * (parts.images - parts.chance.iter().sum::<f64>());
        self.step = (images as f64).powi(-2);
        self.difference += share * difference;
    }

    /// How often a normal difference with these variances is found where the variance of seeds is
    /// estimated with `seeds - 1` degrees of freedom on each side and everything else is known.
    pub fn power(&self) -> f64 {
        let mut stream = Key::new(0, Purpose::Resample).stream();
        let free = self.seeds - 1;
        let settings = self.from_settings.max(0.0);
        let deviation = (2.0 * self.from_seeds + settings).sqrt();
        let mut found = 0;
        for _ in 0..DRAWS {
            let difference = self.difference + deviation * stream.normal();
            let mut estimate = || {
                let squares: f64 = (0..free).map(|_| stream.normal().powi(2)).sum();
                self.from_seeds * squares / free as f64
            };
            let (a, b) = (estimate(), estimate());
            let variance = a + b + settings + self.step;
            let degrees = variance * variance / ((a * a + b * b) / free as f64);
            found += u32::from(difference / variance.sqrt() > critical(degrees));
        }
        f64::from(found) / f64::from(DRAWS)
    }
}

/// The 97.5 % quantile of Student's distribution, by the expansion of Cornish and Fisher (Abramowitz &
/// Stegun 26.7.5) where that is good to a percent, else between exact values.
fn critical(degrees: f64) -> f64 {
    let exact = [12.706, 4.303, 3.182, 2.776];
    if degrees < 4.0 {
        let below = (degrees.floor() as usize).clamp(1, 3);
        let part = (degrees - below as f64).max(0.0);
        return exact[below - 1] + part * (exact[below] - exact[below - 1]);
    }
    let z: f64 = 1.959_964;
    let (first, second) = (z.powi(3) + z, 5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z);
    z + first / (4.0 * degrees) + second / (96.0 * degrees * degrees)
}
