//! Compares every instruction set with sums in float64, straight from the definition.

use super::*;
use crate::tests::{error, numbers};

mod definition;

use definition::expected;

fn windows(size: usize, stride: usize, before: usize, places: [usize; 2]) -> Windows {
    Windows { size: [size, size], stride, before: [before, before], places }
}

struct Weights(Vec<(Vec<f32>, Vec<f32>)>);

impl Weights {
    /// A kernel of `outputs` filters with this many taps each, and a bias.
    fn new(sizes: &[(usize, usize)]) -> Self {
        let of = |(index, (outputs, taps)): (usize, &(usize, usize))| {
            let scale = (3.0 / *taps as f32).sqrt();
            let kernel =
                numbers(outputs * taps, 10 + index as u64).iter().map(|v| v * scale).collect();
            (kernel, numbers(*outputs, 100 + index as u64))
        };
        Self(sizes.iter().enumerate().map(of).collect())
    }

    fn convolution(&self, index: usize, windows: Windows, activation: Activation) -> Node<'_> {
        let (kernel, bias) = &self.0[index];
        Node::Convolution { kernel, bias, windows, depthwise: false, residual: None, activation }
    }

    fn depthwise(&self, index: usize, windows: Windows, activation: Activation) -> Node<'_> {
        let (kernel, bias) = &self.0[index];
        Node::Convolution { kernel, bias, windows, depthwise: true, residual: None, activation }
    }
}

