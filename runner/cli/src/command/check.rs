//! `runner check`: validate and print the plan; runs nothing.

mod cut;
mod division;
mod sweep;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Args;
use runner_experiment::architecture::Layer;
use runner_experiment::plan::{LearningRate, Plan, Stage};
use runner_experiment::section::task::Task;
use runner_experiment::{Checked, Loaded, Origin, Override, Sweep, discover, fingerprint};
use runner_learn::run::pretrained;
use runner_network::device::select;

use crate::environment::show_size;
use crate::failure::Failure;
use crate::fetch::weights;
use crate::text::thousands;
use crate::{diagnostics, estimate, terminal};

/// `check`
#[derive(Debug, Args)]
pub struct CheckArguments {
    /// Experiment files, or folders of them.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Change a key of the plan: `--set stage.head.epochs=2`.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<Override>,
}

/// Where runs are, unless `run` was told otherwise.
const RESULTS: &str = "results";

pub(super) fn check(arguments: &CheckArguments) -> Result<(), Failure> {
    let mut wrong: Vec<Failure> = Vec::new();
    for file in files(&arguments.files)? {
        let name = file.display().to_string();
        match runner_experiment::load_all(&file, &arguments.set) {
            Ok(Loaded::One(checked)) => wrong.extend(print(&name, &checked).err()),
            Ok(Loaded::Sweep(sweep)) => wrong.extend(print_sweep(&name, &sweep).err()),
            Err(error) => wrong.push(error.into()),
        }
    }
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(Failure::joined(wrong)),
    }
}

/// Folders stand for the experiment files in them.
fn files(given: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for path in given {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let found = discover::experiments(path);
        if found.is_empty() {
            let message = format!("there is no experiment file (.toml) in {}", path.display());
            return Err(Failure::usage(message));
        }
        files.extend(found);
    }
    Ok(files)
}

/// The members of a sweep, what they share, and the plan of the first.
fn print_sweep(file: &str, sweep: &Sweep) -> Result<(), Failure> {
    diagnostics::show_warnings_of_sweep(sweep);
    terminal::out(&sweep::head(file, sweep));
    sweep::members(sweep, Path::new(RESULTS));
    terminal::out(&sweep::shared(sweep));
    terminal::out(&sweep::cost(sweep, Path::new(RESULTS)));
    let Some(first) = sweep.members.first() else { return Ok(()) };
    terminal::out(&format!("\nmember 1, {}:", first.name));
    print(file, &first.checked)
}

fn print(file: &str, checked: &Checked) -> Result<(), Failure> {
    diagnostics::show_warnings(checked);
    let plan = &checked.plan;
    terminal::out(&format!(
        "{file}: experiment {}, seed {}",
        plan.experiment.name, plan.experiment.seed
    ));
    if !plan.experiment.description.is_empty() {
        terminal::out(&plan.experiment.description);
    }
    terminal::out(&format!("fingerprint {}", fingerprint::fingerprint(plan)));
    terminal::out(&format!("{}\n", device(plan)));
    dataset(checked);
    model(checked)?;
    for stage in &plan.stage {
        terminal::out(&stage_text(checked, stage));
    }
    origins(checked);
    terminal::out("the plan, with every default:\n");
    terminal::out_data(&resolved(plan)?);
    Ok(())
}

/// What a run here would compute on, and in which precision. A file may be for another machine.
fn device(plan: &Plan) -> String {
    match select(plan.run) {
        Ok(compute) => format!("computes on {}", compute.described()),
        Err(error) => format!("does not run here: {error}"),
    }
}

/// Where values come from, where that is more than one file.
fn origins(checked: &Checked) {
    let files: BTreeSet<&str> =
        checked.origins.iter().map(|origin| origin.place.name.as_str()).collect();
    if files.len() < 2 {
        return;
    }
    let row = |origin: &Origin| {
        let over = origin.over.as_ref().map_or(String::new(), ToString::to_string);
        vec![origin.key.clone(), origin.place.to_string(), over, origin.value.clone()]
    };
    terminal::out("where these come from; everything else is a default:\n");
    let rows = checked.origins.iter().map(row).collect();
    terminal::out_table(&["key", "from", "in place of", "value"], rows);
    terminal::out("");
}

fn dataset(checked: &Checked) {
    let Some(dataset) = &checked.plan.dataset else {
        return;
    };
    let mut header = vec!["split"];
    let is_counted = dataset.task != Task::Regression;
    header.extend(checked.classes.iter().map(String::as_str).filter(|_| is_counted));
    header.extend(["images", "folder"]);
    let rows = checked
        .splits
        .iter()
        .map(|split| {
            let mut row = vec![split.name.to_owned()];
            row.extend(split.counts().iter().filter(|_| is_counted).map(ToString::to_string));
            row.extend([split.images.len().to_string(), split.folder.clone()]);
            row
        })
        .collect();
    let [height, width] = dataset.image_size;
    terminal::out(&format!(
        "images: {height}x{width}, preprocessing {}, a bad image: {}",
        dataset.preprocessing, dataset.on_bad_image
    ));
    terminal::out_table(&header, rows);
    if let Some(division) = &dataset.split {
        terminal::out(&division::text(dataset, division));
    }
    match dataset.task {
        Task::Multilabel => terminal::out("one sigmoid unit per label"),
        Task::Regression => terminal::out(&format!("numbers: {}", checked.classes.join(", "))),
        Task::Classification => {}
    }
    if let ([first, second], Task::Classification) = (&checked.classes[..], dataset.task) {
        terminal::out(&format!(
            "one sigmoid unit: the probability of {second}; above 0.5 is {second}, else {first}"
        ));
    }
    terminal::out("");
}

