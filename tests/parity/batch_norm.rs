//! Fine-tuning with batch normalizations that are trained: losses, moving statistics and logits
//! against Keras's.

use runner_experiment::architecture::{ArchitectureName, Top, layers, output};
use runner_experiment::plan::{BatchNorm, Stage};
use runner_experiment::section::model::Pooling;
use runner_experiment::section::task::Task;
use runner_learn::gradients::{Suffix, gradients};
use runner_learn::loss::Target;
use runner_learn::optimizer::{Optimizer, Trained};
use runner_learn::stage::trained;
use runner_network::parameter::{read, tensor};
use runner_network::{Flow, Network, Training};
use runner_random::{Key, Purpose};

use super::backbones::{architecture, input, network};
use super::head_training::settings;
use crate::support::fixtures::{self, Reference};
use crate::support::formula;

const FILE: &str = "backbone_keras_resnet50_finetune.safetensors";

/// The last stage of ResNet50 and a head, as the reference has them.
fn stage() -> Stage {
    let frozen = ["conv1", "conv2", "conv3", "conv4"].map(str::to_owned).to_vec();
    Stage { frozen, batch_norm: BatchNorm::Train, ..Stage::default() }
}

fn value(network: &Network, name: &str) -> Vec<f32> {
    network.parameters.iter().find(|p| p.name == name).unwrap().values().unwrap()
}

fn largest(values: &[f32]) -> f32 {
    values.iter().fold(0.0_f32, |most, value| most.max(value.abs()))
}

/// The network with the weights of the reference, and its head.
fn start(reference: &Reference, name: ArchitectureName, side: usize) -> Network {
    let top = Top::Head {
        pooling: Pooling::Average,
        hidden: &[],
        dropout: 0.0,
        output: output(Task::Classification, 2),
    };
    let layers = layers(name, [side, side], &top).unwrap();
    let mut network = network(reference, name, layers);
    let head = formula::tensors(reference).into_iter().find(|given| given.0 == "head/kernel");
    let kernel = formula::values(&reference.metadata["salt"], &head.unwrap());
    let device = network.compute.device.clone();
    for parameter in &mut network.parameters {
        if parameter.name == "output.kernel" {
            parameter.value = tensor(kernel.clone(), &device);
        }
    }
    network
}

#[test]
fn parity_batch_norms_that_are_trained() {
    let Some(folder) = fixtures::folder("finetuning with batch norms") else { return };
    let reference = Reference::open(&folder, FILE);
    let number = |key: &str| reference.metadata[key].parse::<usize>().unwrap();
    let (side, images, steps) = (number("side"), number("images"), number("steps"));
    let name = architecture("keras", "resnet50");
    let mut network = start(&reference, name, side);
    let stage = stage();
    let prefix = stage.frozen_prefix(&network.layers);
    assert_eq!(network.layers[prefix - 1].name, "conv4_block6_out");
    let input = input(&reference, name, &network.compute);
    let features = network.forward(0..prefix, input, &network.values());
    let settings = settings(&serde_json::from_str(&reference.metadata["optimizer"]).unwrap());
    let indices = network.indices(&trained(&stage, &network));
    let rate = settings.learning_rate.largest();
    let each = indices.iter().map(|index| Trained::new(&network.parameters[*index], rate));
    let mut optimizer = Optimizer::new(settings.clone(), each.collect(), true);
    let samples: Vec<usize> = (0..images).collect();
    let targets: Vec<Target> = samples.iter().map(|index| Target::of(index % 2, 2)).collect();
    let losses = reference.floats("losses");
    for (step, expected) in losses.iter().enumerate().take(steps) {
        let training = Some(Training { key: Key::new(0, Purpose::Shuffle), samples: &samples });
        let suffix = Suffix { network: &network, prefix, training, indices: &indices };
        let found = gradients(suffix, features.clone(), &targets.clone().into()).unwrap();
        let loss = found.outcomes.iter().map(|outcome| outcome.loss).sum::<f64>() / images as f64;
        let off = (loss / f64::from(*expected) - 1.0).abs();
        println!("step {step}: {loss}, off by {off:e}");
        assert!(off < 1e-3, "the loss of step {step} is {loss}, not {expected}");
        for (index, value) in found.moved {
            network.parameters[index].value = value;
        }
        let parameters = network.parameters.iter_mut().enumerate();
        let trained = parameters.filter(|(index, _)| indices.contains(index));
        let mut values: Vec<_> = trained.map(|(_, parameter)| &mut parameter.value).collect();
        optimizer.step(&mut values, found.gradients, 1.0).unwrap();
    }
    check(&network, (prefix, features), &reference);
}

/// Moving statistics and logits after the last step.
fn check(network: &Network, (prefix, features): (usize, Flow), reference: &Reference) {
    for name in reference.names().iter().filter(|name| name.contains("_bn.")) {
        let (ours, theirs) = (value(network, name), reference.floats(name));
        let off = ours.iter().zip(&theirs).fold(0.0_f32, |most, (a, b)| most.max((a - b).abs()));
        println!("{name} off by {:e}", off / largest(&theirs));
        assert!(off < 1e-4 * largest(&theirs), "{name} is off by {off:e}");
    }
    let behind = prefix..network.layers.len();
    let logits = network.forward(behind, features, &network.values()).rows();
    let (ours, theirs) = (read(logits).unwrap(), reference.floats("logits_after"));
    for (ours, theirs) in ours.iter().zip(&theirs) {
        println!("logit {ours}, Keras's {theirs}");
    }
}
