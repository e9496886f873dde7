//! t-distributed stochastic neighbour embedding (van der Maaten & Hinton 2008), exact.
//!
//! Written here because two runs draw the same picture: it begins with principal components instead
//! of random places, and every sum has one order.
//!
//! Constants are scikit-learn's for many images. With few, its early exaggeration, gains and rate of
//! 50 make the way to the end chaotic: features that differ by 1e-12, as on another device, end at
//! other places, often worse ones. There every round is plain descent with momentum at the rate of
//! Belkina et al. (2019), which moves points about as far as features differ.

use rayon::prelude::*;

use crate::error::ExplainError;
use runner_data::interrupt::Interrupt;

/// More images than this take too long without an approximation.
pub const LARGEST: usize = 5_000;

/// Up to so many images are few: there descent without exaggeration ends at divergences that are no
/// larger, and with 500 it no longer does.
const FEW: usize = 200;

/// Rounds with little momentum, in which neighbours of many images are pulled together, and all
/// rounds.
const EARLY: usize = 250;
const ROUNDS: usize = 1_000;

/// How much they are pulled together.
const EXAGGERATION: f64 = 12.0;

/// Deviation of the places that it begins with.
const START: f64 = 1e-4;

/// Halvings after which a width is exact enough.
const HALVINGS: usize = 60;

/// Images in the plane.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedded {
    /// Where each is.
    pub places: Vec<[f64; 2]>,
    /// The Kullback-Leibler divergence of the neighbourhoods in the plane from those of the images, in
    /// nats.
    pub divergence: f64,
}

/// Places in the plane for `[count, length]` values; `start` is a first idea of them.
///
/// # Errors
///
/// [`ExplainError::Interrupted`].
pub fn embed(
    rows: &[f32],
    start: &[[f64; 2]],
    perplexity: f64,
    interrupt: &Interrupt,
) -> Result<Embedded, ExplainError> {
    let count = start.len();
    if count < 3 {
        return Ok(Embedded { places: start.to_vec(), divergence: 0.0 });
    }
    let near = neighbourhoods(rows, count, perplexity.min((count - 1) as f64 / 3.0).max(1.0));
    let square: f64 = start.iter().map(|point| point[0] * point[0]).sum();
    let scale = START / (square / count as f64).sqrt().max(f64::MIN_POSITIVE);
    let mut places: Vec<[f64; 2]> = start.iter().map(|point| point.map(|x| x * scale)).collect();
    let mut speeds = vec![[0.0; 2]; count];
    let mut gains = vec![[1.0_f64; 2]; count];
    let is_few = count <= FEW;
    let rate = count as f64 / EXAGGERATION;
    let rate = if is_few { rate } else { (rate / 4.0).max(50.0) };
    for round in 0..ROUNDS {
        interrupt.check()?;
        let momentum = if round < EARLY { 0.5 } else { 0.8 };
        let pull = if round < EARLY && !is_few { EXAGGERATION } else { 1.0 };
        let gradients = gradients(&near, &places, pull);
        for index in 0..count {
            for axis in 0..2 {
                let (gradient, speed) = (gradients[index][axis], &mut speeds[index][axis]);
                let gain = &mut gains[index][axis];
                if !is_few {
                    let turns = gradient * *speed < 0.0;
                    *gain = if turns { *gain + 0.2 } else { (*gain * 0.8).max(0.01) };
                }
                *speed = momentum * *speed - rate * *gain * gradient;
                places[index][axis] += *speed;
            }
        }
    }
    let divergence = divergence(&near, &places);
    Ok(Embedded { places, divergence })
}

/// How likely each is the neighbour of each, `[count, count]`, adding up to one.
fn neighbourhoods(rows: &[f32], count: usize, perplexity: f64) -> Vec<f64> {
    let length = rows.len() / count;
    let row = |index: usize| &rows[index * length..(index + 1) * length];
    let conditionals: Vec<Vec<f64>> = (0..count)
        .into_par_iter()
        .map(|index| {
            let distance = |other: usize| -> f64 {
                let pairs = row(index).iter().zip(row(other));
                pairs.map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum()
            };
            conditional(&(0..count).map(distance).collect::<Vec<_>>(), index, perplexity)
        })
        .collect();
    let mut near = vec![0.0; count * count];
    for a in 0..count {
        for b in 0..count {
            near[a * count + b] = (conditionals[a][b] + conditionals[b][a]) / (2.0 * count as f64);
        }
    }
    near
}

/// A bell around one image, as wide as `perplexity` neighbours.
fn conditional(distances: &[f64], image: usize, perplexity: f64) -> Vec<f64> {
    let others = || distances.iter().enumerate().filter(|(index, _)| *index != image);
    let nearest = others().map(|(_, distance)| *distance).fold(f64::INFINITY, f64::min);
    let (mut low, mut high, mut narrow) = (0.0_f64, f64::INFINITY, 1.0_f64);
    let mut shares = vec![0.0; distances.len()];
    for _ in 0..HALVINGS {
        let mut sum = 0.0;
        let mut mean = 0.0;
        for (index, distance) in others() {
            let share = (-(distance - nearest) * narrow).exp();
            shares[index] = share;
            sum += share;
            mean += share * (distance - nearest);
        }
        // Entropy in nats: ln Σ + narrow · mean.
        let entropy = sum.ln() + narrow * mean / sum;
        if entropy > perplexity.ln() {
            low = narrow;
            narrow = if high.is_finite() { f64::midpoint(low, high) } else { narrow * 2.0 };
        } else {
            high = narrow;
            narrow = f64::midpoint(low, high);
        }
    }
    let sum: f64 = shares.iter().sum();
    shares.into_iter().map(|share| share / sum).collect()
}

