//! Twenty steps of block5 and the head: losses, gradients, biases.

use burn::tensor::Tensor;
use runner_convolution::Isa;
use runner_data::preprocess;
use runner_experiment::architecture::Shape;
use runner_experiment::section::dataset::Preprocessing;
use runner_network::parameter::{Parameter, read};
use runner_network::{Flow, Network};
use runner_random::{Key, Purpose};
use serde_json::Value;

use super::activations::with_head;
use super::head_training::{Batches, batch, labels, settings};
use crate::support::fixtures::{self, Reference};

/// Images per forward pass of the frozen blocks.
const BATCH: usize = 20;

/// VGG16 with the pretrained base and the head that the reference starts with.
fn network(folder: &std::path::Path, size: [usize; 2]) -> Network {
    with_head(folder, size, (&Reference::open(folder, "head_training.safetensors"), ""))
}

/// What the frozen blocks make of the reference's images.
fn features(network: &Network, prefix: usize, reference: &Reference) -> Vec<f32> {
    let [_, height, width, _] = reference.shape("images")[..] else { panic!("not images") };
    let shape = Shape::Map { height, width, channels: 3 };
    let mut all = Vec::new();
    for batch in reference.bytes("images").chunks(BATCH * height * width * 3) {
        let images = batch.chunks_exact(height * width * 3);
        let count = images.len();
        let values = images.flat_map(|rgb| {
            let pixels = runner_record::Pixels { height, width, rgb: rgb.to_vec() };
            preprocess::preprocess(&pixels, Preprocessing::Rescale)
        });
        let input = Flow::batch(values.collect(), count, shape, &network.compute);
        let Flow::Map(map) = network.forward(0..prefix, input, &network.values()) else {
            panic!("a feature map")
        };
        all.extend(read(map).unwrap());
    }
    all
}

/// `[out, in, 3, 3]` as the first `outs` columns of Keras's `[3, 3, in, out]`.
fn columns(kernel: &[f32], channels: usize, outs: usize) -> Vec<f32> {
    let mut values = Vec::with_capacity(9 * channels * outs);
    for tap in 0..9 {
        for channel in 0..channels {
            values.extend((0..outs).map(|out| kernel[(out * channels + channel) * 9 + tap]));
        }
    }
    values
}

fn largest_difference(ours: &[f32], theirs: &[f32]) -> f32 {
    assert_eq!(ours.len(), theirs.len());
    ours.iter().zip(theirs).fold(0.0_f32, |most, (a, b)| most.max((a - b).abs()))
}

/// Where a value lies so near to a kink (ReLU, maximum) that the last bits decide on which side, two
/// computations part, and every step after carries them further. Against Keras's numbers float64
/// is off by up to 1.3e-4 in the losses and 1.3e-5 in the biases, PyTorch in `f32` by 2.8e-4 and
/// 1.4e-5; features that are perturbed by one part in a million move float64's own losses by
/// 3.0e-4. The bounds are what that leaves, for any network, images and optimizer of this form: a
/// single value of a gradient at a kink is 8e-4 of the largest away.
///
/// A matrix unit sums in an order of its own and so meets other kinks: there the median of five
/// trainings counts, whose features differ in their last two bits.
#[test]
fn parity_finetuning_block5_losses_gradients_and_biases() {
    let Some(folder) = fixtures::folder("finetune_block5") else {
        return;
    };
    let reference = Reference::open(&folder, "finetune_block5.safetensors");
    let [_, height, width, _] = reference.shape("images")[..] else { panic!("not images") };
    let network = network(&folder, [height, width]);
    let prefix = network.layers.iter().position(|layer| layer.block == "block5").unwrap();
    let features = features(&network, prefix, &reference);
    let draws = if Isa::best() == Isa::Amx { 5 } else { 1 };
    let mut all: [Vec<f64>; 3] = Default::default();
    for draw in 0..draws {
        let off = train(network.clone(), prefix, &perturbed(&features, draw), &reference);
        println!("draw {draw}: off by {off:?}");
        all.iter_mut().zip([off.loss, off.bias, off.gradient]).for_each(|(all, off)| all.push(off));
    }
    let [loss, bias, gradient] = all.map(|mut off| {
        off.sort_by(f64::total_cmp);
        off[off.len() / 2]
    });
    assert!(loss < 4e-4, "a loss is off by {loss:e}");
    assert!(bias < 2e-5, "a bias is off by {bias:e}");
    assert!(gradient < 1e-3, "a gradient is off by {gradient:e} of the largest");
}

