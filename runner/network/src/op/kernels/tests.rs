//! Convolution, pool and dense product against Burn's own, forward and backward.

use burn::tensor::{Device, TensorData};

use super::*;
use crate::parameter::read;
use runner_random::{Key, Purpose};

fn numbers<const D: usize>(shape: [usize; D], seed: u64) -> Tensor<D> {
    let mut stream = Key::new(seed, Purpose::Generate).stream();
    let count = shape.iter().product();
    let values: Vec<f32> = (0..count).map(|_| stream.uniform() - 0.5).collect();
    Tensor::from_data(TensorData::new(values, shape), &Device::flex())
}

fn exact(padding: usize, blocks: bool) -> Settings {
    Settings { padding, precision: Precision::F32, relu: true, blocks }
}

/// Burn's own, as an independent answer.
fn burns(input: Tensor<4>, kernel: Tensor<4>, bias: Tensor<1>, padding: usize) -> Tensor<4> {
    let options = ConvOptions::new([1, 1], [padding, padding], [1, 1], 1);
    burn::tensor::activation::relu(conv2d(input, kernel, Some(bias), options))
}

fn assert_near<const D: usize>(burns: Tensor<D>, ours: Tensor<D>, what: &str) {
    assert_eq!(burns.dims(), ours.dims(), "{what}");
    let (burns, ours) = (read(burns).unwrap(), read(ours).unwrap());
    let top = burns.iter().fold(0.0_f32, |top, value| top.max(value.abs()));
    for (burn, our) in burns.iter().zip(ours) {
        assert!((burn - our).abs() < 1e-5 * top, "{what}: {burn} and {our}");
    }
}

const SHAPES: [(usize, usize, usize, usize); 5] =
    [(3, 20, 17, 1), (16, 32, 18, 1), (20, 24, 9, 0), (32, 16, 2, 1), (3, 8, 12, 0)];

#[test]
fn equals_burns_own_operations() {
    for (channels, outputs, side, padding) in SHAPES {
        let input = numbers([2, channels, side, side], 1);
        let kernel = numbers([outputs, channels, 3, 3], 2);
        let bias = numbers([outputs], 3);
        let burns = burns(input.clone(), kernel.clone(), bias.clone(), padding);
        for blocks in [false, true] {
            let input = Map::Planar(input.clone());
            let ours =
                convolution(input, kernel.clone(), None, bias.clone(), exact(padding, blocks));
            assert_near(burns.clone(), ours.clone().planar(), "convolution");
            if side >= 4 {
                let burns = max_pool2d(burns.clone(), MaxPoolOptions::new([2, 2]));
                assert_near(burns, max_pool(ours).planar(), "pool");
            }
        }
    }
}

/// What a network of two convolutions and a pool sends back to each of its leaves.
fn gradients(
    leaves: &[Tensor<1>; 5],
    (channels, outputs, side, padding): (usize, usize, usize, usize),
    ours: Option<bool>,
) -> Vec<Tensor<1>> {
    let leaves = leaves.clone().map(|leaf| leaf.autodiff().require_grad());
    let [input, first, bias, second, other] = leaves.clone();
    let input = input.reshape([2, channels, side, side]);
    let first = first.reshape([outputs, channels, 3, 3]);
    let second = second.reshape([outputs, outputs, 3, 3]);
    let out = if let Some(blocks) = ours {
        let hidden = convolution(Map::Planar(input), first, None, bias, exact(padding, blocks));
        max_pool(convolution(hidden, second, None, other, exact(padding, blocks))).planar()
    } else {
        let hidden = burns(input, first, bias, padding);
        let out = burns(hidden, second, other, padding);
        max_pool2d(out, MaxPoolOptions::new([2, 2]))
    };
    let weights = numbers(out.dims(), 9);
    let mut graph = (out * weights).sum().backward();
    leaves.iter().map(|leaf| leaf.grad_remove(&mut graph).unwrap()).collect()
}

#[test]
fn gradients_equal_those_of_burns_own_operations() {
    for shape in [(3, 20, 17, 1), (16, 32, 18, 1), (20, 24, 9, 0), (32, 16, 3, 1)] {
        let (channels, outputs, side, _) = shape;
        let leaves = [
            numbers([2 * channels * side * side], 1),
            numbers([outputs * channels * 9], 2),
            numbers([outputs], 3),
            numbers([outputs * outputs * 9], 4),
            numbers([outputs], 5),
        ];
        for blocks in [false, true] {
            let burns = gradients(&leaves, shape, None).into_iter();
            let both = burns.zip(gradients(&leaves, shape, Some(blocks)));
            for (index, (burns, ours)) in both.enumerate() {
                assert_near(burns, ours, &format!("{shape:?}, blocks {blocks}, leaf {index}"));
            }
        }
    }
}

#[test]
fn dense_equals_burns_own_product_with_its_gradients() {
    for (images, inputs, outputs) in [(3, 70, 32), (20, 600, 16)] {
        let gradients = |ours: bool| {
            let leaves = [numbers([images, inputs], 1), numbers([inputs, outputs], 2)]
                .map(|leaf| leaf.autodiff().require_grad());
            let [input, kernel] = leaves.clone();
            let out = if ours { product(input, kernel) } else { input.matmul(kernel) };
            let weights = numbers(out.dims(), 3);
            let mut graph = (out.clone() * weights).sum().backward();
            let [input, kernel] = leaves.map(|leaf| leaf.grad_remove(&mut graph).unwrap());
            [out.inner(), input, kernel]
        };
        for (burns, ours) in gradients(false).into_iter().zip(gradients(true)) {
            assert_near(burns, ours, "dense");
        }
    }
}

#[test]
fn a_frozen_layer_between_trained_ones_passes_the_gradient_on() {
    let leaf = |values: Tensor<4>| values.autodiff().require_grad();
    let (input, frozen) = (numbers([2, 16, 8, 8], 1), numbers([16, 16, 3, 3], 2));
    let bias = numbers([16], 3);
    let run = |ours: bool| {
        let trained = leaf(numbers([16, 16, 3, 3], 4));
        let layer = |map: Tensor<4>, kernel: Tensor<4>| match ours {
            true => {
                convolution(Map::Planar(map), kernel, None, bias.clone(), exact(1, false)).planar()
            }
            false => burns(map, kernel, bias.clone(), 1),
        };
        let out = layer(layer(input.clone(), trained.clone()), frozen.clone());
        let mut graph = out.sum().backward();
        trained.grad_remove(&mut graph).unwrap()
    };
    assert_near(run(false), run(true), "kernel");
}
