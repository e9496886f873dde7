//! A whole run: its stages, then its visualize jobs; or these alone, on a network that is there.

use runner_data::scan::ScannedSplit;
use runner_experiment::architecture::{Shape, imagenet};
use runner_experiment::plan::Stage;
use runner_experiment::section::dataset::Preprocessing;
use runner_experiment::section::task::Task;
use runner_learn::run::pretrained::network;
use runner_learn::run::splits::scan_splits;
use runner_learn::run::{Request, train};
use runner_network::network::Network;
use runner_network::saved::Saved;
use runner_network::weights;
use runner_record::Event;

use crate::error::ExplainError;
use crate::jobs;
use crate::scene::Scene;

/// Runs every stage, writes the model, measures every split, and does every job.
///
/// # Errors
///
/// [`ExplainError`]; what was finished before it has been said in events.
pub fn run(request: &Request<'_>, observe: &mut dyn FnMut(Event)) -> Result<(), ExplainError> {
    let splits = scan_splits(request, observe)?;
    let plan = &request.checked.plan;
    if plan.dataset.is_none() || plan.stage.is_empty() {
        return alone(request, &splits, observe);
    }
    let trained = train(request, splits, observe)?;
    of_run(request, &trained.network, &trained.splits, observe)?;
    // A picture or table that could not be written has asked to stop: the checkpoints stay.
    request.interrupt.check()?;
    trained.finish();
    Ok(())
}

/// The jobs of a run whose stages are over.
fn of_run(
    request: &Request<'_>,
    network: &Network,
    splits: &[ScannedSplit],
    observe: &mut dyn FnMut(Event),
) -> Result<(), ExplainError> {
    let plan = &request.checked.plan;
    let classes = match plan.model.include_top {
        true => imagenet::classes(),
        false => request.checked.classes.clone(),
    };
    let family = plan.model.architecture.family();
    let default = match family.classifier().filter(|_| plan.model.include_top) {
        Some(classifier) => classifier.preprocessing,
        None => family.preprocessing(),
    };
    let preprocessing = plan.dataset.as_ref().map_or(default, |dataset| dataset.preprocessing);
    let task = match plan.model.include_top {
        true => Task::Classification,
        false => plan.task(),
    };
    draw(request, network, (&classes, task, preprocessing), splits, observe)
}

/// The jobs of an experiment without stages.
fn alone(
    request: &Request<'_>,
    splits: &[ScannedSplit],
    observe: &mut dyn FnMut(Event),
) -> Result<(), ExplainError> {
    // A run's model brings its head, its classes and its preprocessing along.
    let saved = request.weights.filter(|source| weights::classes(&source.path).is_some());
    if let Some(source) = saved {
        return of_model(request, Saved::open(source, request.compute.clone())?, splits, observe);
    }
    let (mut network, _) = network(request, observe)?;
    if !request.checked.plan.model.include_top {
        // Nobody trained a head: what random numbers say of a photo means nothing.
        let base = network.layers.iter().take_while(|layer| layer.base).count();
        network = network.part(0..base);
    }
    of_run(request, &network, splits, observe)
}

/// The jobs on the model of an earlier run.
fn of_model(
    request: &Request<'_>,
    saved: Saved,
    splits: &[ScannedSplit],
    observe: &mut dyn FnMut(Event),
) -> Result<(), ExplainError> {
    let about = saved.about;
    let (found, planned) = (about.architecture, request.checked.plan.model.architecture);
    if found != planned {
        // The names of layers were checked with another network.
        return Err(ExplainError::Job(format!(
            "the weights are the model of a {found}, and the experiment is for {planned}: write \
             `architecture = \"{found}\"` into `[model]`"
        )));
    }
    let of = (&about.classes[..], about.task, about.preprocessing);
    draw(request, &saved.network, of, splits, observe)
}

fn draw(
    request: &Request<'_>,
    network: &Network,
    (classes, task, preprocessing): (&[String], Task, Preprocessing),
    splits: &[ScannedSplit],
    observe: &mut dyn FnMut(Event),
) -> Result<(), ExplainError> {
    let plan = &request.checked.plan;
    let image_size = match network.layers[0].input {
        Shape::Map { height, width, .. } => [height, width],
        Shape::Vector(length) => [1, length],
    };
    // Where no stage trains anything, nothing of the base has seen the labels.
    let frozen = |stage: &Stage| stage.frozen_prefix(&network.layers);
    let whole = network.layers.iter().take_while(|layer| layer.base).count();
    let frozen = plan.stage.iter().map(frozen).min().unwrap_or(whole);
    let scene = Scene {
        frozen: plan.dataset.as_ref().map(|dataset| (dataset, frozen)),
        cache: request.cache,
        network,
        classes,
        task,
        image_size,
        preprocessing,
        splits,
        seed: plan.experiment.seed,
        interrupt: &request.interrupt,
    };
    jobs::run(&plan.visualize, &scene, observe)
}

/// Every job of a plan on the model of a run, and nothing else.
///
/// # Errors
///
/// [`ExplainError`].
pub fn again(request: &Request<'_>, observe: &mut dyn FnMut(Event)) -> Result<(), ExplainError> {
    let splits = scan_splits(request, observe)?;
    match request.weights {
        Some(source) => {
            let saved = Saved::open(source, request.compute.clone())?;
            of_model(request, saved, &splits, observe)
        }
        None => alone(request, &splits, observe),
    }
}
