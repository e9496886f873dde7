//! The visualize jobs of a run: on the network that it trained, or on one that is there already.

use runner_experiment::architecture::imagenet;
use runner_experiment::section::dataset::Preprocessing;

use super::{Request, network};
use crate::data::scan::ScannedSplit;
use crate::error::LearnError;
use crate::event::Event;
use crate::model::network::Network;
use crate::model::saved::Saved;
use crate::model::weights;
use crate::visualize::{self, Scene};

/// The jobs of a run whose stages are over.
pub(super) fn of_run(
    request: &Request<'_>,
    network: &Network,
    splits: &[ScannedSplit],
    observe: &mut dyn FnMut(Event),
) -> Result<(), LearnError> {
    let plan = &request.checked.plan;
    let classes = match plan.model.include_top {
        true => imagenet::classes(),
        false => request.checked.classes.clone(),
    };
    let default = match plan.model.include_top {
        true => Preprocessing::Caffe,
        false => Preprocessing::Rescale,
    };
    let preprocessing = plan.dataset.as_ref().map_or(default, |dataset| dataset.preprocessing);
    draw(request, network, (&classes, preprocessing), splits, observe)
}

/// The jobs of an experiment without stages.
pub(super) fn alone(
    request: &Request<'_>,
    splits: Vec<ScannedSplit>,
    observe: &mut dyn FnMut(Event),
) -> Result<(), LearnError> {
    // A run's model brings its head, its classes and its preprocessing along.
    let saved = request.weights.filter(|source| weights::classes(&source.path).is_some());
    if let Some(source) = saved {
        return of_model(
            request,
            Saved::open(&source.path, request.compute.clone())?,
            &splits,
            observe,
        );
    }
    let (mut network, _) = network(request, observe)?;
    if !request.checked.plan.model.include_top {
        // Nobody trained a head: what random numbers say of a photo means nothing.
        let base = network.layers.iter().take_while(|layer| layer.base).count();
        network = network.part(0..base);
    }
    of_run(request, &network, &splits, observe)
}

/// The jobs on the model of an earlier run.
pub(super) fn of_model(
    request: &Request<'_>,
    saved: Saved,
    splits: &[ScannedSplit],
    observe: &mut dyn FnMut(Event),
) -> Result<(), LearnError> {
    let about = saved.about;
    draw(request, &saved.network, (&about.classes, about.preprocessing), splits, observe)
}

fn draw(
    request: &Request<'_>,
    network: &Network,
    (classes, preprocessing): (&[String], Preprocessing),
    splits: &[ScannedSplit],
    observe: &mut dyn FnMut(Event),
) -> Result<(), LearnError> {
    let plan = &request.checked.plan;
    let image_size = match network.layers[0].input {
        runner_experiment::architecture::Shape::Map { height, width, .. } => [height, width],
        runner_experiment::architecture::Shape::Vector(length) => [1, length],
    };
    let scene = Scene {
        network,
        classes,
        image_size,
        preprocessing,
        splits,
        seed: plan.experiment.seed,
        interrupt: &request.interrupt,
    };
    visualize::run(&plan.visualize, &scene, observe)
}

/// Every job of a plan on the model of a run, and nothing else.
///
/// # Errors
///
/// [`LearnError`].
pub fn again(request: &Request<'_>, observe: &mut dyn FnMut(Event)) -> Result<(), LearnError> {
    let splits = match &request.checked.plan.dataset {
        Some(dataset) => super::scan_splits(request, dataset, observe)?,
        None => Vec::new(),
    };
    match request.weights {
        Some(source) => {
            let saved = Saved::open(&source.path, request.compute.clone())?;
            of_model(request, saved, &splits, observe)
        }
        None => alone(request, splits, observe),
    }
}
