//! What layers answer to a photo: their feature maps, how many channels are silent, and how much of
//! the others is zero.

use std::path::PathBuf;

use runner_experiment::architecture::Shape;
use runner_experiment::plan::Activations as Job;

use super::{Progress, Scene};
use crate::error::LearnError;
use crate::event::Event;
use crate::model::network::Flow;
use crate::model::parameter::read;

/// The feature maps of one layer for one photo.
#[derive(Debug, Clone, PartialEq)]
pub struct Activations {
    /// The photo.
    pub image: PathBuf,
    /// The layer.
    pub layer: String,
    /// `[channel, height, width]`: every channel of the layer.
    pub values: Vec<f32>,
    /// How many channels.
    pub channels: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

impl Activations {
    /// Channel after channel.
    pub fn maps(&self) -> impl Iterator<Item = &[f32]> {
        self.values.chunks_exact((self.height * self.width).max(1))
    }

    /// Channels that are zero everywhere.
    #[must_use]
    pub fn dead(&self) -> usize {
        self.maps().filter(|map| map.iter().all(|value| *value == 0.0)).count()
    }

    /// The share of all values that are zero.
    #[must_use]
    #[allow(clippy::cast_precision_loss)]
    pub fn sparsity(&self) -> f64 {
        let zeros = self.values.iter().filter(|value| **value == 0.0).count();
        zeros as f64 / self.values.len().max(1) as f64
    }
}

pub(super) fn run(
    job: &Job,
    number: usize,
    scene: &Scene<'_>,
    observe: &mut dyn FnMut(Event),
) -> Result<(), LearnError> {
    let network = scene.network;
    let wanted: Vec<usize> =
        job.layers.iter().map(|name| scene.layer(name)).collect::<Result<_, _>>()?;
    let last = wanted.iter().copied().max().unwrap_or(0);
    let mut progress = Progress::new(number, "activations", job.images.len() * wanted.len());
    for image in &job.images {
        scene.interrupt.check()?;
        let photo = scene.photo(image.as_ref())?;
        let flow = Flow::batch(photo.input, 1, scene.input(), &network.compute);
        let mut found: Vec<(String, Flow)> = Vec::new();
        network.watched(0..last + 1, flow, &network.values(), &mut |layer, flow| {
            if job.layers.contains(&layer.name) {
                found.push((layer.name.clone(), flow.clone()));
            }
        });
        for (layer, flow) in found {
            let (Flow::Map(map), Shape::Map { height, width, channels }) =
                (flow, network.layers[scene.layer(&layer)?].output)
            else {
                return Err(LearnError::Job(format!("`{layer}` gives no feature map")));
            };
            let (values, image) = (read(map)?, photo.path.clone());
            let activations = Activations { image, layer, values, channels, height, width };
            observe(Event::Activations { number, activations });
            progress.add(1, observe);
        }
    }
    Ok(())
}
