//! Each operation with the shapes that the families have.

use burn::tensor::Tensor;
use runner_experiment::architecture::op::{Convolution, Pooling};
use runner_experiment::architecture::{Activation, Layer, Op, Padding, Role};

use super::{assert_near, generated, gpu, in_a_row, numbers, tensor, values};
use crate::device::Compute;
use crate::flow::Flow;
use crate::inference::{self, Inference};
use crate::network::Network;
use crate::op::Training;
use runner_random::{Key, Purpose};

const BOUND: f32 = 1e-5;
/// The CPU adds up the gradient of a bias place after place, and is off by this itself; how far the GPU
/// is off is seen below.
const BIAS_BOUND: f32 = 3e-5;

/// What comes out of the network, and what it sends back to the image and to each parameter.
fn run(network: &Network, images: usize, is_trained: bool) -> Vec<Vec<f32>> {
    let shape = network.layers[0].input;
    let count = images * shape.elements();
    let flow = Flow::batch(numbers(count, 7), images, shape, &network.compute);
    let leaf = match flow {
        Flow::Map(map) => map.autodiff().require_grad(),
        Flow::Vector(_) => panic!("an image is a map"),
    };
    let mut parameters = network.values();
    let trained: Vec<usize> = network
        .parameters
        .iter()
        .enumerate()
        .filter(|(_, parameter)| parameter.role.is_trainable())
        .map(|(index, _)| index)
        .collect();
    for index in &trained {
        parameters[*index] = parameters[*index].clone().autodiff().require_grad();
    }
    let all = 0..network.layers.len();
    let samples: Vec<usize> = (0..images).collect();
    let training = Training { key: Key::new(3, Purpose::Generate), samples: &samples };
    let input = Flow::Map(leaf.clone());
    let out = if is_trained {
        network.forward_training(all, input, &parameters, training).0
    } else {
        network.forward(all, input, &parameters)
    };
    let out: Tensor<2> = out.rows();
    let weights = tensor(out.dims(), 9, &network.compute.device);
    let mut found = vec![values(out.clone().inner())];
    let mut gradients = (out * weights).sum().backward();
    found.push(values(leaf.grad_remove(&mut gradients).expect("the image has a gradient")));
    for index in trained {
        let gradient = parameters[index].grad_remove(&mut gradients);
        found.push(values(gradient.expect("a parameter has a gradient")));
    }
    found
}

fn equals_the_cpu(name: &str, size: [usize; 2], ops: &[Op], images: usize, is_trained: bool) {
    layers_equal_the_cpu(name, &in_a_row(size, ops), images, is_trained);
}

/// Forward, back and, where nothing is trained, prepared.
pub(super) fn layers_equal_the_cpu(name: &str, layers: &[Layer], images: usize, is_trained: bool) {
    let Some(gpu) = gpu() else { return };
    let expected = run(&generated(layers.to_vec(), &Compute::cpu()), images, is_trained);
    let network = generated(layers.to_vec(), &gpu);
    let found = run(&network, images, is_trained);
    for (index, (expected, found)) in expected.iter().zip(&found).enumerate() {
        let what = ["result", "image"].get(index).copied().unwrap_or("parameter");
        let is_bias = index >= 2 && network.parameters[index - 2].role == Role::Bias;
        let bound = if is_bias { BIAS_BOUND } else { BOUND };
        assert_near(expected, found, bound, &format!("{name}, {what} {index}"));
    }
    if !is_trained {
        let count = images * network.layers[0].input.elements();
        let prepared = Inference::new(&network, 0..layers.len()).expect("a network of layers");
        let alone = inference::values(prepared.forward(numbers(count, 7), images));
        let alone = alone.expect("the device lost values");
        assert_near(&expected[0], &alone, BOUND, &format!("{name}, prepared"));
    }
}

pub(super) fn convolution(
    channels: usize,
    kernel: [usize; 2],
    stride: usize,
    padding: Padding,
) -> Op {
    Op::Convolution(Convolution {
        channels,
        kernel,
        stride,
        padding,
        groups: 1,
        bias: true,
        activation: Activation::Relu,
    })
}

pub(super) fn bare(op: Op, groups: usize, activation: Activation) -> Op {
    match op {
        Op::Convolution(op) => {
            Op::Convolution(Convolution { groups, activation, bias: false, ..op })
        }
        other => other,
    }
}

#[test]
fn convolutions_of_vgg() {
    let same = Padding::Same;
    let ops = [
        convolution(8, [3, 3], 1, same),
        convolution(70, [3, 3], 1, same),
        Op::MaxPool(Pooling::HALVES),
        convolution(16, [3, 3], 1, Padding::Valid),
        Op::Flatten,
    ];
    // So many places that their sums are split.
    equals_the_cpu("vgg", [13, 10], &ops, 8, false);
}

