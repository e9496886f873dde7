//! Every operation against Keras 3.15 (PyTorch 2.15 below it), on one image of 5x6 with three
//! channels; the average pool against NumPy, as TensorFlow has it (Keras on PyTorch repeats the
//! border). Value i of a tensor is ((37 i + 11 salt) mod 101 - 50) / 50, in this program's order.

use runner_experiment::architecture::op::{Convolution, Pooling};
use runner_experiment::architecture::{Activation, Builder, Op, Padding, Role};

use crate::device::Compute;
use crate::error::NetworkError;
use crate::flow::Flow;
use crate::inference::{self, Inference};
use crate::network::Network;
use crate::op::Training;
use crate::parameter::read;
use crate::weights::{LayerWeights, Weights};
use runner_random::{Key, Purpose};

fn generated(count: usize, salt: usize) -> Vec<f32> {
    (0..count).map(|i| ((i * 37 + salt * 11) % 101) as f32 / 50.0 - 1.0).collect()
}

/// A network of one layer, whose parameters are generated.
fn network(op: Op) -> Network {
    let mut net = Builder::new([5, 6]);
    net.push("layer", op);
    let layers = net.finish().unwrap_or_default();
    let mut values = LayerWeights::new();
    for (salt, spec) in (2..).zip(layers[0].specs()) {
        let mut value = generated(spec.length(), salt);
        if spec.role == Role::MovingVariance {
            value.iter_mut().for_each(|v| *v = v.abs() + 0.1);
        }
        values.insert(spec.role, value);
    }
    Network::new(layers, Weights::from([("layer".to_owned(), values)]), 0, Compute::cpu())
}

fn check(name: &str, found: &[f32], length: usize, some: [f32; 4], sum: f64) {
    assert_eq!(found.len(), length, "{name}");
    let places = [0, 1, length / 2, length - 1];
    for (place, expected) in places.into_iter().zip(some) {
        let found = found[place];
        assert!((found - expected).abs() < 2e-5, "{name}, value {place}: {found}, not {expected}");
    }
    let found: f64 = found.iter().map(|value| f64::from(*value)).sum();
    assert!((found - sum).abs() < 2e-3, "{name}: the sum is {found}, not {sum}");
}

fn convolution(
    (channels, kernel): (usize, [usize; 2]),
    (stride, padding): (usize, Padding),
    activation: Activation,
) -> Convolution {
    Convolution { channels, kernel, stride, padding, groups: 1, bias: true, activation }
}

#[test]
fn operations_are_keras() -> Result<(), NetworkError> {
    use Activation::{Gelu, HardSwish, Linear, Relu, Relu6, Sigmoid, Swish};
    use Padding::{Same, Valid};
    let window = Pooling { size: [3, 3], stride: 2, padding: Same };
    let conv = |shape, how, activation| Op::Convolution(convolution(shape, how, activation));
    let bare = Convolution { bias: false, ..convolution((2, [5, 3]), (1, Valid), Linear) };
    let depthwise = Convolution { groups: 3, ..convolution((3, [3, 3]), (2, Same), Relu6) };
    let norm = Op::BatchNorm { epsilon: 1e-3, momentum: 0.9, scale: true };
    let zeros = Op::ZeroPadding { rows: [1, 2], columns: [0, 3] };
    let (strided, pixel) = ((4, [3, 3]), (4, [1, 1]));
    #[rustfmt::skip]
    let cases: [(&str, Op, usize, [f32; 4], f64); 18] = [
        ("same, stride 2", conv(strided, (2, Same), Relu), 36, [0.0, 0.0448, 0.0, 0.0], 11.95640),
        ("5x3 with no bias", Op::Convolution(bare), 8, [1.9928, 0.3092, -1.2888, 0.3392], 3.12120),
        ("1x1 with swish", conv(pixel, (1, Same), Swish), 120, [-0.248242, -0.161134, -0.221995, 0.009081], -2.86835),
        ("3x3 linear", conv((16, [3, 3]), (1, Same), Linear), 480, [-0.9392, -1.214, -0.1808, -0.1728], 16.80600),
        ("depthwise", Op::Convolution(depthwise), 27, [0.2092, 0.0, 0.0, 0.0], 13.31160),
        ("batch norm", norm, 90, [0.484392, -0.439926, 0.322066, 0.495884], -6.57913),
        ("layer norm", Op::LayerNorm { epsilon: 1e-6 }, 90, [-1.024573, -1.024575, 0.4, -2.004659], -75.50593),
        ("layer scale", Op::LayerScale { initial: 1.0 }, 90, [0.4368, 0.0224, 0.036, 0.4048], 0.76160),
        ("max pool", Op::MaxPool(window), 27, [0.7, 0.7, 0.94, 0.44], 20.96),
        ("average pool", Op::AveragePool(window), 27, [-0.176667, -0.043333, -0.024444, -0.13], -1.128333),
        ("global average", Op::GlobalAveragePool, 3, [-0.015333, 0.032, 0.032, 0.012], 0.02867),
        ("global max", Op::GlobalMaxPool, 3, [0.96, 1.0, 1.0, 0.98], 2.94),
        ("zero padding", zeros, 216, [0.0, 0.0, 0.4, 0.0], 0.86),
        ("relu6", Op::Activation(Relu6), 90, [0.0, 0.0, 0.2, 0.44], 23.12),
        ("sigmoid", Op::Activation(Sigmoid), 90, [0.314320, 0.490001, 0.549834, 0.608259], 45.19818),
        ("swish", Op::Activation(Swish), 90, [-0.245170, -0.0196, 0.109967, 0.267634], 7.70215),
        ("hard swish", Op::Activation(HardSwish), 90, [-0.2886, -0.019733, 0.106667, 0.252267], 5.51967),
        ("gelu", Op::Activation(Gelu), 90, [-0.169802, -0.019362, 0.115852, 0.294814], 11.49641),
    ];
    let image = generated(90, 1);
    for (name, op, length, some, sum) in cases {
        let network = network(op);
        let flow = Flow::batch(image.clone(), 1, network.layers[0].input, &network.compute);
        let found = inference::values(network.forward(0..1, flow, &network.values()))?;
        check(name, &found, length, some, sum);
        let prepared = Inference::new(&network, 0..1)?;
        check(name, &inference::values(prepared.forward(image.clone(), 1))?, length, some, sum);
    }
    Ok(())
}

