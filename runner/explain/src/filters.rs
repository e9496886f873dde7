//! What a filter responds to most: gradient ascent in input space, from grey with a little noise.
//!
//! The textbook's, listing 5.38 to 5.40: the loss is the mean of a filter's map, the gradient is
//! divided by its root mean square, and the picture goes into the network as it is, around 128.

use runner_experiment::architecture::{LayerId, Shape};
use runner_experiment::plan::Filters as Job;
use runner_experiment::section::visualize::Parametrization;

pub use crate::ascent::{Ascent, step};
use crate::error::ExplainError;
use crate::fourier;
use crate::grid::Grid;
use crate::progress::Progress;
use crate::scene::Scene;
use runner_network::Network;
use runner_random::{Key, Purpose, Stream};
use runner_record::{Event, Filter, LayerFilters};

/// How much larger each octave is than the last.
const OCTAVE: f64 = 1.4;

/// No network leaves nothing of a picture of this size.
const LARGEST: usize = 4096;

pub(crate) fn run(
    job: &Job,
    number: usize,
    scene: &Scene<'_>,
    observe: &mut dyn FnMut(Event),
) -> Result<(), ExplainError> {
    let of_layer = |name: &String| -> Result<(usize, Vec<usize>), ExplainError> {
        let layer = scene.layer(name)?;
        check_size(scene, layer, job.size)?;
        let channels = scene.network.layers[layer].output.channels();
        let chosen = match job.filters.is_empty() {
            true => (0..job.count.min(channels)).collect(),
            false => job.filters.clone(),
        };
        if let Some(filter) = chosen.iter().find(|filter| **filter >= channels) {
            let message = format!("`{name}` has {channels} filters, there is no filter {filter}");
            return Err(ExplainError::Job(message));
        }
        Ok((layer, chosen))
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
            let current =
                step(scene.network, layer, batch, &mut pictures, size, ascent, &mut streams)?;
            losses.iter_mut().zip(current).for_each(|(losses, loss)| losses.push(loss));
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

/// The textbook's `deprocess_image`: mean a half, deviation a tenth, cut off. `[3, size, size]` to
/// `[size, size, 3]`.
#[must_use]
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
    let pixel = |place: usize| [0, 1, 2].map(|channel| level(image[channel * area + place]));
    (0..area).flat_map(pixel).collect()
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
    fn the_smallest_picture_leaves_one_pixel() {
        use runner_experiment::architecture::ArchitectureName;
        use runner_experiment::architecture::{Top, layers};

        use runner_network::device::Compute;
        use runner_network::weights::Weights;
        for (name, last, expected) in [("vgg16", "block5_conv3", 16), ("convnet", "conv4", 38)] {
            let name = ArchitectureName::find(name).unwrap_or_default();
            let layers = layers(name, [64, 64], &Top::None).unwrap();
            let index = layers.iter().position(|layer| layer.name == last).unwrap();
            let network = Network::new(layers, Weights::default(), 0, Compute::cpu());
            assert_eq!(smallest(&network, index), expected, "{last}");
        }
    }

    #[test]
    fn octaves_end_with_the_wanted_size() {
        assert_eq!(sizes(140, 3, 16), [71, 100, 140]);
        assert_eq!(sizes(20, 4, 16), [16, 16, 16, 20]);
    }
}
