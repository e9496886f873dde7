//! One run from the plan to the model file.

pub mod pictures;
mod prepare;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use runner_experiment::plan::{Dataset, Stage};
use runner_experiment::section::dataset::OnBadImage;
use runner_experiment::section::run::Kept;
use runner_experiment::{Checked, fingerprint};

use crate::data::feature_cache::Description;
use crate::data::scan::{self, BadImage, Duplicate, ScannedSplit};
use crate::device::Compute;
use crate::error::LearnError;
use crate::event::Event;
use crate::interrupt::Interrupt;
use crate::model::network::Network;
use crate::model::parameter::tensor;
use crate::model::weights::{self, Head, Loaded, Matched, Source, TensorFile};
use crate::train::checkpoint::{self, Checkpoint, Entry};
use crate::train::fit;
use crate::train::keeper::Keeper;
use crate::train::stage::{StageRun, announcement, trained};
use crate::{evaluate, model};
use prepare::Prepared;

/// What to run and where things are.
pub struct Request<'a> {
    /// The plan with its layers, splits and classes.
    pub checked: &'a Checked,
    /// The pretrained weights; `None` starts at random.
    pub weights: Option<&'a Source>,
    /// Where tensors live.
    pub compute: Compute,
    /// The cache folder; `None` keeps no features.
    pub cache: Option<&'a Path>,
    /// Where the model goes.
    pub model: PathBuf,
    /// Where checkpoints go; `None` keeps none. The newest that is there already says where an
    /// earlier process left this run.
    pub checkpoints: Option<PathBuf>,
    /// Looked at after every image and step.
    pub interrupt: Interrupt,
}

/// Runs every stage, measures every split, writes the model.
///
/// # Errors
///
/// [`LearnError`]; what was finished before it has been said in events.
pub fn run(request: &Request<'_>, observe: &mut dyn FnMut(Event)) -> Result<(), LearnError> {
    let Some(dataset) = &request.checked.plan.dataset else {
        return pictures::alone(request, Vec::new(), observe);
    };
    let splits = scan_splits(request, dataset, observe)?;
    if request.checked.plan.stage.is_empty() {
        return pictures::alone(request, splits, observe);
    }
    let (mut network, weights) = network(request, observe)?;
    let mut keeper = Keeper::new(
        request.checkpoints.clone(),
        fingerprint::fingerprint(&request.checked.plan),
        scan::dataset_hash(&splits),
        weights,
        kept(request, &network),
    );
    let resumed = resume(request, &mut network, &mut keeper, observe)?;
    let mut run = Run { request, stage: 0, dataset, splits, observe };
    let prepared = run.stages(&mut network, &mut keeper, resumed)?;
    keep(&mut network, &keeper, run.observe);
    let prepared = run.fresh(&network, prepared)?;
    run.finish(&network, prepared.as_ref())?;
    let Run { splits, observe, .. } = run;
    pictures::of_run(request, &network, &splits, observe)?;
    // A picture or table that could not be written has asked to stop: the checkpoints stay.
    request.interrupt.check()?;
    keeper.clear();
    Ok(())
}

/// Every parameter that a stage trains, where those of the best epoch are to be kept.
fn kept(request: &Request<'_>, network: &Network) -> BTreeSet<usize> {
    let plan = &request.checked.plan;
    let stages = plan.stage.iter().filter(|_| plan.run.checkpoint == Kept::Best);
    stages.flat_map(|stage| network.indices(&trained(stage, network))).collect()
}

/// How much a training image of each class counts in a stage.
fn class_weights(stage: &Stage, classes: &[String], labels: &[usize]) -> Vec<f64> {
    let Some(weights) = &stage.class_weights else { return vec![1.0; classes.len()] };
    let mut counts = vec![0; classes.len()];
    labels.iter().for_each(|label| counts[*label] += 1);
    weights.resolve(classes, &counts)
}

/// Puts the parameters in place that are tested and written, and says which these are.
fn keep(network: &mut Network, keeper: &Keeper, observe: &mut dyn FnMut(Event)) {
    let mut global_epoch = keeper.last_epoch;
    if let Some((lowest, values)) = &keeper.lowest {
        global_epoch = lowest.global_epoch;
        for (at, value) in values {
            network.parameters[*at].value = value.clone();
        }
    }
    observe(Event::Kept { global_epoch });
}

