//! t-distributed stochastic neighbour embedding (van der Maaten & Hinton 2008), exact.
//!
//! Written here because two runs draw the same picture: it begins with principal components instead
//! of random places, and every sum has one order. Constants are scikit-learn's.

use rayon::prelude::*;

use crate::error::ExplainError;
use runner_data::interrupt::Interrupt;

/// More images than this take too long without an approximation.
pub const LARGEST: usize = 5_000;

/// Rounds with neighbours pulled together, and all rounds.
const EARLY: usize = 250;
const ROUNDS: usize = 1_000;

/// How much they are pulled together.
const EXAGGERATION: f64 = 12.0;

/// Deviation of the places that it begins with.
const START: f64 = 1e-4;

/// Halvings after which a width is exact enough.
const HALVINGS: usize = 60;

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
) -> Result<Vec<[f64; 2]>, ExplainError> {
    let count = start.len();
    if count < 3 {
        return Ok(start.to_vec());
    }
    let near = neighbourhoods(rows, count, perplexity.min((count - 1) as f64 / 3.0).max(1.0));
    let square: f64 = start.iter().map(|point| point[0] * point[0]).sum();
    let scale = START / (square / count as f64).sqrt().max(f64::MIN_POSITIVE);
    let mut places: Vec<[f64; 2]> = start.iter().map(|point| point.map(|x| x * scale)).collect();
    let mut speeds = vec![[0.0; 2]; count];
    let mut gains = vec![[1.0_f64; 2]; count];
    let rate = (count as f64 / EXAGGERATION / 4.0).max(50.0);
    for round in 0..ROUNDS {
        interrupt.check()?;
        let (pull, momentum) = if round < EARLY { (EXAGGERATION, 0.5) } else { (1.0, 0.8) };
        let gradients = gradients(&near, &places, pull);
        for index in 0..count {
            for axis in 0..2 {
                let (gradient, speed) = (gradients[index][axis], speeds[index][axis]);
                let gain = &mut gains[index][axis];
                *gain = if gradient * speed < 0.0 { *gain + 0.2 } else { (*gain * 0.8).max(0.01) };
                speeds[index][axis] = momentum * speed - rate * *gain * gradient;
                places[index][axis] += speeds[index][axis];
            }
        }
    }
    Ok(places)
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

/// The derivative of the divergence by every place.
fn gradients(near: &[f64], places: &[[f64; 2]], pull: f64) -> Vec<[f64; 2]> {
    let count = places.len();
    let affinity = |a: usize, b: usize| {
        let [x, y] = [0, 1].map(|axis| places[a][axis] - places[b][axis]);
        1.0 / (1.0 + x * x + y * y)
    };
    let sums: Vec<f64> = (0..count)
        .into_par_iter()
        .map(|a| (0..count).filter(|b| *b != a).map(|b| affinity(a, b)).sum())
        .collect();
    let all: f64 = sums.iter().sum();
    (0..count)
        .into_par_iter()
        .map(|a| {
            let mut gradient = [0.0; 2];
            for b in 0..count {
                let affinity = affinity(a, b);
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

    #[test]
    fn groups_stay_together() -> Result<(), ExplainError> {
        // Three groups of twelve, far apart in five dimensions.
        let rows: Vec<f32> = (0..36)
            .flat_map(|index| {
                let inside = move |axis: usize| ((index * 7 + axis * 3) % 11) as f32 / 11.0;
                (0..5).map(move |axis| {
                    let far = if axis == index / 12 { 30.0 } else { 0.0 };
                    far + inside(axis)
                })
            })
            .collect();
        let (start, _) = crate::embedding::components(&rows, 36);
        let places = embed(&rows, &start, 5.0, &Interrupt::default())?;
        for index in 0..36 {
            let distance = |other: &usize| {
                let [x, y] = [0, 1].map(|axis| places[index][axis] - places[*other][axis]);
                x * x + y * y
            };
            let others = (0..36).filter(|other| *other != index);
            let nearest = others.min_by(|a, b| distance(a).total_cmp(&distance(b)));
            assert_eq!(nearest.map(|nearest| nearest / 12), Some(index / 12), "{index}");
        }
        assert_eq!(places, embed(&rows, &start, 5.0, &Interrupt::default())?);
        Ok(())
    }
}
