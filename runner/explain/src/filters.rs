//! What a filter responds to most: gradient ascent in input space, from grey with a little noise.
//!
//! The textbook's, listing 5.38 to 5.40: the loss is the mean of a filter's map, the gradient is
//! divided by its root mean square, and the picture goes into the network as it is, around 128.

use burn::tensor::{Tensor, TensorData};
use runner_experiment::architecture::{LayerId, Shape};
use runner_experiment::plan::Filters as Job;
use runner_experiment::section::visualize::Parametrization;

use crate::error::ExplainError;
use crate::fourier;
use crate::grid::Grid;
use crate::progress::Progress;
use crate::scene::Scene;
use runner_learn::LearnError;
use runner_network::parameter::read;
use runner_network::{Flow, Network};
use runner_random::{Key, Purpose, Stream};
use runner_record::{Event, Filter, LayerFilters};

/// How much larger each octave is than the last.
const OCTAVE: f64 = 1.4;

/// No network leaves nothing of a picture of this size.
const LARGEST: usize = 4096;

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
    #[allow(clippy::cast_possible_truncation)]
    fn new(job: &Job) -> Self {
        Self {
            steps: job.steps,
            step_size: job.step_size as f32,
            total_variation: job.total_variation as f32,
            jitter: job.jitter,
        }
    }
}

pub(crate) fn run(
    job: &Job,
    number: usize,
    scene: &Scene<'_>,
    observe: &mut dyn FnMut(Event),
) -> Result<(), ExplainError> {
    let of_layer = |name: &String| -> Result<(usize, Vec<usize>), ExplainError> {
        let at = scene.layer(name)?;
        check_size(scene, at, job.size)?;
        let channels = scene.network.layers[at].output.channels();
        let chosen = match job.filters.is_empty() {
            true => (0..job.count.min(channels)).collect(),
            false => job.filters.clone(),
        };
        if let Some(filter) = chosen.iter().find(|filter| **filter >= channels) {
            let message = format!("`{name}` has {channels} filters, there is no filter {filter}");
            return Err(ExplainError::Job(message));
        }
        Ok((at, chosen))
    };
    let layers = job.layers.iter().map(of_layer).collect::<Result<Vec<_>, _>>()?;
    let total = layers.iter().map(|(_, filters)| filters.len()).sum();
    let mut progress = Progress::new(number, "filters", total);
    for (layer, chosen) in layers {
        let mut filters = Vec::new();
        for batch in chosen.chunks(job.batch_size) {
            filters.extend(ascend(job, scene, layer, batch)?);
            progress.add(batch.len(), observe);
        }
        let layer = scene.network.layers[layer].name.clone();
        observe(Event::Filters { number, found: LayerFilters { layer, size: job.size, filters } });
    }
    Ok(())
}

/// A picture must leave something of the layer's map, and a dense layer takes one size alone.
fn check_size(scene: &Scene<'_>, layer: usize, size: usize) -> Result<(), ExplainError> {
    let network = scene.network;
    let name = &network.layers[layer].name;
    let least = smallest(network, layer);
    let flattens = network.layers[..=layer].iter().any(|layer| !layer.base);
    if flattens && scene.image_size != [size, size] {
        let [height, width] = scene.image_size;
        let message = format!("`{name}` stands on images of {height}x{width}: set `size` to that");
        return Err(ExplainError::Job(message));
    }
    if size < least {
        let message = format!(
            "a picture of {size}x{size} leaves nothing at `{name}`; set `size` to at least {least}"
        );
        return Err(ExplainError::Job(message));
    }
    Ok(())
}

/// One batch of filters, through every octave.
fn ascend(
    job: &Job,
    scene: &Scene<'_>,
    layer: usize,
    batch: &[usize],
) -> Result<Vec<Filter>, ExplainError> {
    let key = |filter: &usize| Key {
        sample: *filter as u64,
        layer: layer as u64,
        ..Key::new(scene.seed, Purpose::Picture)
    };
    let mut streams: Vec<Stream> = batch.iter().map(|filter| key(filter).stream()).collect();
    let ascent = Ascent::new(job);
    let flattens = !scene.network.layers[layer].base;
    let octaves = if flattens { 1 } else { job.octaves };
    if job.parametrization == Parametrization::Fourier {
        return fourier::ascend(scene, layer, batch, (job.size, ascent), &mut streams);
    }
    let sizes = sizes(job.size, octaves, smallest(scene.network, layer));
    let mut size = sizes[0];
    let mut pictures: Vec<f32> = Vec::new();
    for stream in &mut streams {
        pictures.extend((0..3 * size * size).map(|_| 128.0 + 20.0 * stream.uniform()));
    }
    let mut losses: Vec<Vec<f64>> = vec![Vec::new(); batch.len()];
    for next in sizes {
        runner_convolution::buffer::clear();
        pictures = resized(&pictures, size, next);
        size = next;
        for _ in 0..ascent.steps {
            scene.interrupt.check()?;
            let own = step(scene.network, layer, batch, &mut pictures, size, ascent, &mut streams)?;
            losses.iter_mut().zip(own).for_each(|(losses, loss)| losses.push(loss));
        }
    }
    let images = pictures.chunks_exact(3 * size * size);
    Ok(batch
        .iter()
        .zip(images.zip(losses))
        .map(|(filter, (image, losses))| Filter { filter: *filter, rgb: picture(image), losses })
        .collect())
}

