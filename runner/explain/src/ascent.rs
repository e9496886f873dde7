//! Gradient ascent in input space: one step of every picture of a batch.

use std::ops::Range;

use burn::tensor::{Tensor, TensorData};
use runner_experiment::architecture::Shape;
use runner_experiment::plan::Filters as Job;

use crate::error::ExplainError;
use runner_learn::LearnError;
use runner_network::parameter::read;
use runner_network::{Flow, Network};
use runner_random::Stream;

/// Keeps a gradient that is zero from dividing by zero, as in the textbook.
const EPSILON: f32 = 1e-5;

/// Settings of the ascent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ascent {
    /// How many steps.
    pub steps: usize,
    /// How long each is, in grey levels.
    pub step_size: f32,
    /// Weight of the total variation that is taken off.
    pub total_variation: f32,
    /// Pixels either way.
    pub jitter: usize,
}

impl Ascent {
    pub(super) fn new(job: &Job) -> Self {
        Self {
            steps: job.steps,
            step_size: job.step_size as f32,
            total_variation: job.total_variation as f32,
            jitter: job.jitter,
        }
    }
}

/// One step for every picture of a batch, `[image, 3, size, size]`; the losses before it.
///
/// # Errors
///
/// [`ExplainError::Compute`].
pub fn step(
    network: &Network,
    layer: usize,
    filters: &[usize],
    pictures: &mut [f32],
    size: usize,
    ascent: Ascent,
    streams: &mut [Stream],
) -> Result<Vec<f64>, ExplainError> {
    let length = 3 * size * size;
    let moves: Vec<[usize; 2]> = streams.iter_mut().map(|s| moved(s, ascent.jitter)).collect();
    let images = pictures.chunks_exact_mut(length);
    images.zip(&moves).for_each(|(image, by)| roll(image, size, *by));
    let (losses, gradients) = gradients(network, layer, filters, pictures, size)?;
    let each = pictures.chunks_exact_mut(length).zip(gradients.chunks_exact(length));
    for ((image, gradient), [down, right]) in each.zip(moves) {
        let mut gradient = gradient.to_vec();
        take_variation(&mut gradient, image, size, ascent.total_variation);
        let scale = ascent.step_size / (root_mean_square(&gradient) + EPSILON);
        image.iter_mut().zip(&gradient).for_each(|(level, value)| *level += value * scale);
        roll(image, size, [size - down % size, size - right % size]);
    }
    Ok(losses)
}

/// The mean of each image's filter, and its gradient by the image.
pub(super) fn gradients(
    network: &Network,
    layer: usize,
    filters: &[usize],
    pictures: &[f32],
    size: usize,
) -> Result<(Vec<f64>, Vec<f32>), ExplainError> {
    let shape = Shape::Map { height: size, width: size, channels: 3 };
    let batch = Flow::batch(pictures.to_vec(), filters.len(), shape, &network.compute);
    let Flow::Map(map) = batch else { return Ok((Vec::new(), Vec::new())) };
    let leaf = map.autodiff().require_grad();
    let flow = Flow::Map(leaf.clone());
    let out = network.forward(0..layer + 1, flow, &network.values()).rows();
    let [images, length] = out.dims();
    let channels = network.layers[layer].output.channels();
    let area = length / channels;
    let place = |(image, filter): (usize, &usize)| {
        image * length + filter * area..image * length + (filter + 1) * area
    };
    let places: Vec<_> = filters.iter().enumerate().map(place).collect();
    let mut direction = vec![0.0; images * length];
    places.iter().for_each(|place| direction[place.clone()].fill(1.0 / area as f32));
    let direction = TensorData::new(direction, [images, length]);
    let direction = Tensor::<2>::from_data(direction, &network.compute.device);
    let losses = if network.compute.is_host() {
        let values = read(out.clone().inner())?;
        let sum = |place: &Range<usize>| -> f64 {
            values[place.clone()].iter().map(|value| f64::from(*value)).sum()
        };
        places.iter().map(|place| sum(place) / area as f64).collect()
    } else {
        // Of all that a card holds only the means are read.
        let means = read((out.clone().inner() * direction.clone()).sum_dim(1))?;
        means.into_iter().map(f64::from).collect()
    };
    let mut graph = (out * direction).sum().backward();
    let gradient = leaf.grad_remove(&mut graph);
    let gradient = gradient.ok_or_else(|| LearnError::bug("the picture has no gradient"))?;
    Ok((losses, read(gradient)?))
}

pub(super) fn moved(stream: &mut Stream, jitter: usize) -> [usize; 2] {
    match jitter {
        0 => [0, 0],
        _ => [0, 0].map(|_: usize| stream.below(2 * jitter as u64 + 1) as usize),
    }
}

/// Moves every channel down and right, what leaves coming in on the other side.
pub(super) fn roll(image: &mut [f32], size: usize, [down, right]: [usize; 2]) {
    if down % size == 0 && right % size == 0 {
        return;
    }
    for plane in image.chunks_exact_mut(size * size) {
        plane.rotate_right(down % size * size);
        plane.chunks_exact_mut(size).for_each(|row| row.rotate_right(right % size));
    }
}

/// The gradient of Σ (differences of neighbours)² / 2 per pixel, taken off.
pub(super) fn take_variation(gradient: &mut [f32], image: &[f32], size: usize, weight: f32) {
    if weight == 0.0 {
        return;
    }
    let weight = weight / (size * size) as f32;
    let planes = gradient.chunks_exact_mut(size * size).zip(image.chunks_exact(size * size));
    for (gradient, plane) in planes {
        for y in 0..size {
            for x in 0..size {
                let place = y * size + x;
                let mut pair = |other: usize| {
                    let difference = weight * (plane[place] - plane[other]);
                    gradient[place] -= difference;
                    gradient[other] += difference;
                };
                if x + 1 < size {
                    pair(place + 1);
                }
                if y + 1 < size {
                    pair(place + size);
                }
            }
        }
    }
}

fn root_mean_square(values: &[f32]) -> f32 {
    let sum: f64 = values.iter().map(|value| f64::from(*value) * f64::from(*value)).sum();
    (sum / values.len().max(1) as f64).sqrt() as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rolls_and_variation_by_hand() {
        let mut image = [1.0, 2.0, 3.0, 4.0];
        roll(&mut image, 2, [1, 1]);
        assert_eq!(image, [4.0, 3.0, 2.0, 1.0]);
        let mut gradient = [0.0; 4];
        // Pairs 1-2, 3-4, 1-3, 2-4, over four pixels.
        take_variation(&mut gradient, &[1.0, 2.0, 3.0, 4.0], 2, 4.0);
        assert_eq!(gradient, [3.0, 1.0, -1.0, -3.0]);
    }
}
