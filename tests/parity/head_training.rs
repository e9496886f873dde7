//! Sixty steps of the head on cached features, with every optimizer of the reference file.

use std::collections::BTreeMap;

use burn::tensor::Tensor;
use runner_experiment::architecture::{Activation, Builder, Shape};
use runner_experiment::plan::{
    Adam, Adamw, LearningRate, Optimizer as Settings, Rmsprop, Rule, Sgd,
};
use runner_learn::gradients::{Suffix, gradients};
use runner_learn::loss::Target;
use runner_learn::optimizer::{Optimizer, Trained};
use runner_network::device::Compute;
use runner_network::{Flow, Network};
use serde_json::Value;

use super::activations::head_weights;
use crate::support::fixtures::{self, Reference};

/// Dense 256 ReLU and one sigmoid unit, as the reference starts them.
pub fn head(reference: &Reference) -> Network {
    let [input, hidden] = reference.shape("hidden.kernel")[..] else { panic!("not a kernel") };
    let mut net = Builder::on(Shape::Vector(input));
    net.end_base();
    net.dense("hidden", hidden, Activation::Relu);
    net.dense("output", 1, Activation::Sigmoid);
    Network::new(net.finish().unwrap(), head_weights(reference, ""), 0, Compute::cpu())
}

/// Keras's numbers for what the metadata does not name.
pub fn settings(given: &Value) -> Settings {
    let number = |key: &str, default: f64| given.get(key).map_or(default, |v| v.as_f64().unwrap());
    let (beta_1, beta_2) = (number("beta_1", 0.9), number("beta_2", 0.999));
    let epsilon = number("epsilon", 1e-7);
    let rule = match given["name"].as_str().unwrap() {
        "rmsprop" => {
            let (rho, momentum) = (number("rho", 0.9), number("momentum", 0.0));
            Rule::Rmsprop(Rmsprop { rho, momentum, epsilon })
        }
        "sgd" => Rule::Sgd(Sgd {
            momentum: number("momentum", 0.0),
            nesterov: given.get("nesterov").is_some_and(|v| v.as_bool().unwrap()),
        }),
        "adam" => Rule::Adam(Adam { beta_1, beta_2, epsilon }),
        "adamw" => Rule::Adamw(Adamw { adam: Adam { beta_1, beta_2, epsilon } }),
        other => panic!("the reference uses `{other}`"),
    };
    let plain = Settings::plain(rule, number("learning_rate", f64::NAN));
    match rule {
        Rule::Adamw(_) => Settings { weight_decay: Some(number("weight_decay", 0.004)), ..plain },
        _ => plain,
    }
}

#[test]
fn parity_head_training_losses_within_1e_4_at_every_step() {
    let Some(folder) = fixtures::folder("head_training") else {
        return;
    };
    let reference = Reference::open(&folder, "head_training.safetensors");
    let optimizers: BTreeMap<String, Value> =
        serde_json::from_str(&reference.metadata["optimizers"]).unwrap();
    assert!(!optimizers.is_empty());
    for (name, given) in optimizers {
        let losses = reference.floats(&format!("losses.{name}"));
        let worst = train(&reference, settings(&given), &losses);
        println!("{name}: largest difference of a loss {worst:e}");
        assert!(worst < 1e-4, "{name}: a loss is off by {worst:e}");
    }
}

/// The images of a batch: `20 in order …`.
pub fn batch(reference: &Reference) -> usize {
    let words = reference.metadata["batch"].split_whitespace();
    words.into_iter().find_map(|word| word.parse().ok()).unwrap()
}

/// Trains the head on the reference's features; the largest difference to the expected losses.
fn train(reference: &Reference, settings: Settings, expected: &[f32]) -> f64 {
    let mut network = head(reference);
    let shape = Shape::Vector(reference.shape("features")[1]);
    let features = reference.floats("features");
    let (labels, size) = (labels(reference), batch(reference));
    let batches = Batches { features: &features, shape, labels: &labels, size };
    let off = batches.train(&mut network, 0, settings, expected, |_, _| {});
    off.into_iter().fold(0.0, f64::max)
}

/// 0 and 1.
pub fn labels(reference: &Reference) -> Vec<usize> {
    reference.floats("labels").iter().map(|label| usize::from(*label > 0.5)).collect()
}

/// What is trained on, so many at a time, in order.
pub struct Batches<'a> {
    pub features: &'a [f32],
    pub shape: Shape,
    pub labels: &'a [usize],
    pub size: usize,
}

impl Batches<'_> {
    /// Trains the layers after `prefix`, one step per expected loss; the difference to each of
    /// these. `watch` sees the gradients of each step.
    pub fn train(
        &self,
        network: &mut Network,
        prefix: usize,
        settings: Settings,
        expected: &[f32],
        mut watch: impl FnMut(usize, &[Tensor<1>]),
    ) -> Vec<f64> {
        let indices: Vec<usize> =
            (network.first_parameter(prefix)..network.parameters.len()).collect();
        let trained = &network.parameters[indices[0]..];
        let LearningRate::One(rate) = settings.learning_rate else { panic!("one rate") };
        let trained = trained.iter().map(|parameter| Trained::new(parameter, rate)).collect();
        let mut optimizer = Optimizer::new(settings, trained, true);
        let length = self.shape.elements();
        let mut off = Vec::new();
        for (step, expected) in expected.iter().enumerate() {
            let size = self.size;
            let from = step % (self.labels.len() / size) * size;
            let features = self.features[from * length..(from + size) * length].to_vec();
            let input = Flow::batch(features, size, self.shape, &network.compute);
            let labels = self.labels[from..from + size].iter();
            let targets: Vec<Target> = labels.map(|label| Target::of(*label, 2)).collect();
            let found = gradients(
                Suffix { network: &*network, prefix, training: None, indices: &indices },
                input,
                &targets.clone().into(),
            )
            .unwrap();
            let (outcomes, slopes) = (found.outcomes, found.gradients);
            let loss = outcomes.iter().map(|outcome| outcome.loss).sum::<f64>() / size as f64;
            off.push((loss - f64::from(*expected)).abs());
            watch(step, &slopes);
            let trained = network.parameters[indices[0]..].iter_mut();
            let mut values: Vec<&mut Tensor<1>> = trained.map(|p| &mut p.value).collect();
            optimizer.step(&mut values, slopes, 1.0).unwrap();
        }
        off
    }
}
