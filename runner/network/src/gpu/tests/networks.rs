//! Whole networks of small images.

use runner_experiment::architecture::{
    Activation, ArchitectureName, Builder, Op, Padding, Shape, Top, layers,
};

use super::operations::{bare, convolution, layers_equal_the_cpu};
use super::{assert_near, generated, gpu, numbers};
use crate::device::Compute;
use crate::inference::{self, Inference};
use crate::warm::Warming;

fn features(name: ArchitectureName, side: usize, compute: &Compute) -> Vec<f32> {
    let layers = layers(name, [side, side], &Top::None).expect("the images are large enough");
    let network = generated(layers, compute);
    let all = 0..network.layers.len();
    let prepared = Inference::new(&network, all).expect("a network of layers");
    let shape = Shape::Map { height: side, width: side, channels: 3 };
    let out = prepared.forward(numbers(2 * shape.elements(), 5), 2);
    inference::values(out).expect("the device lost values")
}

#[test]
fn give_the_cpus_features() {
    let Some(gpu) = gpu() else { return };
    for name in ["vgg11", "vgg16"] {
        let name = ArchitectureName::find(name).expect("an architecture of this name");
        let expected = features(name, 32, &Compute::cpu());
        assert_near(&expected, &features(name, 32, &gpu), 1e-5, name.as_str());
    }
}

/// Two convolutions with normalization beside a shortcut, a gate for each channel, and both together.
#[test]
fn with_branches_equal_the_cpu() {
    let linear = |channels, kernel, stride| {
        let op = convolution(channels, kernel, stride, Padding::Same);
        bare(op, 1, Activation::Linear)
    };
    let norm = Op::BatchNorm { epsilon: 1e-3, momentum: 0.9, scale: true };
    let mut net = Builder::new([12, 10]);
    net.push("stem", linear(8, [3, 3], 1));
    net.push("stem_bn", norm);
    let stem = net.push("stem_relu", Op::Activation(Activation::Relu));
    net.push("first", linear(12, [3, 3], 2));
    net.push("first_bn", norm);
    net.push("first_relu", Op::Activation(Activation::Relu6));
    net.push("second", linear(12, [3, 3], 1));
    let branch = net.push("second_bn", norm);
    net.go_back(stem);
    net.push("shortcut", linear(12, [1, 1], 2));
    let shortcut = net.push("shortcut_bn", norm);
    net.join("sum", Op::Add, &[branch, shortcut]);
    let sum = net.push("sum_relu", Op::Activation(Activation::Relu));
    net.push("squeeze", Op::GlobalAveragePool);
    let gate = net.push("gate", convolution(12, [1, 1], 1, Padding::Valid));
    let gated = net.join("gated", Op::Multiply, &[sum, gate]);
    net.join("both", Op::Concatenate, &[gated, sum]);
    net.push("last", convolution(5, [3, 3], 1, Padding::Valid));
    net.push("flat", Op::Flatten);
    let layers = net.finish().expect("the images are large enough");
    layers_equal_the_cpu("branches", &layers, 3, false);
    layers_equal_the_cpu("branches while training", &layers, 3, true);
}

#[test]
fn give_an_image_the_same_features_in_every_batch() {
    let Some(gpu) = gpu() else { return };
    let layers = layers(ArchitectureName::default(), [32, 32], &Top::None);
    let network = generated(layers.expect("the images are large enough"), &gpu);
    let prepared = Inference::new(&network, 0..network.layers.len()).expect("a network of layers");
    let length = network.layers[0].input.elements();
    let pixels = numbers(7 * length, 5);
    let features = |batch: usize| -> Vec<u32> {
        let batches = pixels.chunks(batch * length);
        let all = batches.flat_map(|images| {
            let out = prepared.forward(images.to_vec(), images.len() / length);
            inference::values(out).expect("the device lost values")
        });
        all.map(f32::to_bits).collect()
    };
    let alone = features(1);
    for batch in [3, 7] {
        assert!(features(batch) == alone, "batches of {batch}");
    }
}

#[test]
fn are_warmed_once_for_all_batches_of_a_size() {
    let Some(gpu) = gpu() else { return };
    let layers = layers(ArchitectureName::default(), [32, 32], &Top::None);
    let network = generated(layers.expect("the images are large enough"), &gpu);
    let prepared = Inference::new(&network, 0..network.layers.len()).expect("a network of layers");
    let length = network.layers[0].input.elements();
    let mut warming = Warming::start(&gpu).expect("a device that computes");
    let mut pass = |seed| {
        let run = || inference::values(prepared.forward(numbers(2 * length, seed), 2));
        warming.pass(run).expect("the device lost values");
        warming.launched()
    };
    let first = pass(5);
    assert!(first > 0);
    // Other tests launch kernels of their own meanwhile.
    assert!(pass(6) >= first);
}
