//! What layers answer to a photo: their feature maps, how many channels are silent, and how much of
//! the others is zero.

use runner_experiment::architecture::Shape;
use runner_experiment::plan::Activations as Job;

use crate::error::ExplainError;
use crate::progress::Progress;
use crate::scene::Scene;
use runner_network::Flow;
use runner_network::parameter::read;
use runner_record::{Activations, Event};

pub(crate) fn run(
    job: &Job,
    number: usize,
    scene: &Scene<'_>,
    observe: &mut dyn FnMut(Event),
) -> Result<(), ExplainError> {
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
                return Err(ExplainError::Job(format!("`{layer}` gives no feature map")));
            };
            let (values, image) = (read(map)?, photo.path.clone());
            let activations = Activations { image, layer, values, channels, height, width };
            observe(Event::Activations { number, activations });
            progress.add(1, observe);
        }
    }
    Ok(())
}
