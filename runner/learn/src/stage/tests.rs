//! Stages on a GPU against the same ones on the CPU, and how often the GPU is waited for.

use std::collections::BTreeSet;
use std::path::Path;

use runner_experiment::architecture::{Activation, Builder, Op, Shape};
use runner_experiment::listing::Target;
use runner_experiment::plan::{
    Adam, Augmentation, LearningRate, Optimizer as Settings, Rule, Stage,
};

use super::*;
use crate::checkpoint::newest;
use crate::feature_set::{FeatureSet, Store};
use crate::feature_views::FeatureViews;
use crate::labels::Labels;
use crate::optimizer::tests::devices;
use runner_data::scan::ContentHash;
use runner_network::Compute;
use runner_network::reading::waits;
use runner_network::weights::Weights;
use runner_random::{Key, Purpose};

/// What is learned from what.
#[derive(Clone, Copy)]
struct Task {
    classes: usize,
    shape: Shape,
    images: usize,
    views: usize,
}

const TASK: Task = Task { classes: 3, shape: Shape::Vector(12), images: 37, views: 1 };

const MAPS: Task =
    Task { shape: Shape::Map { height: 4, width: 5, channels: 2 }, classes: 2, ..TASK };

impl Task {
    fn network(&self, compute: &Compute) -> Network {
        let mut net = Builder::on(self.shape);
        if let Shape::Map { .. } = self.shape {
            net.convolution("conv".to_owned(), runner_experiment::architecture::Padding::Same, 4);
            net.push("flatten", Op::Flatten);
        }
        net.dense("hidden", 16, Activation::Relu);
        net.push("dropout", Op::Dropout(0.25));
        match self.classes {
            2 => net.dense("output", 1, Activation::Sigmoid),
            more => net.dense("output", more, Activation::Softmax),
        }
        Network::new(net.finish().unwrap(), Weights::default(), 5, compute.clone())
    }

    fn samples(&self, split: &'static str) -> Samples {
        let set = |view: usize| {
            let key = Key { layer: view as u64, ..Key::new(split.len() as u64, Purpose::Generate) };
            let mut stream = key.stream();
            let values = (0..self.images * self.shape.elements()).map(|_| stream.uniform() - 0.5);
            FeatureSet {
                split,
                shape: self.shape,
                labels: Labels::even(
                    (0..self.images).map(|index| Target::Class(index * 7 % self.classes)).collect(),
                ),
                paths: vec!["image".into(); self.images],
                hashes: vec![ContentHash::default(); self.images],
                store: Store::Memory(values.collect()),
            }
        };
        Samples::Features(Box::new(FeatureViews::new((0..self.views).map(set).collect())))
    }
}

fn stage() -> Stage {
    let rule = Rule::Adam(Adam::default());
    Stage {
        name: "head".to_owned(),
        epochs: 3,
        batch_size: 8,
        optimizer: Settings {
            learning_rate: LearningRate::One(0.01),
            ..Settings::plain(rule, 0.01)
        },
        ..Stage::default()
    }
}

/// Losses of the epochs, the parameters at the end, and how many times somebody waited.
struct Trained {
    losses: Vec<(f64, f64)>,
    parameters: Vec<Vec<f32>>,
    waits: u64,
}

struct Trial<'a> {
    task: Task,
    stage: Stage,
    augmentation: Option<Augmentation>,
    class_weights: Vec<f64>,
    /// A folder for checkpoints.
    folder: Option<&'a Path>,
    /// Ask to stop once so many images of the second epoch are done.
    stop: Option<usize>,
}