/// Puts an earlier process's parameters in place, if it was about the same.
fn resume(
    request: &Request<'_>,
    network: &mut Network,
    keeper: &mut Keeper,
    observe: &mut dyn FnMut(Event),
) -> Result<Option<Checkpoint>, LearnError> {
    let stages = &request.checked.plan.stage;
    // Other images or weights end the resume, below; they do not make a checkpoint a damaged one.
    let check = |found: &Checkpoint| match keeper.check(&found.state) {
        Ok(()) => fit::check(found, stages, &keeper.keeps, network),
        Err(_) => Ok(()),
    };
    let Some(folder) = request.checkpoints.as_deref() else { return Ok(None) };
    let Some(checkpoint) = checkpoint::newest(folder, check)? else { return Ok(None) };
    keeper.check(&checkpoint.state)?;
    observe(Event::Replay);
    for (at, values) in &checkpoint.parameters {
        if let Some(parameter) = network.parameters.get_mut(*at) {
            parameter.value = tensor(values.clone(), &request.compute.device);
        }
        keeper.trained.insert(*at);
    }
    keeper.history.clone_from(&checkpoint.state.history);
    keeper.last_epoch = checkpoint.state.last_epoch;
    keeper.lowest = checkpoint.state.lowest.map(|lowest| {
        let device = &request.compute.device;
        let own = checkpoint.lowest.iter();
        (lowest, own.map(|(at, values)| (*at, tensor(values.clone(), device))).collect())
    });
    Ok(Some(checkpoint))
}

/// Says again what was said about a stage that is over; returns its epochs.
fn replay(
    stage: &Stage,
    network: &Network,
    history: &[Entry],
    observe: &mut dyn FnMut(Event),
) -> usize {
    observe(announcement(stage, network, &trained(stage, network)));
    let own = history.iter().filter(|entry| entry.stage() == stage.name);
    own.inspect(|entry| observe(entry.event()))
        .filter(|entry| matches!(entry, Entry::Epoch(_)))
        .count()
}

/// Reads every file; bad ones end the run or are left out, as the experiment says.
fn scan_splits(
    request: &Request<'_>,
    dataset: &Dataset,
    observe: &mut dyn FnMut(Event),
) -> Result<Vec<ScannedSplit>, LearnError> {
    let checked = request.checked;
    let splits = scan::scan(&checked.splits, &request.interrupt, observe)?;
    let bad: Vec<BadImage> = splits.iter().flat_map(|split| split.bad.clone()).collect();
    if !bad.is_empty() && dataset.on_bad_image == OnBadImage::Fail {
        return Err(LearnError::BadDataset(bad));
    }
    if !bad.is_empty() {
        observe(Event::Skipped(bad));
    }
    let narrow: Vec<_> = splits.iter().flat_map(|split| split.narrow.clone()).collect();
    if !narrow.is_empty() {
        observe(Event::Narrow(narrow));
    }
    for split in &splits {
        let counts = split.images.iter().map(|image| image.class);
        check_classes(split.name, counts, &checked.classes)?;
    }
    let doubtful = |found: &Duplicate| found.is_leak() || found.is_contradiction();
    let found: Vec<_> = scan::duplicates(&splits).into_iter().filter(doubtful).collect();
    if !found.is_empty() {
        observe(Event::Duplicates(found));
    }
    let count = |name| splits.iter().find(|split| split.name == name).map(|s| s.images.len());
    observe(Event::Dataset {
        images: ["train", "validation", "test"].map(count),
        hash: scan::dataset_hash(&splits),
    });
    Ok(splits)
}

fn check_classes(
    split: &'static str,
    images: impl Iterator<Item = usize>,
    classes: &[String],
) -> Result<(), LearnError> {
    let mut counts = vec![0_usize; classes.len()];
    for class in images {
        counts[class] += 1;
    }
    match counts.iter().position(|count| *count == 0) {
        Some(empty) => Err(LearnError::EmptyClass { split, class: classes[empty].clone() }),
        None => Ok(()),
    }
}

/// The network with pretrained weights where there are some, and first values elsewhere; and the
/// SHA-256 of those weights, or `random`.
fn network(
    request: &Request<'_>,
    observe: &mut dyn FnMut(Event),
) -> Result<(Network, String), LearnError> {
    let checked = request.checked;
    let loaded = match request.weights {
        Some(source) => Some(load(source, checked)?),
        None => None,
    };
    if let Some((source, loaded)) = request.weights.zip(loaded.as_ref()) {
        let (source, notes) = (source.to_string(), loaded.notes.clone());
        observe(Event::Weights { source, notes });
    }
    let loaded = loaded.map(|loaded| loaded.weights);
    let hash = loaded.as_ref().map(weights::sha256);
    observe(Event::Model {
        weights_sha256: hash.clone(),
        parameters: checked.layers.iter().map(|layer| layer.parameters()).sum(),
    });
    let seed = checked.plan.experiment.seed;
    let layers = checked.layers.clone();
    let network = Network::new(layers, loaded.unwrap_or_default(), seed, request.compute.clone());
    Ok((network, hash.unwrap_or_else(|| "random".to_owned())))
}

