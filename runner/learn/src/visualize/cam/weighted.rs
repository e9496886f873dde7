//! Class activation maps: the feature maps of a layer, weighted and summed.
//!
//! A is a channel's map, G the gradient of the score by it. What is negative in the sum speaks for
//! something else, and is cut off by whoever normalises the map. Where the papers leave something
//! open, it is as in `pytorch-grad-cam`.

use crate::error::LearnError;
use crate::visualize::Scene;
use crate::visualize::backward::{Goal, Maps};
use crate::visualize::cam::Scorer;
use crate::visualize::grid::Grid;

/// Images per forward pass of Score-CAM.
const BATCH: usize = 16;

/// Iterations after which the largest component has long settled.
const ITERATIONS: usize = 200;

/// Keeps quotients of gradients from dividing by zero.
const EPSILON: f32 = 1e-7;

/// Σ over channels of `f(channel's map, channel's gradient)`, place by place.
fn sum(maps: &Maps, mut f: impl FnMut(&[f32], &[f32], &mut [f32])) -> Grid {
    let area = maps.height * maps.width;
    let mut values = vec![0.0; area];
    let channels = maps.values.chunks_exact(area).zip(maps.gradient.chunks_exact(area));
    channels.for_each(|(map, gradient)| f(map, gradient, &mut values));
    Grid { values, height: maps.height, width: maps.width }
}

/// Adds a map times a weight.
fn add(map: &[f32], weight: f32, sums: &mut [f32]) {
    sums.iter_mut().zip(map).for_each(|(sum, value)| *sum += weight * value);
}

/// Weight: the mean of G.
#[must_use]
pub fn gradcam(maps: &Maps) -> Grid {
    #[allow(clippy::cast_precision_loss)]
    let area = (maps.height * maps.width) as f32;
    sum(maps, |map, gradient, sums| add(map, gradient.iter().sum::<f32>() / area, sums))
}

/// Weight: Σ α max(G, 0) with α = G² / (2 G² + G³ Σ A), where G is not zero.
#[must_use]
pub fn gradcam_plus_plus(maps: &Maps) -> Grid {
    sum(maps, |map, gradient, sums| {
        let total: f32 = map.iter().sum();
        let weight = |slope: &f32| {
            let square = slope * slope;
            let alpha = square / (2.0 * square + square * slope * total + EPSILON);
            if *slope == 0.0 { 0.0 } else { alpha * slope.max(0.0) }
        };
        add(map, gradient.iter().map(weight).sum(), sums);
    })
}

/// A G.
#[must_use]
pub fn hirescam(maps: &Maps) -> Grid {
    sum(maps, |map, gradient, sums| {
        let pairs = sums.iter_mut().zip(map.iter().zip(gradient));
        pairs.for_each(|(sum, (value, slope))| *sum += value * slope);
    })
}

/// A max(G, 0).
#[must_use]
pub fn layercam(maps: &Maps) -> Grid {
    sum(maps, |map, gradient, sums| {
        let pairs = sums.iter_mut().zip(map.iter().zip(gradient));
        pairs.for_each(|(sum, (value, slope))| *sum += value * slope.max(0.0));
    })
}

/// The places along the first principal component of the channels, turned so that most of it is
/// where the maps are large.
#[must_use]
#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]
pub fn eigencam(maps: &Maps) -> Grid {
    let area = maps.height * maps.width;
    // The channels' values at each place, less each channel's mean.
    let centred: Vec<Vec<f64>> = maps
        .values
        .chunks_exact(area)
        .map(|map| {
            let mean = map.iter().map(|value| f64::from(*value)).sum::<f64>() / area as f64;
            map.iter().map(|value| f64::from(*value) - mean).collect()
        })
        .collect();
    // The left singular vector by power iteration on [place, place].
    let mut vector: Vec<f64> = (0..area).map(|at| sum_of(maps, at)).collect();
    let mut length = 0.0;
    for _ in 0..ITERATIONS {
        let mut next = vec![0.0; area];
        for map in &centred {
            let along: f64 = map.iter().zip(&vector).map(|(a, b)| a * b).sum();
            next.iter_mut().zip(map).for_each(|(next, value)| *next += along * value);
        }
        let square = next.iter().map(|value| value * value).sum::<f64>().sqrt();
        if square == 0.0 {
            break;
        }
        length = square.sqrt();
        vector = next.into_iter().map(|value| value / square).collect();
    }
    let agrees: f64 = (0..area).map(|at| vector[at] * sum_of(maps, at)).sum();
    let sign = if agrees < 0.0 { -length } else { length };
    let values = vector.iter().map(|value| (value * sign) as f32).collect();
    Grid { values, height: maps.height, width: maps.width }
}

