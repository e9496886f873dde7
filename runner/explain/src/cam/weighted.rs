//! Class activation maps: the feature maps of a layer, weighted and summed.
//!
//! A is a channel's map, G the gradient of the score by it. What is negative in the sum speaks for
//! something else, and is cut off by whoever normalises the map. Where the papers leave something
//! open, it is as in `pytorch-grad-cam`.

use crate::backward::{Goal, Maps};
use crate::cam::scorer::Scorer;
use crate::components::principal;
use crate::error::ExplainError;
use crate::grid::Grid;
use crate::scene::Scene;

/// Images per forward pass of Score-CAM.
const BATCH: usize = 16;

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
    let area = (maps.height * maps.width) as f32;
    sum(maps, |map, gradient, sums| add(map, gradient.iter().sum::<f32>() / area, sums))
}

/// Weight: Σ α max(G, 0) with α = G² / (2 G² + G³ Σ A) = 1 / (2 + G Σ A) (Chattopadhay et al. 2018);
/// nothing where G is not positive.
#[must_use]
pub fn gradcam_plus_plus(maps: &Maps) -> Grid {
    sum(maps, |map, gradient, sums| {
        let total: f64 = map.iter().map(|value| f64::from(*value)).sum();
        let weight = |gradient: &f32| {
            let gradient = f64::from(*gradient);
            let alpha = 1.0 / (2.0 + gradient * total);
            if gradient > 0.0 && alpha.is_finite() { alpha * gradient } else { 0.0 }
        };
        let weight = gradient.iter().map(weight).sum::<f64>() as f32;
        add(map, weight, sums);
    })
}

/// A G.
#[must_use]
pub fn hirescam(maps: &Maps) -> Grid {
    sum(maps, |map, gradient, sums| {
        let pairs = sums.iter_mut().zip(map.iter().zip(gradient));
        pairs.for_each(|(sum, (value, gradient))| *sum += value * gradient);
    })
}

/// A max(G, 0).
#[must_use]
pub fn layercam(maps: &Maps) -> Grid {
    sum(maps, |map, gradient, sums| {
        let pairs = sums.iter_mut().zip(map.iter().zip(gradient));
        pairs.for_each(|(sum, (value, gradient))| *sum += value * gradient.max(0.0));
    })
}

/// The places along the first principal component of the channels, turned so that most of it is
/// where the maps are large.
///
/// Each channel's mean is taken off first, as `pytorch-grad-cam` does; Muhammad & Yeasin (2020) do
/// not.
#[must_use]
pub fn eigencam(maps: &Maps) -> Grid {
    let (area, channels) = (maps.height * maps.width, maps.channels);
    // A row for each place: the channels' values there.
    let rows: Vec<f64> = (0..area * channels)
        .map(|index| f64::from(maps.values[index % channels * area + index / channels]))
        .collect();
    let along = principal(&rows, area, 1).along.remove(0);
    let agrees: f64 = (0..area).map(|place| along[place] * sum_of(maps, place)).sum();
    let sign = if agrees < 0.0 { -1.0 } else { 1.0 };
    let values = along.iter().map(|value| (value * sign) as f32).collect();
    Grid { values, height: maps.height, width: maps.width }
}

/// The sum of all channels at a place.
fn sum_of(maps: &Maps, place: usize) -> f64 {
    let area = maps.height * maps.width;
    maps.values.iter().skip(place).step_by(area).map(|value| f64::from(*value)).sum()
}

/// Weight: the softmax over channels of the score of the photo, seen through the channel's map.
///
/// # Errors
///
/// [`ExplainError::Interrupted`] or [`ExplainError::Compute`].
pub fn scorecam(
    scene: &Scene<'_>,
    scorer: &Scorer,
    input: &[f32],
    goal: Goal,
    maps: &Maps,
) -> Result<Grid, ExplainError> {
    let area = maps.height * maps.width;
    let [height, width] = scene.image_size;
    let masks: Vec<&[f32]> = maps.values.chunks_exact(area).collect();
    let mut scores = Vec::with_capacity(masks.len());
    for batch in masks.chunks(BATCH) {
        scene.interrupt.check()?;
        let mut values = Vec::with_capacity(batch.len() * input.len());
        for map in batch {
            let map = Grid { values: map.to_vec(), height: maps.height, width: maps.width };
            let mask = between_ends(map.stretched(height, width).values);
            values.extend(input.iter().zip(mask.iter().cycle()).map(|(value, mask)| value * mask));
        }
        scores.extend(scorer.scores(values, batch.len(), goal)?);
    }
    let top = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let all: f64 = scores.iter().map(|score| (score - top).exp()).sum();
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
    fn small_gradients_weigh_as_the_paper_says() {
        // One place with A = 10 and G = 1e-4: weight G / (2 + G Σ A), whatever is added to what.
        let maps = Maps {
            values: vec![10.0, 0.0],
            gradient: vec![1e-4, 0.0],
            channels: 1,
            height: 1,
            width: 2,
        };
        let found = gradcam_plus_plus(&maps).values[0];
        assert!((found / 10.0 / 4.997_501e-5 - 1.0).abs() < 1e-5, "{found}");
    }

    /// Four channels of three by three: (7 c² + 5 i + 3 c i + 2 i²) mod 11; numpy's SVD after each
    /// channel's mean was taken off, as pytorch-grad-cam 1.5.7 does it.
    #[test]
    fn the_first_component_is_numpys() {
        let value = |c: usize, i: usize| (7 * c * c + 5 * i + 3 * c * i + 2 * i * i) % 11;
        let values: Vec<f32> = (0..36).map(|index| value(index / 9, index % 9) as f32).collect();
        let maps = Maps { gradient: values.clone(), values, channels: 4, height: 3, width: 3 };
        let expected = [
            -4.100_545, 4.390_834, 5.817_927, -2.133_21, 1.484_199, 3.625_597, -3.611_235,
            -2.402_573, -3.070_993,
        ];
        for (got, expected) in eigencam(&maps).values.iter().zip(expected) {
            assert!((got - expected).abs() < 1e-4, "{got} and {expected}");
        }
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
