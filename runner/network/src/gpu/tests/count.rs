//! How many kernels VGG16 launches and has compiled, as the runner computes it and with Burn's own
//! operations.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use burn::tensor::Tensor;
use burn::tensor::activation::relu;
use burn::tensor::module::{conv2d, max_pool2d};
use burn::tensor::ops::{ConvOptions, MaxPoolOptions};
use burn_cubecl::cubecl::launched::LaunchedKernels;
use burn_cubecl::cubecl::logging::{LaunchObservation, LaunchObserver};
use runner_experiment::architecture::{ArchitectureName, Op, Shape, Top, layers};

use super::{generated, gpu, numbers, tensor, values};
use crate::flow::Flow;
use crate::inference::{self, Inference};
use crate::network::Network;

#[derive(Default)]
struct Launches(AtomicUsize);

impl LaunchObserver for Launches {
    fn launched(&self, _: &'static str) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Launches, and different kernels among them. Other tests may launch meanwhile.
#[expect(clippy::print_stdout, reason = "the numbers are what the test is for")]
fn count(what: &str, run: impl FnOnce()) -> [usize; 2] {
    let launches = Arc::new(Launches::default());
    let observation = LaunchObservation::new(launches.clone());
    let kernels = LaunchedKernels::new();
    run();
    let found = [launches.0.load(Ordering::Relaxed), kernels.finish().len()];
    drop(observation);
    println!("{what}: {} launches of {} kernels", found[0], found[1]);
    found
}

const IMAGES: usize = 2;

/// The layers by Burn's own operations.
fn burns(network: &Network, pixels: Tensor<4>) -> Tensor<2> {
    let mut parameters = network.values().into_iter();
    let mut map = pixels;
    for layer in &network.layers {
        map = match layer.op {
            Op::Convolution(op) => {
                let (kernel, bias) = (parameters.next(), parameters.next());
                let shape = [op.channels, layer.input.channels(), 3, 3];
                let options = ConvOptions::new([1, 1], [1, 1], [1, 1], 1);
                relu(conv2d(map, kernel.expect("a kernel").reshape(shape), bias, options))
            }
            Op::MaxPool(_) => max_pool2d(map, MaxPoolOptions::new([2, 2])),
            _ => map,
        };
    }
    map.permute([0, 2, 3, 1]).flatten(1, 3)
}

#[test]
#[ignore = "counts what the whole process launches: alone, with `--ignored --nocapture`"]
fn kernels_of_vgg16() {
    let Some(gpu) = gpu() else { return };
    let top = Top::None;
    let layers = layers(ArchitectureName::default(), [32, 32], &top).expect("large enough");
    let network = generated(layers, &gpu);
    let shape = Shape::Map { height: 32, width: 32, channels: 3 };
    let pixels = numbers(IMAGES * shape.elements(), 1);
    let all = 0..network.layers.len();
    let prepared = Inference::new(&network, all).expect("a network");
    let own = count("VGG16, features, own", || {
        let out = prepared.forward(pixels.clone(), IMAGES);
        inference::values(out).expect("the device lost values");
    });
    let others = count("VGG16, features, Burn's", || {
        let Flow::Map(map) = Flow::batch(pixels.clone(), IMAGES, shape, &gpu) else { return };
        values(burns(&network, map));
    });
    assert!(own[0] < others[0] && own[1] < others[1], "{own:?} and {others:?}");
    head(&gpu.device);
}

/// A dense head of 512 values, forward and back.
fn head(device: &burn::tensor::Device) {
    let leaf = |shape: [usize; 2], seed| tensor::<2>(shape, seed, device).autodiff().require_grad();
    let step = |own: bool| {
        let (input, kernels) =
            (tensor::<2>([20, 512], 1, device), [leaf([512, 256], 2), leaf([256, 1], 3)]);
        let biases = [256, 1].map(|length| {
            let bias: Tensor<1> = tensor([length], 4, device);
            bias.autodiff().require_grad()
        });
        let [first, second] = kernels.clone();
        let [bias, other] = biases.clone();
        let out = if own {
            use runner_experiment::architecture::Activation::{Linear, Relu};
            let hidden = crate::op::kernels::dense(input, first, bias, Relu);
            crate::op::kernels::dense(hidden, second, other, Linear)
        } else {
            let hidden = relu(input.matmul(first) + bias.unsqueeze());
            hidden.matmul(second) + other.unsqueeze()
        };
        let mut gradients = out.sum().backward();
        for kernel in kernels {
            values(kernel.grad_remove(&mut gradients).expect("a gradient"));
        }
        for bias in biases {
            values(bias.grad_remove(&mut gradients).expect("a gradient"));
        }
    };
    count("dense head, forward and back, own", || step(true));
    count("dense head, forward and back, Burn's", || step(false));
}