fn model(checked: &Checked) -> Result<(), Failure> {
    let model = &checked.plan.model;
    terminal::out(&format!("model: {}, weights {}", model.architecture, model.weights));
    if let Some(source) = weights::local(checked, Path::new(RESULTS)) {
        let notes = pretrained::look(&source, checked)?;
        terminal::out(&format!("taken from {source}: {}", notes.join("; ")));
    }
    let rows = checked
        .layers
        .iter()
        .map(|layer| {
            vec![
                layer.name.clone(),
                layer.keras_name().to_owned(),
                layer.output.to_string(),
                thousands(layer.parameters()),
            ]
        })
        .collect();
    terminal::out_table(&["layer", "kind", "output", "parameters"], rows);
    let sum =
        |base: bool| checked.layers.iter().filter(|l| l.base == base).map(Layer::parameters).sum();
    let (base, top): (usize, usize) = (sum(true), sum(false));
    terminal::out(&format!(
        "{} parameters: conv base {}, {} {}\n",
        thousands(base + top),
        thousands(base),
        if model.include_top { "classifier" } else { "head" },
        thousands(top)
    ));
    if let Some(text) = cut::text(&checked.layers).filter(|_| !checked.plan.stage.is_empty()) {
        terminal::out(&text);
    }
    Ok(())
}

fn stage_text(checked: &Checked, stage: &Stage) -> String {
    let layers = &checked.layers;
    let with_parameters: Vec<&Layer> =
        layers.iter().filter(|layer| layer.has_parameters()).collect();
    let trained: Vec<&&Layer> =
        with_parameters.iter().filter(|layer| !stage.freezes(layer)).collect();
    let count: usize = trained.iter().map(|layer| layer.parameters()).sum();
    let total: usize = layers.iter().map(Layer::parameters).sum();
    let names: Vec<&str> = trained.iter().map(|layer| layer.name.as_str()).collect();
    let frozen =
        if stage.frozen.is_empty() { "nothing".to_owned() } else { stage.frozen.join(", ") };
    let early = stage.early_stopping.map_or(String::new(), |rule| {
        format!(", stops after {} epochs without a better {}", rule.patience.max(1), rule.monitor)
    });
    let schedule = stage.schedule.map_or(String::new(), |s| format!(" ({})", s.name()));
    format!(
        "stage {}: at most {} epochs of batch {}, learning rate {}{schedule}{early}\n  \
         freezes {frozen}\n  \
         trains {}: {} of {} parameters, {} of {} tensors\n  {}\n  {}\n",
        stage.name,
        stage.epochs,
        stage.batch_size,
        rates(&stage.optimizer.learning_rate),
        names.join(", "),
        thousands(count),
        thousands(total),
        tensors(trained.iter().map(|layer| **layer)),
        tensors(with_parameters.iter().copied()),
        cached(layers, stage, views(checked)),
        estimated(checked, stage),
    )
}

fn tensors<'a>(layers: impl Iterator<Item = &'a Layer>) -> usize {
    layers.map(|layer| layer.specs().len()).sum()
}

/// One number, or one per part of the network.
fn rates(rate: &LearningRate) -> String {
    match rate {
        LearningRate::One(rate) => format!("{rate:e}"),
        LearningRate::Named(rates) => {
            let each = rates.iter().map(|(part, rate)| format!("{rate:e} for {part}"));
            each.collect::<Vec<_>>().join(", ")
        }
    }
}

/// Augmented views that are kept.
fn views(checked: &Checked) -> Option<usize> {
    checked.plan.augmentation.as_ref()?.views
}

fn cached(layers: &[Layer], stage: &Stage, views: Option<usize>) -> String {
    let prefix = stage.frozen_prefix(layers);
    match layers[..prefix].last() {
        Some(last) if stage.augment && views.is_some() => format!(
            "caches the output of {} for {} augmented views per image, which take turns: less \
             variety than a new view in every epoch, for less time",
            last.name,
            views.unwrap_or(1)
        ),
        Some(last) if !stage.augment => format!(
            "caches the output of {}, {} values per image: the {prefix} layers up to it run once",
            last.name,
            thousands(last.output.elements())
        ),
        Some(last) => format!(
            "runs the {prefix} layers up to {} without gradients, caches nothing",
            last.name
        ),
        None => "caches nothing".to_owned(),
    }
}

fn estimated(checked: &Checked, stage: &Stage) -> String {
    let estimate = estimate::stage(checked, stage);
    let disk = match (stage.augment, views(checked)) {
        (true, None) => 0,
        (true, Some(views)) => estimate.disk * views as u64,
        (false, _) => estimate.disk,
    };
    format!(
        "about {} of memory, {} of disk for features",
        show_size(estimate.memory),
        show_size(disk)
    )
}

fn resolved(plan: &Plan) -> Result<String, Failure> {
    plan.to_toml().map_err(|error| Failure::of(1, &error))
}