/// The smallest picture that leaves something of the layer's map.
fn smallest(network: &Network, layer: usize) -> usize {
    let leaves_something = |side: usize| {
        let mut shapes: Vec<Shape> = Vec::new();
        let image = Shape::Map { height: side, width: side, channels: 3 };
        network.layers[..=layer].iter().all(|layer| {
            let of = |id: &LayerId| id.layer().map_or(image, |layer| shapes[layer]);
            let output = layer.op.output(&layer.inputs.iter().map(of).collect::<Vec<_>>());
            shapes.push(output);
            output.elements() > 0
        })
    };
    (1..LARGEST).find(|side| leaves_something(*side)).unwrap_or(LARGEST)
}

/// Sizes of the octaves, the last as wanted.
#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_sign_loss)]
fn sizes(size: usize, octaves: usize, smallest: usize) -> Vec<usize> {
    let power = |octave: usize| OCTAVE.powi(i32::try_from(octave).unwrap_or(i32::MAX));
    (0..octaves)
        .rev()
        .map(|octave| ((size as f64 / power(octave)).round() as usize).max(smallest.min(size)))
        .collect()
}

fn resized(pictures: &[f32], from: usize, to: usize) -> Vec<f32> {
    if from == to {
        return pictures.to_vec();
    }
    let planes = pictures.chunks_exact(from * from).map(|plane| {
        Grid { values: plane.to_vec(), height: from, width: from }.stretched(to, to).values
    });
    planes.flatten().collect()
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
        image.iter_mut().zip(&gradient).for_each(|(level, slope)| *level += slope * scale);
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
    let values = read(out.clone().inner())?;
    let mut slope = vec![0.0; images * length];
    #[allow(clippy::cast_precision_loss)]
    let losses = filters
        .iter()
        .enumerate()
        .map(|(image, filter)| {
            let place = image * length + filter * area..image * length + (filter + 1) * area;
            slope[place.clone()].fill(1.0 / area as f32);
            values[place].iter().map(|value| f64::from(*value)).sum::<f64>() / area as f64
        })
        .collect();
    let slope = TensorData::new(slope, [images, length]);
    let slope = Tensor::<2>::from_data(slope, &network.compute.device);
    let mut graph = (out * slope).sum().backward();
    let gradient = leaf.grad_remove(&mut graph);
    let gradient = gradient.ok_or_else(|| LearnError::bug("the picture has no gradient"))?;
    Ok((losses, read(gradient)?))
}

#[allow(clippy::cast_possible_truncation)]
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
    #[allow(clippy::cast_precision_loss)]
    let weight = weight / (size * size) as f32;
    let planes = gradient.chunks_exact_mut(size * size).zip(image.chunks_exact(size * size));
    for (gradient, plane) in planes {
        for y in 0..size {
            for x in 0..size {
                let at = y * size + x;
                let mut pair = |other: usize| {
                    let difference = weight * (plane[at] - plane[other]);
                    gradient[at] -= difference;
                    gradient[other] += difference;
                };
                if x + 1 < size {
                    pair(at + 1);
                }
                if y + 1 < size {
                    pair(at + size);
                }
            }
        }
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]
fn root_mean_square(values: &[f32]) -> f32 {
    let sum: f64 = values.iter().map(|value| f64::from(*value) * f64::from(*value)).sum();
    (sum / values.len().max(1) as f64).sqrt() as f32
}

/// The textbook's `deprocess_image`: mean a half, deviation a tenth, cut off. `[3, size, size]` to
/// `[size, size, 3]`.
#[must_use]
#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_sign_loss)]
pub fn picture(image: &[f32]) -> Vec<u8> {
    let count = image.len().max(1) as f64;
    let mean = image.iter().map(|value| f64::from(*value)).sum::<f64>() / count;
    let square = |value: &f32| (f64::from(*value) - mean).powi(2);
    let deviation = (image.iter().map(square).sum::<f64>() / count).sqrt();
    let area = image.len() / 3;
    let level = |value: f32| {
        let level = (f64::from(value) - mean) / (deviation + 1e-5) * 0.1 + 0.5;
        (level.clamp(0.0, 1.0) * 255.0) as u8
    };
    (0..area).flat_map(|at| [0, 1, 2].map(|channel| level(image[channel * area + at]))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_by_hand() {
        // Mean 2, deviation 1.
        let image = [1.0, 3.0, 1.0, 3.0, 1.0, 3.0];
        assert_eq!(picture(&image), [102, 102, 102, 152, 152, 152]);
        assert_eq!(picture(&[5.0; 3]), [127; 3]);
    }

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

    #[test]
    fn the_smallest_picture_leaves_one_pixel() {
        use runner_experiment::architecture::ArchitectureName;
        use runner_experiment::architecture::{Top, layers};

        use runner_network::device::Compute;
        use runner_network::weights::Weights;
        for (name, last, expected) in [("vgg16", "block5_conv3", 16), ("convnet", "conv4", 38)] {
            let name = ArchitectureName::find(name).unwrap_or_default();
            let layers = layers(name, [64, 64], &Top::None).unwrap();
            let at = layers.iter().position(|layer| layer.name == last).unwrap();
            let network = Network::new(layers, Weights::default(), 0, Compute::cpu());
            assert_eq!(smallest(&network, at), expected, "{last}");
        }
    }

    #[test]
    fn octaves_end_with_the_wanted_size() {
        assert_eq!(sizes(140, 3, 16), [71, 100, 140]);
        assert_eq!(sizes(20, 4, 16), [16, 16, 16, 20]);
    }
}
