//! Batch normalizations in ONNX files: as nodes, as part of convolutions, and as this program writes
//! them.

use runner_experiment::architecture::family::Vgg;
use runner_experiment::architecture::op::{Activation, Convolution};
use runner_experiment::architecture::{Builder, Layer, Op, Padding, Shape};
use runner_network::device::Compute;
use runner_network::parameter::read;
use runner_network::weights::{self, Head, Loaded, Source, WeightsError};
use runner_network::{Flow, Network};

use super::file;

/// The network of `norm_onnx_files` in `make.py`.
fn layers(scale: bool) -> Vec<Layer> {
    let mut net = Builder::new([4, 4]);
    for (number, channels) in [(1, 2), (2, 4)] {
        let plain = Convolution::plain(channels, Padding::Same);
        let convolution = Convolution { bias: false, activation: Activation::Linear, ..plain };
        net.push(format!("block1_conv{number}"), Op::Convolution(convolution));
        net.push(format!("norm{number}"), Op::BatchNorm { epsilon: 1e-3, momentum: 0.9, scale });
    }
    net.end_base();
    net.finish().unwrap()
}

fn load(name: &str, layers: &[Layer]) -> Result<Loaded, WeightsError> {
    weights::load(&Source::parse(file(name).to_str().unwrap()), (&Vgg, layers), Head::Leave)
}

#[test]
fn normalizations_within_convolutions_compute_the_same() {
    let outputs = ["norms.onnx", "folded.onnx"].map(|name| {
        let loaded = load(name, &layers(true)).unwrap_or_else(|error| panic!("{error}"));
        let says = loaded.notes.join("; ").contains("are part of the convolutions");
        assert_eq!(says, name == "folded.onnx", "{:?}", loaded.notes);
        assert!(!loaded.notes.join("; ").contains("not used"), "{:?}", loaded.notes);
        let network = Network::new(layers(true), loaded.weights, 0, Compute::cpu());
        let image = (0..48_u8).map(|n| f32::from(n) / 24.0 - 1.0).collect();
        let shape = Shape::Map { height: 4, width: 4, channels: 3 };
        let flow = Flow::batch(image, 1, shape, &network.compute);
        let Flow::Map(map) = network.forward(0..4, flow, &network.values()) else { panic!() };
        read(map).unwrap()
    });
    for (node, folded) in outputs[0].iter().zip(&outputs[1]) {
        assert!((node - folded).abs() < 1e-4 * node.abs().max(1.0), "{node} and {folded}");
    }
    assert!(outputs[0].iter().any(|value| value.abs() > 0.1));
}

#[test]
fn a_scale_that_the_network_lacks_is_refused() {
    let error = load("norms.onnx", &layers(false)).unwrap_err().to_string();
    assert!(error.contains("scales where this architecture does not"), "{error}");
    // What was folded needs none.
    load("folded.onnx", &layers(false)).unwrap();
}
