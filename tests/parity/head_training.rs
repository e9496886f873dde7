//! Sixty steps of the head on cached features, with every optimizer of the reference file.

use std::collections::BTreeMap;

use burn::tensor::Tensor;
use runner_experiment::architecture::{Activation, Layer, LayerKind, Shape};
use runner_experiment::plan::Optimizer as Settings;
use runner_learn::device::Compute;
use runner_learn::model::network::{Flow, Network};
use runner_learn::model::parameter::Parameter;
use runner_learn::train::optimizer::Optimizer;
use runner_learn::train::stage::gradients;
use serde_json::Value;

use crate::support::fixtures::{self, Reference};

/// Dense 256 ReLU and one sigmoid unit, as the reference starts them.
fn head(reference: &Reference) -> Network {
    let compute = Compute::cpu();
    let [input, hidden] = reference.shape("hidden.kernel")[..] else { panic!("not a kernel") };
    let dense = |name: &str, input, output, activation| Layer {
        name: name.to_owned(),
        block: String::new(),
        base: false,
        kind: LayerKind::Dense(activation),
        input: Shape::Vector(input),
        output: Shape::Vector(output),
    };
    let parameters = ["hidden.kernel", "hidden.bias", "output.kernel", "output.bias"]
        .into_iter()
        .map(|name| {
            let (shape, values) = (reference.shape(name), reference.floats(name));
            Parameter::new(name.to_owned(), shape, values, &compute.device)
        })
        .collect();
    Network {
        layers: vec![
            dense("hidden", input, hidden, Activation::Relu),
            dense("output", hidden, 1, Activation::Sigmoid),
        ],
        parameters,
        compute,
    }
}

/// Keras's numbers for what the metadata does not name.
fn settings(given: &Value) -> Settings {
    let number = |key: &str, default: f64| given.get(key).map_or(default, |v| v.as_f64().unwrap());
    let learning_rate = number("learning_rate", f64::NAN);
    match given["name"].as_str().unwrap() {
        "rmsprop" => Settings::Rmsprop {
            learning_rate,
            rho: number("rho", 0.9),
            momentum: number("momentum", 0.0),
            epsilon: number("epsilon", 1e-7),
        },
        "sgd" => Settings::Sgd {
            learning_rate,
            momentum: number("momentum", 0.0),
            nesterov: given.get("nesterov").is_some_and(|v| v.as_bool().unwrap()),
        },
        "adam" => Settings::Adam {
            learning_rate,
            beta_1: number("beta_1", 0.9),
            beta_2: number("beta_2", 0.999),
            epsilon: number("epsilon", 1e-7),
        },
        "adamw" => Settings::Adamw {
            learning_rate,
            beta_1: number("beta_1", 0.9),
            beta_2: number("beta_2", 0.999),
            epsilon: number("epsilon", 1e-7),
            weight_decay: number("weight_decay", 0.004),
        },
        other => panic!("the reference uses `{other}`"),
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

/// Trains on batches of 20 in order; the largest difference to the expected losses.
fn train(reference: &Reference, settings: Settings, expected: &[f32]) -> f64 {
    let mut network = head(reference);
    let features = reference.floats("features");
    let labels: Vec<usize> =
        reference.floats("labels").iter().map(|label| usize::from(*label > 0.5)).collect();
    let length = reference.shape("features")[1];
    let lengths: Vec<usize> = network.parameters.iter().map(|p| p.shape.iter().product()).collect();
    let mut optimizer = Optimizer::new(settings, &lengths, true);
    let batches = labels.len() / 20;
    let mut worst = 0.0_f64;
    for (step, expected) in expected.iter().enumerate() {
        let from = step % batches * 20;
        let input = Flow::batch(
            features[from * length..(from + 20) * length].to_vec(),
            20,
            Shape::Vector(length),
            &network.compute,
        );
        let batch = &labels[from..from + 20];
        let (outcomes, slopes) = gradients(&network, 0, input, batch, None, &[0, 1, 2, 3]).unwrap();
        let loss = outcomes.iter().map(|outcome| outcome.loss).sum::<f64>() / 20.0;
        worst = worst.max((loss - f64::from(*expected)).abs());
        let mut values: Vec<&mut Tensor<1>> =
            network.parameters.iter_mut().map(|parameter| &mut parameter.value).collect();
        optimizer.step(&mut values, slopes).unwrap();
    }
    worst
}