#[test]
fn gradients_of_biases_are_sums() {
    let Some(gpu) = gpu() else { return };
    let layers = in_a_row([40, 33], &[convolution(40, [3, 3], 1, Padding::Same), Op::Flatten]);
    let found = run(&generated(layers, &gpu), 6, false);
    let weights = numbers(found[0].len(), 9);
    let mut sums = [0.0_f64; 40];
    // Flattened maps have the channel changing fastest.
    for (index, (out, weight)) in found[0].iter().zip(weights).enumerate() {
        sums[index % 40] += if *out > 0.0 { f64::from(weight) } else { 0.0 };
    }
    let expected = sums.map(|sum| sum as f32);
    assert_near(&expected, &found[3], 2e-6, "bias");
}

/// So large that the widest tiles are used.
#[test]
fn convolutions_of_many_places() {
    // With no bias, whose gradient the CPU adds up too coarsely here.
    let wide = bare(convolution(128, [3, 3], 1, Padding::Same), 1, Activation::Relu);
    let ops = [wide, Op::GlobalAveragePool];
    equals_the_cpu("wide", [64, 64], &ops, 8, false);
}

#[test]
fn convolutions_of_resnet() {
    let ops = [
        convolution(12, [7, 7], 2, Padding::Around(3)),
        Op::MaxPool(Pooling { size: [3, 3], stride: 2, padding: Padding::Around(1) }),
        bare(convolution(20, [1, 1], 1, Padding::Valid), 1, Activation::Linear),
        convolution(24, [1, 1], 2, Padding::Valid),
        convolution(9, [3, 3], 2, Padding::Same),
        Op::GlobalAveragePool,
    ];
    equals_the_cpu("resnet", [33, 30], &ops, 2, false);
}

#[test]
fn convolutions_of_mobilenet() {
    let (same, none) = (Padding::Same, Activation::Relu6);
    let ops = [
        convolution(16, [3, 3], 2, same),
        bare(convolution(16, [3, 3], 1, same), 16, none),
        bare(convolution(16, [3, 3], 2, same), 16, Activation::Linear),
        bare(convolution(40, [1, 1], 1, same), 1, none),
        bare(convolution(40, [5, 5], 2, same), 40, Activation::Swish),
        bare(convolution(20, [3, 3], 1, same), 4, Activation::HardSwish),
        Op::GlobalMaxPool,
    ];
    equals_the_cpu("mobilenet", [22, 19], &ops, 6, false);
}

#[test]
fn convolutions_of_inception() {
    let same = Padding::Same;
    let ops = [
        convolution(6, [1, 7], 1, same),
        convolution(7, [7, 1], 1, same),
        convolution(5, [4, 2], 2, same),
        Op::AveragePool(Pooling { size: [3, 3], stride: 1, padding: same }),
        Op::ZeroPadding { rows: [1, 2], columns: [0, 3] },
        Op::Flatten,
    ];
    equals_the_cpu("inception", [11, 12], &ops, 2, false);
}

#[test]
fn batch_norms_while_training_and_not() {
    let ops = [
        bare(convolution(10, [3, 3], 1, Padding::Same), 1, Activation::Linear),
        Op::BatchNorm { epsilon: 1e-3, momentum: 0.9, scale: true },
        Op::Activation(Activation::Relu),
        convolution(6, [3, 3], 2, Padding::Same),
        Op::Flatten,
        Op::BatchNorm { epsilon: 1e-3, momentum: 0.9, scale: true },
    ];
    equals_the_cpu("norms", [9, 8], &ops, 4, false);
    equals_the_cpu("norms while training", [9, 8], &ops, 4, true);
}

#[test]
fn functions_of_each_value_and_each_pixel() {
    use Activation::{Gelu, HardSwish, Relu, Relu6, Sigmoid, Swish};
    let norm = [Op::LayerNorm { epsilon: 1e-6 }, Op::LayerScale { initial: 0.5 }];
    equals_the_cpu("layer norm", [9, 8], &[norm[0], norm[1], Op::Flatten], 4, false);
    for activation in [Relu, Relu6, Sigmoid, Swish, HardSwish, Gelu] {
        let ops = [Op::Activation(activation), Op::Flatten];
        equals_the_cpu(&format!("{activation:?}"), [9, 8], &ops, 4, false);
    }
}

#[test]
fn dense_layers_for_one_image_and_for_many() {
    for images in [1, 2, 20, 33] {
        let dense = |units, activation| Op::Dense { units, activation };
        let ops = [
            Op::Flatten,
            dense(70, Activation::Relu),
            Op::Dropout(0.5),
            dense(6, Activation::Sigmoid),
            dense(1, Activation::Linear),
        ];
        equals_the_cpu("dense", [15, 14], &ops, images, false);
        equals_the_cpu("dense while training", [15, 14], &ops, images, true);
    }
}