/// The weights that a run of this plan takes from a file. A head comes along only where the file
/// says that it was trained on the same classes.
fn load(source: &Source, checked: &Checked) -> Result<Loaded, LearnError> {
    let file = weights::open(&source.path)?;
    let matched = matched(&file, source, checked)?;
    Ok(matched.read()?)
}

/// What a run of this plan would take from a file; nothing but names and shapes is read.
///
/// # Errors
///
/// [`LearnError::Weights`].
pub fn look(source: &Source, checked: &Checked) -> Result<Vec<String>, LearnError> {
    let file = weights::open(&source.path)?;
    Ok(matched(&file, source, checked)?.notes)
}

fn matched<'a>(
    file: &'a TensorFile,
    source: &Source,
    checked: &'a Checked,
) -> Result<Matched<'a>, LearnError> {
    let classes = weights::classes(&source.path);
    let head = match &classes {
        Some(classes) if *classes == checked.classes => Head::Take,
        _ => Head::Leave,
    };
    let mut matched = weights::matched(file, &checked.layers, source.part.as_deref(), head)?;
    if let Some(classes) = classes.filter(|_| head == Head::Leave) {
        let note = format!("its head is for other classes ({}), and left out", classes.join(", "));
        matched.notes.push(note);
    }
    Ok(matched)
}

struct Run<'a> {
    request: &'a Request<'a>,
    /// Index of the stage that is under way.
    stage: usize,
    dataset: &'a Dataset,
    splits: Vec<ScannedSplit>,
    observe: &'a mut dyn FnMut(Event),
}

impl Run<'_> {
    /// Trains; what comes back is what the last stage worked on.
    fn stages(
        &mut self,
        network: &mut Network,
        keeper: &mut Keeper,
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
            let ready = self.prepare(network, stage, prepared.take())?;
            let mut stage_run = StageRun {
                stage,
                index,
                seed: plan.experiment.seed,
                network,
                prefix: ready.prefix,
                train: &ready.train,
                validation: &ready.validation,
                augmentation: plan.augmentation.as_ref().filter(|_| stage.augment),
                class_weights: class_weights(stage, &request.checked.classes, ready.train.labels()),
                interrupt: &request.interrupt,
                keeper,
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
        let description = Description::new(network, ready.prefix, self.dataset)?;
        match description == ready.description {
            true => Ok(Some(ready)),
            false => self.prepare(network, stage, None).map(Some),
        }
    }

    /// Writes the model and measures it.
    fn finish(&mut self, network: &Network, ready: Option<&Prepared>) -> Result<(), LearnError> {
        // The model first: whatever happens while it is measured, it is there.
        let path = &self.request.model;
        model::export::write(network, &about(self.request, self.dataset), path)?;
        (self.observe)(Event::Written(path.clone()));
        ready.map_or(Ok(()), |ready| self.evaluate(network, ready))
    }

    /// Measures the final network on every split, nothing augmented.
    fn evaluate(&mut self, network: &Network, ready: &Prepared) -> Result<(), LearnError> {
        let interrupt = &self.request.interrupt;
        let plain = match ready.augment {
            true => {
                Some(self.samples(network, ready.prefix, &ready.description, ("train", false))?)
            }
            false => None,
        };
        for samples in [plain.as_ref().unwrap_or(&ready.train), &ready.validation] {
            evaluate::evaluate(network, ready.prefix, samples, interrupt, self.observe)?;
        }
        if self.splits.iter().any(|split| split.name == "test") {
            let test = self.samples(network, ready.prefix, &ready.description, ("test", false))?;
            evaluate::evaluate(network, ready.prefix, &test, interrupt, self.observe)?;
        }
        Ok(())
    }
}

/// What the model is, for whoever reads the file.
fn about(request: &Request<'_>, dataset: &Dataset) -> serde_json::Value {
    let plan = &request.checked.plan;
    serde_json::json!({
        "architecture": plan.model.architecture,
        "head": plan.model.head,
        "classes": request.checked.classes,
        "image_size": dataset.image_size,
        "preprocessing": dataset.preprocessing,
        "fingerprint": fingerprint::fingerprint(plan),
        "base_layout": "torchvision names and layouts",
        "head_layout": "kernels are [in, out], flattened in the order height, width, channel",
    })
}
