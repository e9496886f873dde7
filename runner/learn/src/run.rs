//! The stages of a run, from the plan to the model file and its scores.

mod prepare;
pub mod pretrained;
mod request;
mod resume;
mod shared;
pub mod splits;
mod warmed;

use runner_data::scan::{self, ScannedSplit};
use runner_experiment::architecture::Layer;
use runner_experiment::fingerprint;
use runner_experiment::listing::Target;
use runner_experiment::plan::{Dataset, Stage};
use runner_experiment::section::run::ModelFile;
use runner_experiment::section::task::Task;
use runner_network::export;
use runner_network::network::Network;
use runner_network::weights::Base;
use runner_record::Event;

use crate::checkpoint::{Checkpoint, CheckpointWriter};
use crate::error::LearnError;
use crate::evaluate;
use crate::labels::Labels;
use crate::objective::Objective;
use crate::stage::StageRun;
use prepare::Prepared;
pub use request::Request;
use resume::{lowest_indices, replay, restore_lowest};
pub use shared::Shared;

/// A network whose stages are over, measured and written.
pub struct Trained {
    /// With its final parameters.
    pub network: Network,
    /// The images of the data set.
    pub splits: Vec<ScannedSplit>,
    writer: CheckpointWriter,
}

impl Trained {
    /// Everything that belongs to the run is written: its checkpoints go, but for the last where it is
    /// to be kept.
    pub fn finish(self) {
        self.writer.clear();
    }
}

/// Runs every stage, writes the model, measures every split. There must be a data set.
///
/// # Errors
///
/// [`LearnError`]; what was finished before it has been said in events.
pub fn train(
    request: &Request<'_>,
    splits: Vec<ScannedSplit>,
    observe: &mut dyn FnMut(Event),
) -> Result<Trained, LearnError> {
    let Some(dataset) = &request.checked.plan.dataset else {
        return Err(LearnError::bug("stages without a data set"));
    };
    let (mut network, weights) = pretrained::network(request, observe)?;
    let mut writer = CheckpointWriter::new(
        request.checkpoints.clone(),
        fingerprint::fingerprint(&request.checked.plan),
        scan::dataset_hash(&splits),
        weights.clone(),
        lowest_indices(request, &network),
    );
    writer.keeps_last = request.checked.plan.run.keep_checkpoint;
    let resumed = resume::resume(request, &mut network, &mut writer, observe)?;
    let mut run = Run { request, stage: 0, dataset, weights, splits, observe };
    let prepared = run.stages(&mut network, &mut writer, resumed)?;
    restore_lowest(&mut network, &writer, run.observe);
    let prepared = run.fresh(&network, prepared)?;
    run.finish(&network, prepared.as_ref())?;
    Ok(Trained { network, splits: run.splits, writer })
}

/// Computes the features that the first stage trains on, and nothing else: other runs find them in the
/// cache. Does nothing where that stage has none.
///
/// # Errors
///
/// [`LearnError`], as a run would end with.
pub fn features(request: &Request<'_>, observe: &mut dyn FnMut(Event)) -> Result<(), LearnError> {
    let plan = &request.checked.plan;
    let Some((dataset, stage)) = plan.dataset.as_ref().zip(plan.stage.first()) else {
        return Ok(());
    };
    let prefix = stage.frozen_prefix(&request.checked.layers);
    if prefix == 0 || stage.augment {
        return Ok(());
    }
    let splits = splits::scan_splits(request, observe)?;
    let (network, weights) = pretrained::network(request, observe)?;
    let names: Vec<&'static str> = splits.iter().map(|split| split.name).collect();
    let mut run = Run { request, stage: 0, dataset, weights, splits, observe };
    let description = run.describe(&network, prefix)?;
    for name in names {
        run.samples(&network, prefix, &description, (name, false))?;
    }
    Ok(())
}

/// How much a training image of each class counts in a stage.
fn class_weights(stage: &Stage, classes: &[String], labels: &Labels, task: Task) -> Vec<f64> {
    let Some(weights) = &stage.class_weights else { return vec![1.0; classes.len()] };
    let mut counts = vec![0; classes.len()];
    let all = labels.targets.iter().flat_map(Target::classes);
    all.for_each(|label| counts[label] += 1);
    match task {
        Task::Multilabel => weights.positive(classes, &counts, labels.len()),
        _ => weights.resolve(classes, &counts),
    }
}

struct Run<'a> {
    request: &'a Request<'a>,
    /// Index of the stage that is under way.
    stage: usize,
    dataset: &'a Dataset,
    /// SHA-256 of the pretrained weights, or `random`.
    weights: String,
    splits: Vec<ScannedSplit>,
    observe: &'a mut dyn FnMut(Event),
}