/// The sum of all channels at a place.
fn sum_of(maps: &Maps, at: usize) -> f64 {
    let area = maps.height * maps.width;
    maps.values.iter().skip(at).step_by(area).map(|value| f64::from(*value)).sum()
}

/// Weight: the softmax over channels of the score of the photo, seen through the channel's map.
///
/// # Errors
///
/// [`LearnError::Interrupted`] or [`LearnError::Compute`].
pub fn scorecam(
    scene: &Scene<'_>,
    scorer: &Scorer,
    input: &[f32],
    goal: Goal,
    maps: &Maps,
) -> Result<Grid, LearnError> {
    let area = maps.height * maps.width;
    let [height, width] = scene.image_size;
    let masks: Vec<&[f32]> = maps.values.chunks_exact(area).collect();
    let mut scores = Vec::with_capacity(masks.len());
    for batch in masks.chunks(BATCH) {
        scene.interrupt.check()?;
        let mut values = Vec::with_capacity(batch.len() * input.len());
        for map in batch {
            let own = Grid { values: map.to_vec(), height: maps.height, width: maps.width };
            let mask = between_ends(own.stretched(height, width).values);
            values.extend(input.iter().zip(mask.iter().cycle()).map(|(value, mask)| value * mask));
        }
        scores.extend(scorer.scores(values, batch.len(), goal)?);
    }
    let top = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let all: f64 = scores.iter().map(|score| (score - top).exp()).sum();
    #[allow(clippy::cast_possible_truncation)]
    let mut weights = scores.iter().map(|score| ((score - top).exp() / all) as f32);
    Ok(sum(maps, |map, _, sums| add(map, weights.next().unwrap_or(0.0), sums)))
}

/// From 0 to 1; a map that is the same everywhere hides everything.
fn between_ends(mut values: Vec<f32>) -> Vec<f32> {
    let low = values.iter().copied().fold(f32::INFINITY, f32::min);
    let high = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let range = high - low;
    let scale = if range > 0.0 { 1.0 / range } else { 0.0 };
    values.iter_mut().for_each(|value| *value = (*value - low) * scale);
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two channels of four by four: one with a corner, one with an edge.
    fn maps() -> Maps {
        let mut values = vec![0.0; 32];
        values[0] = 2.0;
        values[16..20].fill(1.0);
        let mut gradient = vec![0.0; 32];
        gradient[0] = 1.6;
        gradient[16] = -3.2;
        gradient[17] = 0.8;
        Maps { values, gradient, channels: 2, height: 4, width: 4 }
    }

    fn first_row(grid: &Grid) -> Vec<f32> {
        assert!(grid.values[4..].iter().all(|value| *value == 0.0), "{grid:?}");
        grid.values[..4].to_vec()
    }

    fn near(got: &[f32], expected: [f32; 4]) {
        for (got, expected) in got.iter().zip(expected) {
            assert!((got - expected).abs() < 1e-4, "{got} and {expected}");
        }
    }

    #[test]
    fn four_by_four_by_hand() {
        // Weights 1.6 / 16 = 0.1 and (-3.2 + 0.8) / 16 = -0.15.
        near(&first_row(&gradcam(&maps())), [0.05, -0.15, -0.15, -0.15]);
        // 2 · 1.6 - 3.2, then 0.8.
        near(&first_row(&hirescam(&maps())), [0.0, 0.8, 0.0, 0.0]);
        near(&first_row(&layercam(&maps())), [3.2, 0.8, 0.0, 0.0]);
        // α = 1 / (2 + 1.6 · 2) = 0.192308, weight 0.307692; α = 1 / (2 + 0.8 · 4) = 0.192308,
        // weight 0.153846.
        near(&first_row(&gradcam_plus_plus(&maps())), [0.769_231, 0.153_846, 0.153_846, 0.153_846]);
    }

    #[test]
    fn the_first_component_by_hand() {
        // One channel: its own map less the mean, 2 - 0.125 and -0.125.
        let mut single = maps();
        single.values.truncate(16);
        single.gradient.truncate(16);
        single.channels = 1;
        let map = eigencam(&single);
        assert!((map.values[0] - 1.875).abs() < 1e-4 && (map.values[5] + 0.125).abs() < 1e-4);
    }
}