fn with_residual(node: Node<'_>, value: usize) -> Node<'_> {
    match node {
        Node::Convolution { kernel, bias, windows, depthwise, activation, .. } => {
            Node::Convolution {
                kernel,
                bias,
                windows,
                depthwise,
                residual: Some(value),
                activation,
            }
        }
        other => other,
    }
}

/// Runs a graph on three images on every instruction set.
fn check(input: Extent, nodes: &[(usize, Node<'_>)]) {
    let images = 3;
    let values = numbers(images * input.len(), 1);
    let mut all = Vec::new();
    for image in values.chunks(input.len()) {
        let mut computed = vec![(input, image.iter().map(|v| f64::from(*v)).collect::<Vec<_>>())];
        for (from, node) in nodes {
            let value = expected(&computed, *from, node);
            computed.push(value);
        }
        all.extend(computed.pop().unwrap().1);
    }
    for isa in Isa::available() {
        let bound = if isa.precision() == crate::Precision::Bf16 { 4e-2 } else { 1e-5 };
        let graph = Graph::new(|_| isa, input, nodes).unwrap();
        let mut out = vec![f32::NAN; all.len()];
        graph.forward(images, &values, &mut out);
        let off = error(&out, &all);
        assert!(off < bound, "{isa:?}: {off}");
        let mut one = vec![f32::NAN; all.len() / images];
        graph.forward(1, &values[input.len()..2 * input.len()], &mut one);
        assert_eq!(one, out[one.len()..2 * one.len()], "{isa:?}: an image alone");
    }
}

#[test]
fn a_residual_network_is_the_sum_of_its_definition() {
    let weights =
        Weights::new(&[(20, 147), (24, 20), (24, 9 * 24), (40, 24), (40, 20), (40, 9 * 40)]);
    let relu = Activation::Relu;
    check(
        Extent { channels: 3, height: 29, width: 23 },
        &[
            (0, weights.convolution(0, windows(7, 2, 3, [15, 12]), relu)),
            (1, Node::Pool(windows(3, 2, 1, [8, 6]), Pooled::Largest)),
            (2, weights.convolution(1, windows(1, 1, 0, [8, 6]), relu)),
            (3, weights.convolution(2, windows(3, 2, 1, [4, 3]), relu)),
            (4, weights.convolution(3, windows(1, 1, 0, [4, 3]), Activation::Linear)),
            (2, with_residual(weights.convolution(4, windows(1, 2, 0, [4, 3]), relu), 5)),
            (6, with_residual(weights.convolution(5, windows(3, 1, 1, [4, 3]), relu), 6)),
        ],
    );
}

#[test]
fn an_inverted_residual_is_the_sum_of_its_definition() {
    let weights =
        Weights::new(&[(24, 27), (72, 24), (72, 25), (8, 72), (72, 8), (24, 72), (24, 9)]);
    let swish = Activation::Swish;
    // As TensorFlow pads an even number of rows: nothing above, one row below.
    check(
        Extent { channels: 3, height: 38, width: 31 },
        &[
            (0, weights.convolution(0, windows(3, 2, 0, [19, 16]), Activation::HardSwish)),
            (1, weights.convolution(1, windows(1, 1, 0, [19, 16]), swish)),
            (2, weights.depthwise(2, windows(5, 1, 2, [19, 16]), Activation::Relu6)),
            (3, Node::GlobalAverage),
            (4, weights.convolution(3, windows(1, 1, 0, [1, 1]), swish)),
            (5, weights.convolution(4, windows(1, 1, 0, [1, 1]), Activation::Sigmoid)),
            (3, Node::Each { factors: Some(6), other: None, activation: Activation::Linear }),
            (
                7,
                with_residual(
                    weights.convolution(5, windows(1, 1, 0, [19, 16]), Activation::Linear),
                    1,
                ),
            ),
            (8, weights.depthwise(6, windows(3, 2, 0, [9, 8]), Activation::HardSigmoid)),
            (9, Node::Pool(windows(3, 1, 1, [9, 8]), Pooled::Mean)),
            (10, Node::Each { factors: None, other: Some(9), activation: Activation::Linear }),
        ],
    );
}

#[test]
fn an_inception_block_is_the_sum_of_its_definition() {
    let weights = Weights::new(&[(32, 27), (16, 32), (32, 32), (48, 9 * 32), (20, 32)]);
    let relu = Activation::Relu;
    let of = |index, value| (value, weights.convolution(index, windows(1, 1, 0, [9, 7]), relu));
    check(
        Extent { channels: 3, height: 19, width: 15 },
        &[
            (0, weights.convolution(0, windows(3, 2, 0, [9, 7]), relu)),
            of(1, 1),
            of(2, 1),
            (3, weights.convolution(3, windows(3, 1, 1, [9, 7]), relu)),
            (1, Node::Pool(windows(3, 1, 1, [9, 7]), Pooled::Mean)),
            of(4, 5),
            (2, Node::Concatenate(&[4, 1, 6])),
            (7, Node::Pool(windows(3, 2, 1, [5, 4]), Pooled::LargestPadded)),
        ],
    );
}

#[test]
fn a_convnext_block_is_the_sum_of_its_definition() {
    let weights = Weights::new(&[(32, 3 * 16), (32, 49), (128, 32), (32, 128)]);
    let (scale, bias) = (numbers(32, 20), numbers(32, 21));
    let norm = Node::LayerNorm { scale: &scale, bias: &bias, epsilon: 1e-6 };
    let places = [5, 4];
    let linear = Activation::Linear;
    let last = weights.convolution(3, windows(1, 1, 0, places), linear);
    check(
        Extent { channels: 3, height: 20, width: 16 },
        &[
            (0, weights.convolution(0, windows(4, 4, 0, places), linear)),
            (1, norm),
            (2, weights.depthwise(1, windows(7, 1, 3, places), linear)),
            (3, norm),
            (4, weights.convolution(2, windows(1, 1, 0, places), Activation::Gelu)),
            (5, with_residual(last, 2)),
            (6, Node::GlobalMax),
        ],
    );
}

#[test]
fn depthwise_windows_of_all_sizes() {
    for (size, stride, before, places) in [
        (3, 1, 1, [13, 14]),
        (3, 2, 1, [7, 7]),
        (5, 2, 2, [7, 7]),
        (7, 1, 3, [13, 14]),
        (7, 2, 2, [6, 6]),
        (5, 3, 2, [4, 5]),
    ] {
        let weights = Weights::new(&[(20, size * size)]);
        let node = weights.depthwise(0, windows(size, stride, before, places), Activation::Linear);
        check(Extent { channels: 20, height: 13, width: 14 }, &[(0, node)]);
    }
}

#[test]
fn stride_two_over_all_channels() {
    for (size, before, places) in [
        ((13, 14), [1, 1], [7, 7]),
        ((12, 12), [0, 0], [6, 6]),
        ((15, 11), [0, 0], [7, 5]),
        ((60, 34), [1, 0], [30, 17]),
    ] {
        let weights = Weights::new(&[(40, 33 * 9), (40, 40)]);
        let windows = Windows { size: [3, 3], stride: 2, before, places };
        let pixels = Windows { size: [1, 1], stride: 1, before: [0, 0], places };
        let (height, width) = size;
        let strided = weights.convolution(0, windows, Activation::Relu);
        check(
            Extent { channels: 33, height, width },
            &[
                (0, strided),
                (1, weights.convolution(1, pixels, Activation::HardSwish)),
                (0, with_residual(strided, 2)),
            ],
        );
    }
}

#[test]
fn windows_that_are_no_squares() {
    let weights = Weights::new(&[(24, 20 * 7), (17, 24 * 3)]);
    let of = |size, before| Windows { size, stride: 1, before, places: [9, 11] };
    check(
        Extent { channels: 20, height: 9, width: 11 },
        &[
            (0, weights.convolution(0, of([1, 7], [0, 3]), Activation::Relu)),
            (1, weights.convolution(1, of([3, 1], [1, 0]), Activation::Relu)),
        ],
    );
}

#[test]
fn sizes_that_do_not_fit_are_refused() {
    let extent = Extent { channels: 20, height: 9, width: 11 };
    let each = |other| Node::Each { factors: None, other, activation: Activation::Relu };
    let graph = |nodes: &[(usize, Node<'_>)]| Graph::new(|_| Isa::best(), extent, nodes).is_some();
    let odd = Node::LayerNorm { scale: &[1.0; 20], bias: &[0.0; 20], epsilon: 1e-6 };
    assert!(!graph(&[(0, odd)]) && !graph(&[(0, each(None)), (1, Node::Concatenate(&[1]))]));
    assert!(!graph(&[]) && !graph(&[(1, each(None))]) && !graph(&[(0, each(Some(2)))]));
    let pool = Node::Pool(windows(2, 2, 0, [4, 5]), Pooled::Largest);
    assert!(graph(&[(0, each(None)), (1, pool)]) && !graph(&[(0, pool), (0, each(Some(1)))]));
}