impl Run<'_> {
    /// Trains; what comes back is what the last stage worked on.
    fn stages(
        &mut self,
        network: &mut Network,
        writer: &mut CheckpointWriter,
        mut resumed: Option<Checkpoint>,
    ) -> Result<Option<Prepared>, LearnError> {
        let (request, mut epochs) = (self.request, 0);
        let plan = &request.checked.plan;
        let mut prepared: Option<Prepared> = None;
        for (index, stage) in plan.stage.iter().enumerate() {
            if let Some(checkpoint) = resumed.as_ref().filter(|found| index < found.state.stage) {
                epochs += replay(stage, network, &checkpoint.state.history, self.observe);
                continue;
            }
            self.stage = index;
            let is_over = |found: &Checkpoint| found.state.stage == index && found.state.over;
            let (ready, warmed) = match resumed.as_ref().is_some_and(is_over) {
                true => (self.prepare(network, stage, prepared.take())?, None),
                false => self.prepare_warm(network, stage, prepared.take())?,
            };
            let mut stage_run = StageRun {
                stage,
                index,
                seed: plan.experiment.seed,
                network,
                prefix: ready.prefix,
                train: &ready.train,
                validation: &ready.validation,
                augmentation: plan.augmentation.as_ref().filter(|_| stage.augment),
                class_weights: class_weights(
                    stage,
                    &request.checked.classes,
                    ready.train.labels(),
                    plan.task(),
                ),
                objective: Objective::new(plan, request.checked.classes.len()),
                interrupt: &request.interrupt,
                warmed,
                writer,
            };
            epochs += stage_run.run(epochs, resumed.take(), self.observe)?;
            prepared = Some(ready);
        }
        Ok(prepared)
    }

    /// What the last stage worked on; computed anew where the kept parameters changed what the
    /// frozen layers make of an image.
    fn fresh(
        &mut self,
        network: &Network,
        ready: Option<Prepared>,
    ) -> Result<Option<Prepared>, LearnError> {
        let Some((ready, stage)) = ready.zip(self.request.checked.plan.stage.last()) else {
            return Ok(None);
        };
        let description = self.describe(network, ready.prefix)?;
        match description == ready.description {
            true => Ok(Some(ready)),
            false => self.prepare(network, stage, None).map(Some),
        }
    }

    /// Writes the model and measures it.
    fn finish(&mut self, network: &Network, ready: Option<&Prepared>) -> Result<(), LearnError> {
        // The model first: whatever happens while it is measured, it is there.
        let path = &self.request.model;
        let plan = &self.request.checked.plan;
        let family = plan.model.architecture.family();
        let base = self.base_left_out();
        let about = about(self.request, self.dataset, base.as_ref());
        let is_trained = |layer: &Layer| plan.stage.iter().any(|stage| !stage.freezes(layer));
        let is_kept = |layer: &Layer| base.is_none() || !layer.base || is_trained(layer);
        export::write(network, family, (&about, &is_kept), path)?;
        (self.observe)(Event::Written(path.clone()));
        ready.map_or(Ok(()), |ready| self.evaluate(network, ready))
    }

    /// The base whose layers the file of the model leaves out, where it does. Weights that were put in
    /// the place of published ones are nobody else's: they are kept.
    fn base_left_out(&self) -> Option<Base> {
        let plan = &self.request.checked.plan;
        let published = plan.model.architecture.family().published().iter();
        let mut named = published.filter(|published| {
            published.architecture == plan.model.architecture.as_str()
                && (plan.model.weights == "imagenet" || plan.model.weights == published.name)
                && !published.top
        });
        let tensors = named.next().and_then(|published| published.tensors);
        let is_theirs = tensors.is_none_or(|tensors| tensors == self.weights);
        (plan.run.model == ModelFile::Trained && is_theirs)
            .then(|| Base { weights: plan.model.weights.clone(), sha256: self.weights.clone() })
    }

    /// Measures the final network on every split, nothing augmented.
    fn evaluate(&mut self, network: &Network, ready: &Prepared) -> Result<(), LearnError> {
        let (interrupt, checked) = (&self.request.interrupt, self.request.checked);
        let objective = Objective::new(&checked.plan, checked.classes.len());
        let on = (network, ready.prefix, &objective);
        let plain = match ready.augment {
            true => {
                Some(self.samples(network, ready.prefix, &ready.description, ("train", false))?)
            }
            false => None,
        };
        for samples in [plain.as_ref().unwrap_or(&ready.train), &ready.validation] {
            evaluate::evaluate(on, samples, interrupt, self.observe)?;
        }
        if self.splits.iter().any(|split| split.name == "test") {
            let test = self.samples(network, ready.prefix, &ready.description, ("test", false))?;
            evaluate::evaluate(on, &test, interrupt, self.observe)?;
        }
        Ok(())
    }
}

/// What the model is, for whoever reads the file.
fn about(request: &Request<'_>, dataset: &Dataset, base: Option<&Base>) -> serde_json::Value {
    let plan = &request.checked.plan;
    let mut about = serde_json::json!({
        "architecture": plan.model.architecture,
        "head": plan.model.head,
        "task": plan.task(),
        "classes": request.checked.classes,
        "image_size": dataset.image_size,
        "preprocessing": dataset.preprocessing,
        "fingerprint": fingerprint::fingerprint(plan),
        "base_layout": "torchvision names and layouts",
        "head_layout": "kernels are [in, out], flattened in the order height, width, channel",
    });
    if let Some(base) = base {
        about["base"] = serde_json::json!(base);
    }
    about
}