#[test]
fn a_batch_norm_that_is_trained_goes_by_its_batch_and_moves_what_is_kept()
-> Result<(), NetworkError> {
    let network = network(Op::BatchNorm { epsilon: 1e-3, momentum: 0.9, scale: true });
    let flow = || Flow::batch(generated(90, 1), 1, network.layers[0].input, &network.compute);
    let mut values = network.values();
    let key = Key::new(0, Purpose::Dropout);
    let training = Training { key, samples: &[0] };
    // Frozen, it computes what it always does.
    let (same, moved) = network.forward_training(0..1, flow(), &values, training);
    let some = [0.484392, -0.439926, 0.322066, 0.495884];
    check("frozen", &inference::values(same)?, 90, some, -6.57913);
    assert!(moved.is_empty());
    values[0] = values[0].clone().autodiff().require_grad();
    values[1] = values[1].clone().autodiff().require_grad();
    let (out, moved) = network.forward_training(0..1, flow(), &values, training);
    let Flow::Map(map) = out else { return Err(NetworkError::Bug("a map".to_owned())) };
    let some = [0.393742, -0.316331, 0.451902, -0.204180];
    check("trained", &read(map.inner())?, 90, some, -24.6);
    let expected = [[-0.109533, 0.561200, -0.592800], [0.213959, 0.879847, 0.519847]];
    assert_eq!(moved.iter().map(|(index, _)| *index).collect::<Vec<_>>(), [2, 3]);
    for ((_, found), expected) in moved.into_iter().zip(expected) {
        for (found, expected) in read(found)?.into_iter().zip(expected) {
            assert!((found - expected).abs() < 1e-5, "{found} and {expected}");
        }
    }
    Ok(())
}

#[test]
fn values_are_joined_by_hand() -> Result<(), NetworkError> {
    let mut net = Builder::new([1, 2]);
    let image = net.current();
    let means = net.push("means", Op::GlobalAveragePool);
    let product = net.join("product", Op::Multiply, &[image, means]);
    let sum = net.join("sum", Op::Add, &[product, image, image]);
    net.join("row", Op::Concatenate, &[sum, image]);
    let layers = net.finish().unwrap_or_default();
    let network = Network::new(layers, Weights::new(), 0, Compute::cpu());
    let image = vec![1.0, 3.0, 0.0, 4.0, -1.0, 1.0];
    let flow = Flow::batch(image.clone(), 1, network.layers[0].input, &network.compute);
    let found = inference::values(network.forward(0..4, flow, &network.values()))?;
    // The means are 2, 2 and 0: x · mean + 2 x, then x.
    let expected = [4.0, 12.0, 0.0, 16.0, -2.0, 2.0];
    assert_eq!(found, [&expected[..], &image[..]].concat());
    Ok(())
}
