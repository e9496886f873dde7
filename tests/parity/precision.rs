//! The conv base against the same sums in 64 bits, from a photo to the last pool.

use runner_data::preprocess;
use runner_experiment::architecture::{Op, Shape};
use runner_experiment::section::dataset::Preprocessing;
use runner_network::inference::{self, Inference};
use runner_network::network::Network;

use super::activations::base;
use crate::support::fixtures::{self, Reference};

/// `[channel, height, width]`
struct Map {
    values: Vec<f64>,
    height: usize,
    width: usize,
}

/// By the definition: one tap after the other, zeros around the map, then ReLU.
fn convolution(input: &Map, kernel: &[f32], bias: &[f32]) -> Map {
    let Map { height, width, .. } = *input;
    let plane = height * width;
    let channels = input.values.len() / plane;
    let mut values = vec![0.0; bias.len() * plane];
    for (out, (sums, bias)) in values.chunks_exact_mut(plane).zip(bias).enumerate() {
        sums.fill(f64::from(*bias));
        for (channel, from) in input.values.chunks_exact(plane).enumerate() {
            let taps = &kernel[(out * channels + channel) * 9..][..9];
            for (at, tap) in taps.iter().enumerate() {
                add_shifted(sums, from, width, [at / 3, at % 3], f64::from(*tap));
            }
        }
        sums.iter_mut().for_each(|sum| *sum = sum.max(0.0));
    }
    Map { values, height, width }
}

/// Adds a map moved by one tap's place.
fn add_shifted(sums: &mut [f64], from: &[f64], width: usize, [y, x]: [usize; 2], tap: f64) {
    let rows = sums.len() / width;
    let (left, right) = (1_usize.saturating_sub(x), x.saturating_sub(1));
    for row in 0..rows {
        let Some(source) = (row + y).checked_sub(1).filter(|source| *source < rows) else {
            continue;
        };
        let sums = &mut sums[row * width + left..(row + 1) * width - right];
        let from = &from[source * width + right..(source + 1) * width - left];
        sums.iter_mut().zip(from).for_each(|(sum, value)| *sum += tap * value);
    }
}

fn max_pool(input: &Map) -> Map {
    let (height, width) = (input.height / 2, input.width / 2);
    let mut values = Vec::new();
    for plane in input.values.chunks_exact(input.height * input.width) {
        for y in 0..height {
            for x in 0..width {
                let at = |dy: usize, dx: usize| plane[(2 * y + dy) * input.width + 2 * x + dx];
                values.push(at(0, 0).max(at(0, 1)).max(at(1, 0)).max(at(1, 1)));
            }
        }
    }
    Map { values, height, width }
}

fn in_64_bits(network: &Network, pixels: &[f32], height: usize, width: usize) -> Map {
    let values = pixels.iter().map(|value| f64::from(*value)).collect();
    let mut map = Map { values, height, width };
    for (at, layer) in network.layers.iter().enumerate() {
        map = match layer.op {
            Op::Convolution(_) => {
                let own = &network.parameters[network.first_parameter(at)..];
                convolution(&map, &own[0].values().unwrap(), &own[1].values().unwrap())
            }
            _ => max_pool(&map),
        };
    }
    map
}

#[test]
fn parity_forward_against_64_bits_within_1e_5() {
    let Some(folder) = fixtures::folder("precision") else {
        return;
    };
    let reference = Reference::open(&folder, "activations.safetensors");
    let [_, height, width, _] = reference.shape("images")[..] else { panic!("not images") };
    let network = base(&folder, [height, width]);
    assert_eq!(network.layers[0].input, Shape::Map { height, width, channels: 3 });
    let rgb = reference.bytes("images")[..height * width * 3].to_vec();
    let pixels = runner_record::Pixels { height, width, rgb };
    let prepared = Inference::new(&network, 0..network.layers.len()).unwrap();
    for how in [Preprocessing::Rescale, Preprocessing::Caffe] {
        let input = preprocess::preprocess(&pixels, how);
        let exact = in_64_bits(&network, &input, height, width).values;
        let ours = inference::values(prepared.forward(input, 1)).unwrap();
        let largest = exact.iter().fold(0.0_f64, |most, value| most.max(value.abs()));
        let differences = exact.iter().zip(&ours).map(|(a, b)| (a - f64::from(*b)).abs());
        let worst = differences.fold(0.0_f64, f64::max) / largest;
        println!("{how}: off by {worst:e} of the largest value");
        assert_eq!(exact.len(), ours.len());
        assert!(worst < 1e-5, "{how}: off by {worst:e} of the largest value");
    }
}
