//! A family that is not one of the product: residual blocks with batch normalization. What it takes
//! to add one is this file.

use std::collections::BTreeSet;

use runner_convolution::buffer;
use runner_experiment::architecture::family::{Architecture, Classifier, Published};
use runner_experiment::architecture::op::{Activation, Convolution};
use runner_experiment::architecture::{
    Builder, Family, Layer, Op, Padding, Place, Role, Shape, Top, build, cuts, output,
};
use runner_experiment::plan::{Adamw, Optimizer as Settings, Rule};
use runner_experiment::section::model::Pooling;
use runner_experiment::section::task::Task;
use runner_learn::gradients::{Suffix, gradients};
use runner_learn::loss::Target;
use runner_learn::optimizer::{Optimizer, Trained};
use runner_network::device::Compute;
use runner_network::inference::{self, Inference};
use runner_network::parameter::{read, tensor};
use runner_network::weights::{self, Head, Weights};
use runner_network::{Flow, Network, Training, export};
use runner_random::{Key, Purpose};

/// Two residual blocks, the second with half the rows and columns.
struct Toy;

impl Family for Toy {
    fn name(&self) -> &'static str {
        "toy"
    }

    fn architectures(&self) -> &'static [Architecture] {
        &[Architecture { name: "toy", about: "Two residual blocks." }]
    }

    fn base(&self, _: &str, net: &mut Builder) {
        net.block("block1");
        net.convolution("block1_stem".to_owned(), Padding::Same, 16);
        block(net, "block1", 16, 1);
        net.block("block2");
        block(net, "block2", 32, 2);
    }

    fn classifier(&self) -> Option<Classifier> {
        None
    }

    fn published(&self) -> &'static [Published] {
        &[]
    }

    fn place(&self, part: &str, _: &str) -> Option<Place> {
        part.starts_with("block").then(|| Place::Named(part.to_owned()))
    }
}

/// conv, norm, ReLU, conv, norm, plus what came in, ReLU.
fn block(net: &mut Builder, name: &str, channels: usize, stride: usize) {
    let convolution = |kernel, stride| {
        Op::Convolution(Convolution {
            kernel: [kernel, kernel],
            stride,
            bias: false,
            activation: Activation::Linear,
            ..Convolution::plain(channels, Padding::Same)
        })
    };
    let norm = Op::BatchNorm { epsilon: 1e-3, momentum: 0.9, scale: true };
    let entrance = net.current();
    net.push(format!("{name}_conv1"), convolution(3, stride));
    net.push(format!("{name}_norm1"), norm);
    net.push(format!("{name}_relu1"), Op::Activation(Activation::Relu));
    net.push(format!("{name}_conv2"), convolution(3, 1));
    let straight = net.push(format!("{name}_norm2"), norm);
    net.go_back(entrance);
    let shortcut = match stride {
        1 => entrance,
        _ => net.push(format!("{name}_shortcut"), convolution(1, stride)),
    };
    net.join(format!("{name}_add"), Op::Add, &[straight, shortcut]);
    net.push(format!("{name}_out"), Op::Activation(Activation::Relu));
}

const SIDE: usize = 12;

fn layers() -> Vec<Layer> {
    let top = Top::Head {
        pooling: Pooling::Average,
        hidden: &[8],
        dropout: 0.0,
        output: output(Task::Classification, 2),
    };
    build(&Toy, "toy", [SIDE, SIDE], &top).unwrap()
}

fn network() -> Network {
    Network::new(layers(), Weights::new(), 3, Compute::cpu())
}

fn images(count: usize) -> Vec<f32> {
    let mut stream = Key::new(5, Purpose::Generate).stream();
    (0..count * 3 * SIDE * SIDE).map(|_| stream.uniform() - 0.5).collect()
}

fn position(name: &str) -> usize {
    layers().iter().position(|layer| layer.name == name).unwrap()
}

const IMAGE: Shape = Shape::Map { height: SIDE, width: SIDE, channels: 3 };

#[test]
fn a_residual_network_is_cut_between_its_blocks_alone() {
    let layers = layers();
    let cuts: Vec<&str> = (1..=layers.len())
        .filter(|position| cuts::is_cut(&layers, *position))
        .map(|position| layers[position - 1].name.as_str())
        .collect();
    let expected =
        ["block1_stem", "block1_add", "block1_out", "block2_add", "block2_out", "average_pool"];
    assert_eq!(cuts, [&expected[..], &["hidden1", "output"]].concat());
    // What is frozen up to the middle of a block is cached up to the block before.
    let frozen = ["block1_stem", "block1_conv1", "block1_norm1"];
    let prefix = cuts::longest(&layers, |layer| frozen.contains(&layer.name.as_str()));
    assert_eq!(prefix, 1);
    let shape = |name: &str| layers[position(name)].output.to_string();
    assert_eq!(shape("block1_out"), "(12, 12, 16)");
    assert_eq!(shape("block2_out"), "(6, 6, 32)");
}