impl Trial<'_> {
    fn new(task: Task) -> Self {
        let class_weights = vec![1.0; task.classes];
        Self { task, stage: stage(), augmentation: None, class_weights, folder: None, stop: None }
    }

    fn run(&self, compute: &Compute) -> Result<Trained, LearnError> {
        let mut network = self.task.network(compute);
        let (train, validation) = (self.task.samples("train"), self.task.samples("validation"));
        let interrupt = Interrupt::default();
        let folder = self.folder.map(Path::to_path_buf);
        let [plan, images, weights] = ["plan", "images", "random"].map(str::to_owned);
        let mut writer = CheckpointWriter::new(folder, plan, images, weights, BTreeSet::new());
        let resumed = self.folder.map_or(Ok(None), |folder| newest(folder, |_| Ok(())))?;
        for (index, values) in resumed.iter().flat_map(|found| &found.parameters) {
            network.parameters[*index].value = tensor(values.clone(), &compute.device);
        }
        let before = waits();
        let mut losses = Vec::new();
        StageRun {
            stage: &self.stage,
            index: 0,
            seed: 11,
            network: &mut network,
            prefix: 0,
            train: &train,
            validation: &validation,
            augmentation: self.augmentation.as_ref(),
            class_weights: self.class_weights.clone(),
            interrupt: &interrupt,
            objective: Objective::of_classes(self.class_weights.len()),
            warmed: None,
            writer: &mut writer,
        }
        .run(0, resumed, &mut |event| match event {
            Event::Epoch(epoch) => losses.push((epoch.train_loss, epoch.validation_loss)),
            Event::Progress { done, .. }
                if losses.len() == 1 && self.stop.is_some_and(|stop| done >= stop) =>
            {
                interrupt.request();
            }
            _ => {}
        })?;
        let waits = waits() - before;
        let parameters = network.parameters.iter().map(|parameter| parameter.values());
        Ok(Trained { losses, parameters: parameters.collect::<Result<_, _>>()?, waits })
    }

    /// On every other device the same losses as on the CPU.
    fn agrees(&self, what: &str) -> Result<(), LearnError> {
        let devices = devices();
        let expected = self.run(&devices[0])?.losses;
        assert_eq!(expected.len(), self.stage.epochs);
        for compute in &devices[1..] {
            let found = self.run(compute)?.losses;
            for (found, expected) in found.iter().zip(&expected) {
                let near = |a: f64, b: f64| (a - b).abs() < 1e-4 * b.abs().max(1.0);
                let both = near(found.0, expected.0) && near(found.1, expected.1);
                assert!(both, "{what}: {found:?} and {expected:?}");
            }
        }
        Ok(())
    }
}

#[test]
fn a_gpu_learns_what_the_cpu_learns() -> Result<(), LearnError> {
    // The last batch is one of 5 images.
    Trial::new(TASK).agrees("plain")?;
    Trial::new(Task { classes: 2, ..TASK }).agrees("two classes")?;
    Trial::new(Task { views: 3, ..TASK }).agrees("views")?;
    Trial::new(MAPS).agrees("maps")?;
    let mut trial = Trial::new(TASK);
    trial.class_weights = vec![0.5, 1.0, 2.0];
    trial.stage.label_smoothing = 0.1;
    trial.agrees("smoothed and weighted")?;
    trial.stage.accumulate = 2;
    trial.stage.ema = Some(0.9);
    trial.stage.optimizer.clip_norm = Some(0.1);
    trial.agrees("accumulated, averaged and clipped")?;
    let mut trial = Trial::new(TASK);
    trial.augmentation = Some(Augmentation { mixup: Some(0.4), ..Augmentation::default() });
    trial.agrees("mixed")?;
    let mut trial = Trial::new(MAPS);
    trial.augmentation = Some(Augmentation { cutmix: Some(1.0), ..Augmentation::default() });
    trial.stage.label_smoothing = 0.1;
    trial.agrees("cut")
}

#[test]
fn a_stage_goes_on_to_the_same_bits() -> Result<(), LearnError> {
    for compute in devices() {
        let expected = Trial::new(TASK).run(&compute)?;
        let folder = tempfile::tempdir().map_err(|error| LearnError::bug(error.to_string()))?;
        let stopped = Trial { folder: Some(folder.path()), stop: Some(1), ..Trial::new(TASK) };
        let stopped = stopped.run(&compute);
        assert!(matches!(stopped, Err(LearnError::Interrupted)), "{}", compute.name());
        let found = Trial { folder: Some(folder.path()), ..Trial::new(TASK) }.run(&compute)?;
        let bits = |trained: &Trained| -> Vec<u32> {
            trained.parameters.iter().flatten().map(|value| value.to_bits()).collect()
        };
        assert_eq!(bits(&found), bits(&expected), "{}", compute.name());
        let losses = |trained: &Trained| trained.losses.last().copied();
        assert_eq!(losses(&found), losses(&expected), "{}", compute.name());
    }
    Ok(())
}

#[test]
fn a_loss_that_is_not_finite_is_that_of_the_same_step() -> Result<(), LearnError> {
    let mut trial = Trial::new(TASK);
    trial.stage.optimizer.learning_rate = LearningRate::One(1e38);
    for compute in devices() {
        match trial.run(&compute) {
            Err(LearnError::NotFinite { epoch: 1, step, loss, .. }) => {
                assert!(step == 2 && !loss.is_finite(), "{}: step {step}, {loss}", compute.name());
            }
            _ => return Err(LearnError::bug("no loss that is not finite")),
        }
    }
    Ok(())
}

/// An epoch of 50 steps, with its validation.
#[test]
fn a_gpu_is_waited_for_a_few_times_per_epoch() -> Result<(), LearnError> {
    for compute in &devices()[1..] {
        for task in [TASK, MAPS] {
            let mut trial = Trial::new(Task { images: 400, ..task });
            trial.stage.epochs = 1;
            let waits = trial.run(compute)?.waits;
            assert!(waits <= 5, "{waits} waits");
        }
    }
    Ok(())
}