/// Draw 0 is what is given; the others differ by up to two parts in ten millions.
fn perturbed(features: &[f32], draw: u64) -> Vec<f32> {
    let mut stream = Key::new(draw, Purpose::Generate).stream();
    let size = if draw == 0 { 0.0 } else { 4e-7 };
    features.iter().map(|value| value * (1.0 + size * (stream.uniform() - 0.5))).collect()
}

/// The largest differences to the reference.
#[derive(Debug)]
struct Off {
    /// Of a loss.
    loss: f64,
    /// Of a bias of block5 after all steps.
    bias: f64,
    /// Of a gradient in the first step, as a part of the largest.
    gradient: f64,
}

fn train(mut network: Network, prefix: usize, features: &[f32], reference: &Reference) -> Off {
    let (shape, labels) = (network.layers[prefix].input, labels(reference));
    let batches = Batches { features, shape, labels: &labels, size: batch(reference) };
    let settings = settings(&optimizer(&reference.metadata["optimizer"]));
    let losses = reference.floats("losses");
    let mut gradient = 0.0;
    let first: Vec<String> = network.parameters[network.first_parameter(prefix)..]
        .iter()
        .map(|p| p.name.clone())
        .collect();
    let first = &first;
    let off = batches.train(&mut network, prefix, settings, &losses, |step, slopes| {
        if step == 0 {
            gradient = of_gradients(slopes, first, reference);
        }
    });
    // Nothing has parted yet.
    for (step, off) in off.iter().enumerate().take(4) {
        assert!(*off < 2e-5, "the loss of step {step} is off by {off:e}");
    }
    let of_bias = |parameter: &Parameter| {
        let layer = parameter.name.strip_suffix(".bias")?;
        let theirs = reference.floats(&format!("{layer}.bias.after"));
        Some(largest_difference(&parameter.values().unwrap(), &theirs))
    };
    let block5 = network.parameters.iter().filter(|p| p.name.starts_with("block5"));
    let bias = block5.filter_map(of_bias).fold(0.0, f32::max);
    Off { loss: off.into_iter().fold(0.0, f64::max), bias: f64::from(bias), gradient }
}

/// The largest difference of any gradient that the reference has columns of,
/// `gradient.<layer>.kernel.out0_<last>`; `names` are those of the parameters.
fn of_gradients(gradients: &[Tensor<1>], names: &[String], reference: &Reference) -> f64 {
    let listed = reference.names();
    let given: Vec<(&String, &str)> = listed
        .iter()
        .filter_map(|name| Some((name, name.strip_prefix("gradient.")?.split_once(".out0_")?.0)))
        .collect();
    assert!(!given.is_empty());
    let of = |(name, parameter): (&String, &str)| {
        let [_, _, channels, columns_given] = reference.shape(name)[..] else { panic!("{name}") };
        let index = names.iter().position(|own| own == parameter).unwrap();
        let theirs = reference.floats(name);
        let ours = columns(&read(gradients[index].clone()).unwrap(), channels, columns_given);
        let largest = theirs.iter().fold(0.0_f32, |most, v| most.max(v.abs()));
        f64::from(largest_difference(&ours, &theirs) / largest)
    };
    given.into_iter().map(of).fold(0.0, f64::max)
}

/// `RMSprop 1e-5, rho 0.9, epsilon 1e-7`, or the same as JSON.
fn optimizer(text: &str) -> Value {
    if let Ok(given @ Value::Object(_)) = serde_json::from_str(text) {
        return given;
    }
    let mut given = serde_json::Map::new();
    for (part, words) in
        text.split(',').map(|part| part.trim().split_once(' ').unwrap()).enumerate()
    {
        let (name, value) = words;
        let value: f64 = value.trim().parse().unwrap();
        if part == 0 {
            given.insert("name".to_owned(), name.to_lowercase().into());
        }
        let key = if part == 0 { "learning_rate" } else { name };
        given.insert(key.to_owned(), value.into());
    }
    Value::Object(given)
}