#[test]
fn features_of_a_prefix_are_a_place_to_go_on_from() {
    let network = network();
    let all = network.layers.len();
    let flow = Flow::batch(images(2), 2, IMAGE, &network.compute);
    let whole = read(network.forward(0..all, flow, &network.values()).rows()).unwrap();
    for cut in [position("block1_out") + 1, position("block2_add") + 1] {
        let prefix = Inference::new(&network, 0..cut).unwrap();
        let features = inference::values(prefix.forward(images(2), 2)).unwrap();
        let rest = Inference::new(&network, cut..all).unwrap();
        let mut values = buffer::room(features.len());
        values.extend(features);
        let found = inference::values(rest.forward(values, 2)).unwrap();
        for (found, whole) in found.iter().zip(&whole) {
            assert!((found - whole).abs() < 1e-5, "{found} and {whole}");
        }
    }
}

#[test]
fn gradients_go_both_ways_around_a_block() {
    let mut network = network();
    let prefix = position("block1_out") + 1;
    let features = Inference::new(&network, 0..prefix).unwrap().forward(images(4), 4);
    let features = inference::values(features).unwrap();
    let shape = network.layers[prefix].input;
    let targets: Vec<Target> = (0..4).map(|index| Target::of(index % 2, 2)).collect();
    let loss = |network: &Network, indices: &[usize]| {
        let input = Flow::batch(features.clone(), 4, shape, &network.compute);
        let found = gradients(
            Suffix { network, prefix, training: None, indices },
            input,
            &targets.clone().into(),
        )
        .unwrap();
        let loss = found.outcomes.iter().map(|outcome| outcome.loss).sum::<f64>() / 4.0;
        (loss, found.gradients)
    };
    for name in ["block2_shortcut.kernel", "block2_conv1.kernel", "block2_norm2.gamma"] {
        let index = network.parameters.iter().position(|p| p.name == name).unwrap();
        let gradient = read(loss(&network, &[index]).1.remove(0)).unwrap();
        let place = (0..gradient.len())
            .max_by(|a, b| gradient[*a].abs().total_cmp(&gradient[*b].abs()))
            .unwrap();
        let values = network.parameters[index].values().unwrap();
        let mut moved = |by: f32| {
            let mut values = values.clone();
            values[place] += by;
            network.parameters[index].value = tensor(values, &network.compute.device);
            loss(&network, &[index]).0
        };
        let slope = (moved(1e-2) - moved(-1e-2)) / 2e-2;
        moved(0.0);
        let found = f64::from(gradient[place]);
        assert!((slope / found - 1.0).abs() < 0.02, "{name}: {slope} and {found}");
    }
}

#[test]
fn training_moves_what_normalization_keeps_and_nothing_that_is_frozen() {
    let network = network();
    let prefix = position("block1_out") + 1;
    let trained: BTreeSet<usize> = (prefix..network.layers.len()).collect();
    let indices = network.indices(&trained);
    let features = Inference::new(&network, 0..prefix).unwrap().forward(images(4), 4);
    let key = Key::new(1, Purpose::Dropout);
    let targets: Vec<Target> = (0..4).map(|index| Target::of(index % 2, 2)).collect();
    let training = Training { key, samples: &[0, 1, 2, 3] };
    let suffix = Suffix { network: &network, prefix, training: Some(training), indices: &indices };
    let found = gradients(suffix, features, &targets.clone().into()).unwrap();
    let names: Vec<&str> =
        found.moved.iter().map(|(index, _)| network.parameters[*index].name.as_str()).collect();
    let of = |layer: &str| [format!("{layer}.moving_mean"), format!("{layer}.moving_variance")];
    assert_eq!(names, [of("block2_norm1"), of("block2_norm2")].concat());
    for (index, gradient) in indices.iter().zip(&found.gradients) {
        let parameter = &network.parameters[*index];
        let is_zero = read(gradient.clone()).unwrap().iter().all(|value| *value == 0.0);
        assert_eq!(is_zero, !parameter.role.is_trainable(), "{}", parameter.name);
    }
    // Weight decay is for what is trained: a moving variance does not shrink with it.
    let settings =
        Settings { weight_decay: Some(0.5), ..Settings::plain(Rule::Adamw(Adamw::default()), 0.1) };
    let parameters = indices.iter().map(|index| Trained::new(&network.parameters[*index], 0.1));
    let mut optimizer = Optimizer::new(settings, parameters.collect(), true);
    let mut after: Vec<_> =
        indices.iter().map(|index| network.parameters[*index].value.clone()).collect();
    let mut values: Vec<&mut _> = after.iter_mut().collect();
    optimizer.step(&mut values, found.gradients, 1.0).unwrap();
    for (index, after) in indices.iter().zip(after) {
        let parameter = &network.parameters[*index];
        let same = read(after).unwrap() == parameter.values().unwrap();
        // Biases that start at zero and betas move by their gradient, everything trained by decay.
        assert_eq!(same, !parameter.role.is_trainable(), "{}", parameter.name);
    }
}

#[test]
fn its_weights_come_back_from_the_file_that_was_written() {
    let network = network();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    export::write(&network, &Toy, (&serde_json::json!({}), &|_| true), &path).unwrap();
    let source = path.into();
    let loaded = weights::load(&source, (&Toy, &network.layers), Head::Take).unwrap().weights;
    let norm = &loaded["block2_norm1"];
    assert_eq!(
        norm.keys().copied().collect::<Vec<_>>(),
        [Role::Gamma, Role::Beta, Role::MovingMean, Role::MovingVariance]
    );
    let again = Network::new(layers(), loaded, 99, Compute::cpu());
    for (a, b) in network.parameters.iter().zip(&again.parameters) {
        assert_eq!(a.values().unwrap(), b.values().unwrap(), "{}", a.name);
    }
}
