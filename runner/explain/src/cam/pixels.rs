//! Heatmaps of the photo itself: its gradient, averaged, summed along a way, and what hiding parts
//! of it costs.

use crate::backward::{self, Goal};
use crate::cam::scorer::Scorer;
use crate::cam::settings::Settings;
use crate::error::ExplainError;
use crate::grid::Grid;
use crate::scene::Scene;
use runner_data::preprocess::preprocess;
use runner_random::{Key, Purpose};
use runner_record::Pixels;

/// Images per forward pass.
const BATCH: usize = 16;

/// The largest of the channels' absolute values at each place of `[3, height, width]`.
#[must_use]
pub fn strongest(values: &[f32], height: usize, width: usize) -> Grid {
    let area = height * width;
    let largest = |place: usize| {
        let channels = values.iter().skip(place).step_by(area);
        channels.fold(0.0_f32, |top, value| top.max(value.abs()))
    };
    Grid { values: (0..area).map(largest).collect(), height, width }
}

/// The mean gradient over copies of the photo with noise; without noise that is the gradient.
///
/// # Errors
///
/// [`ExplainError::Interrupted`] or [`ExplainError::Compute`].
pub fn smoothgrad(
    scene: &Scene<'_>,
    input: &[f32],
    goal: Goal,
    settings: Settings,
) -> Result<Vec<f32>, ExplainError> {
    let low = input.iter().copied().fold(f32::INFINITY, f32::min);
    let high = input.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let deviation = settings.noise * f64::from(high - low);
    let mut mean = vec![0.0_f64; input.len()];
    let share = 1.0 / settings.samples as f64;
    let noisy = |sample: usize| {
        let key = Key { sample: sample as u64, ..Key::new(scene.seed, Purpose::Picture) };
        let mut stream = key.stream();
        input.iter().map(|value| value + (deviation * stream.normal()) as f32).collect()
    };
    gradients(scene, settings.samples, goal, &noisy, &mut |gradient| {
        let values = mean.iter_mut().zip(gradient);
        values.for_each(|(mean, value)| *mean += share * f64::from(*value));
    })?;
    Ok(mean.into_iter().map(|value| value as f32).collect())
}

/// Calls `consume` with the gradient of the score by each of `count` photos, in their order.
fn gradients(
    scene: &Scene<'_>,
    count: usize,
    goal: Goal,
    photo: &dyn Fn(usize) -> Vec<f32>,
    consume: &mut dyn FnMut(&[f32]),
) -> Result<(), ExplainError> {
    // A card waits for the host once per batch; the host computes as fast one by one.
    let batch = if scene.network.compute.is_host() { 1 } else { BATCH };
    for first in (0..count).step_by(batch) {
        scene.interrupt.check()?;
        let images = batch.min(count - first);
        let photos = (first..first + images).flat_map(photo).collect();
        let all = backward::of_inputs(scene.network, photos, images, goal)?;
        all.chunks_exact((all.len() / images).max(1)).for_each(&mut *consume);
    }
    Ok(())
}

/// What a photo of one grey level looks like to the network, `[3, height, width]`.
#[must_use]
pub fn plain(scene: &Scene<'_>, level: u8) -> Vec<f32> {
    let [height, width] = scene.image_size;
    let pixels = Pixels { height, width, rgb: vec![level; height * width * 3] };
    preprocess(&pixels, scene.preprocessing)
}

/// What each value of the photo adds on the way from black: (x - x₀) times the mean gradient, in
/// the middles of `steps` pieces. The sum of all is the difference of the scores.
///
/// # Errors
///
/// [`ExplainError::Interrupted`] or [`ExplainError::Compute`].
pub fn integrated_gradients(
    scene: &Scene<'_>,
    input: &[f32],
    goal: Goal,
    steps: usize,
) -> Result<Vec<f32>, ExplainError> {
    let black = plain(scene, 0);
    let mut mean = vec![0.0_f64; input.len()];
    let share = 1.0 / steps as f64;
    let between = |step: usize| {
        let along = ((step as f64 + 0.5) * share) as f32;
        black.iter().zip(input).map(|(from, to)| from + along * (to - from)).collect()
    };
    gradients(scene, steps, goal, &between, &mut |gradient| {
        let values = mean.iter_mut().zip(gradient);
        values.for_each(|(mean, value)| *mean += share * f64::from(*value));
    })?;
    let differences = black.iter().zip(input).map(|(from, to)| f64::from(to - from));
    Ok(differences.zip(mean).map(|(difference, gradient)| (difference * gradient) as f32).collect())
}

/// How much the score falls where a grey square hides a place, averaged over the squares that do.
///
/// # Errors
///
/// [`ExplainError::Interrupted`] or [`ExplainError::Compute`].
pub fn occlusion(
    scene: &Scene<'_>,
    scorer: &Scorer,
    input: &[f32],
    goal: Goal,
    settings: Settings,
) -> Result<Grid, ExplainError> {
    let [height, width] = scene.image_size;
    let grey = plain(scene, 128);
    let whole = scorer.scores(input.to_vec(), 1, goal)?[0];
    let squares = squares([height, width], settings.window, settings.stride);
    let area = height * width;
    let (mut falls, mut counts) = (vec![0.0_f64; area], vec![0_u32; area]);
    for batch in squares.chunks(BATCH) {
        scene.interrupt.check()?;
        let mut values = Vec::with_capacity(batch.len() * input.len());
        for places in batch.iter().map(|square| places(square, width)) {
            let mut hidden = input.to_vec();
            for place in places.flat_map(|place| [place, place + area, place + 2 * area]) {
                hidden[place] = grey[place];
            }
            values.extend(hidden);
        }
        let scores = scorer.scores(values, batch.len(), goal)?;
        for (square, score) in batch.iter().zip(scores) {
            for place in places(square, width) {
                falls[place] += whole - score;
                counts[place] += 1;
            }
        }
    }
    let values = falls
        .iter()
        .zip(counts)
        .map(|(fall, count)| (fall / f64::from(count.max(1))) as f32)
        .collect();
    Ok(Grid { values, height, width })
}

/// Rows and columns of a square.
type Square = [std::ops::Range<usize>; 2];

fn places(square: &Square, width: usize) -> impl Iterator<Item = usize> + '_ {
    square[0].clone().flat_map(move |y| square[1].clone().map(move |x| y * width + x))
}

/// Squares whose left upper corners are `stride` apart, cut off at the edges.
fn squares([height, width]: [usize; 2], window: usize, stride: usize) -> Vec<Square> {
    let along = |length: usize| {
        // No square begins where an earlier one already reached the end.
        let last = length.saturating_sub(window).div_ceil(stride);
        (0..=last).map(move |n| n * stride..(n * stride + window).min(length))
    };
    along(height)
        .flat_map(|rows| along(width).map(move |columns| [rows.clone(), columns]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn squares_cover_everything() {
        for (length, window, stride) in [(10, 4, 2), (11, 4, 3), (5, 9, 2), (7, 2, 2)] {
            let squares = squares([length, length], window, stride);
            let mut seen = vec![false; length * length];
            squares
                .iter()
                .flat_map(|square| places(square, length))
                .for_each(|place| seen[place] = true);
            assert!(seen.iter().all(|seen| *seen), "{length} {window} {stride}");
        }
        assert_eq!(squares([10, 10], 4, 2).len(), 16);
    }

    #[test]
    fn the_strongest_channel_by_hand() {
        let map = strongest(&[1.0, -2.0, -3.0, 0.5, 0.0, 1.0], 1, 2);
        assert_eq!(map.values, [3.0, 2.0]);
    }
}