/// How near two places are: Student's distribution with one degree of freedom, not normalized.
fn affinity(a: [f64; 2], b: [f64; 2]) -> f64 {
    let [x, y] = [a[0] - b[0], a[1] - b[1]];
    1.0 / (1.0 + x * x + y * y)
}

/// The affinities of all pairs of places, added up.
fn all_affinities(places: &[[f64; 2]]) -> f64 {
    let sums: Vec<f64> = (0..places.len())
        .into_par_iter()
        .map(|a| {
            let others = (0..places.len()).filter(|b| *b != a);
            others.map(|b| affinity(places[a], places[b])).sum()
        })
        .collect();
    sums.iter().sum()
}

/// Kullback and Leibler's divergence of the affinities in the plane from `near`.
fn divergence(near: &[f64], places: &[[f64; 2]]) -> f64 {
    let (count, all) = (places.len(), all_affinities(places));
    let pairs = (0..count).flat_map(|a| (0..count).map(move |b| (a, b)));
    let terms = pairs.zip(near).filter(|((a, b), near)| a != b && **near > 0.0);
    terms.map(|((a, b), near)| near * (near * all / affinity(places[a], places[b])).ln()).sum()
}

/// The derivative of the divergence by every place.
fn gradients(near: &[f64], places: &[[f64; 2]], pull: f64) -> Vec<[f64; 2]> {
    let (count, all) = (places.len(), all_affinities(places));
    (0..count)
        .into_par_iter()
        .map(|a| {
            let mut gradient = [0.0; 2];
            for b in 0..count {
                let affinity = affinity(places[a], places[b]);
                let weight = 4.0 * (pull * near[a * count + b] - affinity / all) * affinity;
                for axis in 0..2 {
                    gradient[axis] += weight * (places[a][axis] - places[b][axis]);
                }
            }
            gradient
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use runner_random::{Key, Purpose};

    #[test]
    fn a_bell_is_as_wide_as_its_perplexity() {
        // Four equally far away: each a quarter, whatever the width.
        let even = conditional(&[0.0, 2.0, 2.0, 2.0, 2.0], 0, 3.0);
        assert_eq!(even[0], 0.0);
        assert!(even[1..].iter().all(|share| (share - 0.25).abs() < 1e-9));
        let distances: Vec<f64> = (0..50).map(|index| f64::from(index * index)).collect();
        let shares = conditional(&distances, 0, 10.0);
        let entropy: f64 = shares.iter().filter(|s| **s > 0.0).map(|s| -s * s.ln()).sum();
        assert!((entropy.exp() - 10.0).abs() < 1e-3, "{}", entropy.exp());
    }

    /// Three groups of `count / 3` in five dimensions, so far apart.
    fn groups(count: usize, apart: f32) -> Vec<f32> {
        let value = |index: usize, axis: usize| {
            let far = if axis == index * 3 / count { apart } else { 0.0 };
            far + ((index * 7 + axis * 3) % 11) as f32 / 11.0
        };
        (0..count).flat_map(|index| (0..5).map(move |axis| value(index, axis))).collect()
    }

    fn embedded(rows: &[f32], count: usize, perplexity: f64) -> Result<Embedded, ExplainError> {
        let (start, _) = crate::embedding::components(rows, count);
        embed(rows, &start, perplexity, &Interrupt::default())
    }

    #[test]
    fn groups_stay_together() -> Result<(), ExplainError> {
        let rows = groups(36, 30.0);
        let found = embedded(&rows, 36, 5.0)?;
        let places = &found.places;
        for index in 0..36 {
            let near = |other: &usize| affinity(places[index], places[*other]);
            let others = (0..36).filter(|other| *other != index);
            let nearest = others.max_by(|a, b| near(a).total_cmp(&near(b)));
            assert_eq!(nearest.map(|nearest| nearest / 12), Some(index / 12), "{index}");
        }
        assert_eq!(found, embedded(&rows, 36, 5.0)?);
        Ok(())
    }

    #[test]
    fn the_last_bits_of_features_move_no_point() -> Result<(), ExplainError> {
        for (count, apart) in [(9, 1.0), (15, 0.0), (60, 0.5), (200, 0.5)] {
            let mut stream = Key::new(count as u64, Purpose::Generate).stream();
            let drawn = groups(count, apart).into_iter().map(|value| value + stream.uniform());
            let rows: Vec<f32> = drawn.collect();
            let signs = [1e-6, -1e-6, 0.0, 1e-6, 0.0, 0.0, -1e-6];
            let other: Vec<f32> =
                rows.iter().zip(signs.iter().cycle()).map(|(x, sign)| x * (1.0 + sign)).collect();
            let [one, other] = [embedded(&rows, count, 30.0)?, embedded(&other, count, 30.0)?];
            let values = |found: &Embedded| found.places.concat();
            let size = values(&one).iter().fold(0.0_f64, |most, value| most.max(value.abs()));
            for (a, b) in values(&one).iter().zip(values(&other)) {
                assert!((a - b).abs() < 1e-3 * size, "{count}: {a} and {b} of {size}");
            }
            assert!((one.divergence - other.divergence).abs() < 1e-4, "{count}");
        }
        Ok(())
    }

    #[test]
    fn the_divergence_by_hand() {
        // Places on a line, 0, 1 and 3: affinities 1/2, 1/10 and 1/5, twice each.
        let places = [[0.0, 0.0], [1.0, 0.0], [3.0, 0.0]];
        let even = [0.0, 1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0, 0.0].map(|share| share / 6.0);
        let shares = [0.5, 0.1, 0.2].map(|affinity: f64| affinity / 1.6);
        let expected: f64 = shares.iter().map(|share| (1.0 / 6.0 / share).ln() / 3.0).sum();
        assert!((divergence(&even, &places) - expected).abs() < 1e-12);
    }
}
