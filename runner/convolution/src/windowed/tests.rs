//! Compares every instruction set with sums in float64, straight from the definition.

use super::*;
use crate::tests::{error, numbers};

/// Input channels of each filter.
fn depth(of: &Windowed) -> usize {
    if of.depthwise { 1 } else { of.input.channels }
}

/// Calls `f` with the indices of input, kernel and output of every product.
fn products(of: &Windowed, mut f: impl FnMut(usize, usize, usize)) {
    let (Windowed { input, windows, outputs, .. }, out) = (*of, of.output());
    let (taps, depth) = (windows.taps(), depth(of));
    for at in 0..of.images * out.len() * depth * taps {
        let (tap, rest) = (at % taps, at / taps);
        let (channel, to) = (rest % depth, rest / depth);
        let (x, y) = (to % out.width, to / out.width % out.height);
        let (output, image) = (to / out.width / out.height % outputs, to / out.len());
        let row = (y * windows.stride + tap / windows.size[1]).wrapping_sub(windows.before[0]);
        let column = (x * windows.stride + tap % windows.size[1]).wrapping_sub(windows.before[1]);
        if row < input.height && column < input.width {
            let seen = if of.depthwise { output } else { channel };
            let map = image * input.channels + seen;
            let from = (map * input.height + row) * input.width + column;
            f(from, (output * depth + channel) * taps + tap, to);
        }
    }
}

/// What comes out, and the gradients of input, kernel, scale, bias and residual.
type All = [Vec<f64>; 6];

/// From the definition.
fn expected(
    of: &Windowed,
    [input, kernel, scale, bias, residual, gradient]: &[Vec<f32>; 6],
) -> All {
    let plane = of.windows.places[0] * of.windows.places[1];
    let channel = |index: usize| index / plane % of.outputs;
    let wide = |value: f32| f64::from(value);
    let mut sums = vec![0.0; gradient.len()];
    products(of, |from, tap, to| sums[to] += wide(input[from]) * wide(kernel[tap]));
    let before = |at: usize| {
        let added = if of.residual.is_some() { wide(residual[at]) } else { 0.0 };
        sums[at] * wide(scale[channel(at)]) + wide(bias[channel(at)]) + added
    };
    let (least, most) = match of.activation {
        Activation::Relu => (0.0, f64::INFINITY),
        Activation::Relu6 => (0.0, 6.0),
        _ => (f64::NEG_INFINITY, f64::INFINITY),
    };
    let passes = |at: &usize| before(*at) > least && before(*at) < most;
    let back: Vec<f64> =
        (0..sums.len()).map(|at| if passes(&at) { wide(gradient[at]) } else { 0.0 }).collect();
    let (mut inputs, mut kernels) = (vec![0.0; input.len()], vec![0.0; kernel.len()]);
    let (mut scales, mut biases) = (vec![0.0; of.outputs], vec![0.0; of.outputs]);
    products(of, |from, tap, to| {
        let scaled = back[to] * wide(scale[channel(to)]);
        inputs[from] += scaled * wide(kernel[tap]);
        kernels[tap] += scaled * wide(input[from]);
    });
    for (at, value) in back.iter().enumerate() {
        biases[channel(at)] += value;
        scales[channel(at)] += value * sums[at];
    }
    let out = (0..sums.len()).map(|at| before(at).clamp(least, most)).collect();
    [out, inputs, kernels, scales, biases, back]
}

/// The same in another layout.
fn arranged(extent: Extent, values: &[f32], from: Layout, to: Layout) -> Vec<f32> {
    let images = values.len() / extent.values(from);
    let mut out = vec![0.0; images * extent.values(to)];
    crate::reorder(extent, values, from, &mut out, to);
    out
}

fn found(
    of: &Windowed,
    [input, kernel, scale, bias, residual, gradient]: &[Vec<f32>; 6],
) -> [Vec<f32>; 6] {
    let (planar, output) = (Layout::Nchw, of.output());
    let input = arranged(of.input, input, planar, of.from);
    let gradient = arranged(output, gradient, planar, of.to);
    let residual = of.residual.map(|layout| arranged(output, residual, planar, layout));
    let weights = Weights { kernel, scale, bias };
    let mut out = vec![f32::NAN; gradient.len()];
    of.forward(&input, weights, residual.as_deref(), &mut out);
    let received = Received { input: &input, output: &out, gradient: &gradient };
    let mut inputs = vec![f32::NAN; input.len()];
    let mut of_weights = [kernel, scale, bias].map(|of| vec![f32::NAN; of.len()]);
    let mut back = residual.map(|residual| vec![f32::NAN; residual.len()]);
    let wanted = Wanted {
        input: Some(&mut inputs),
        weights: Some(of_weights.each_mut().map(|of| &mut of[..])),
        residual: back.as_deref_mut(),
    };
    of.gradients(received, weights, wanted);
    let [kernels, scales, biases] = of_weights;
    let back = of.residual.zip(back);
    let back = back.map_or(Vec::new(), |(layout, it)| arranged(output, &it, layout, planar));
    let out = arranged(output, &out, of.to, planar);
    [out, arranged(of.input, &inputs, of.from, planar), kernels, scales, biases, back]
}

fn check(of: Windowed) {
    let maps = of.images * of.output().len();
    let given = [
        numbers(of.images * of.input.len(), 1),
        numbers(of.outputs * depth(&of) * of.windows.taps(), 2),
        numbers(of.outputs, 3).iter().map(|value| value + 0.6).collect(),
        numbers(of.outputs, 4),
        numbers(maps, 5),
        numbers(maps, 6),
    ];
    let expected = expected(&of, &given);
    for isa in Isa::available() {
        let of = Windowed { isa, short_parts: isa == Isa::Portable, ..of };
        let names = ["out", "input", "kernel", "scale", "bias", "residual"];
        let all = expected.iter().zip(found(&of, &given)).zip(names);
        for ((expected, found), name) in all {
            if name == "residual" && of.residual.is_none() {
                continue;
            }
            assert_eq!(expected.len(), found.len(), "{name} of {of:?}");
            let off = error(&found, expected);
            assert!(off < 1e-5, "{off} in {name} of {of:?}");
        }
    }
}

fn of(
    (channels, height, width): (usize, usize, usize),
    outputs: usize,
    (size, stride, before, places): ([usize; 2], usize, [usize; 2], [usize; 2]),
) -> Windowed {
    Windowed {
        images: 3,
        input: Extent { channels, height, width },
        outputs,
        windows: Windows { size, stride, before, places },
        depthwise: false,
        activation: Activation::Linear,
        from: Layout::Nchw,
        to: Layout::Nchw,
        residual: None,
        short_parts: false,
        isa: Isa::Portable,
    }
}

const BLOCKS: Layout = Layout::Nchw16c;

#[test]
fn forward_and_gradients_are_the_sums_of_the_definition() {
    let pixels = ([1, 1], 1, [0, 0], [9, 7]);
    check(of((20, 9, 7), 40, pixels));
    check(Windowed { from: BLOCKS, to: BLOCKS, ..of((48, 9, 7), 64, pixels) });
    check(Windowed { from: BLOCKS, ..of((37, 9, 8), 20, ([1, 1], 2, [0, 0], [5, 4])) });
    check(Windowed { to: BLOCKS, ..of((24, 9, 8), 37, ([3, 3], 2, [1, 1], [5, 4])) });
    // TensorFlow's padding of an even size.
    check(of((16, 8, 8), 5, ([3, 3], 2, [0, 0], [4, 4])));
    check(of((6, 7, 9), 17, ([1, 7], 1, [0, 3], [7, 9])));
}

#[test]
fn stride_two_of_all_sizes() {
    // Tiles at the end with one to four outputs, and maps with and without a last row that only the
    // last tap of a window reaches.
    for (height, width, before, places) in [
        (13, 10, [1, 1], [7, 5]),
        (12, 15, [1, 1], [6, 8]),
        // TensorFlow's padding of an even size.
        (12, 14, [0, 0], [6, 7]),
        // No padding, of an odd and of an even size.
        (11, 18, [0, 0], [5, 8]),
        (9, 11, [1, 0], [5, 5]),
        (10, 9, [0, 1], [5, 5]),
        (3, 4, [1, 1], [2, 2]),
    ] {
        let of = of((40, height, width), 33, ([3, 3], 2, before, places));
        assert!(strided::is_suited(of.input, of.outputs, &of.windows));
        check(Windowed { activation: Activation::Relu, ..of });
        check(Windowed { from: BLOCKS, to: BLOCKS, residual: Some(BLOCKS), ..of });
    }
    // Several groups of strips, and images that begin in the middle of one.
    check(Windowed { images: 2, ..of((24, 57, 56), 24, ([3, 3], 2, [1, 1], [29, 28])) });
    // More channels than are summed before the next rows.
    check(Windowed { images: 1, ..of((150, 7, 8), 140, ([3, 3], 2, [1, 1], [4, 4])) });
    // So many that each panel of filters is transformed just before it is multiplied.
    check(Windowed { images: 1, ..of((350, 4, 4), 340, ([3, 3], 2, [1, 1], [2, 2])) });
}

#[test]
fn what_follows_a_sum_has_gradients() {
    let pixels = of((32, 5, 7), 48, ([1, 1], 1, [0, 0], [5, 7]));
    for activation in [Activation::Linear, Activation::Relu, Activation::Relu6] {
        for residual in [None, Some(Layout::Nchw), Some(BLOCKS)] {
            check(Windowed { activation, residual, to: BLOCKS, ..pixels });
        }
        let strided = of((20, 9, 8), 33, ([3, 3], 2, [1, 1], [5, 4]));
        check(Windowed { activation, residual: Some(BLOCKS), ..strided });
    }
}

#[test]
fn depthwise_convolutions_have_gradients() {
    for (size, before) in [(3, 1), (5, 2), (7, 3)] {
        for (from, to) in [(Layout::Nchw, BLOCKS), (BLOCKS, Layout::Nchw)] {
            let even = ([size; 2], 1, [before; 2], [11, 9]);
            let strided = ([size; 2], 2, [before; 2], [6, 5]);
            for windows in [even, strided] {
                let of = of((37, 11, 9), 37, windows);
                let activation = Activation::Relu;
                check(Windowed { depthwise: true, activation, from, to, ..of });
            }
        }
    }
    // TensorFlow's padding of an even size, windows that no map holds, and of one row.
    let of = |input, windows| Windowed { depthwise: true, ..of(input, 17, windows) };
    check(of((17, 8, 8), ([3, 3], 2, [0, 0], [4, 4])));
    check(of((17, 3, 2), ([5, 5], 1, [2, 2], [3, 2])));
    check(of((17, 3, 2), ([5, 5], 2, [1, 1], [2, 1])));
    check(of((17, 6, 6), ([1, 4], 3, [0, 0], [2, 1])));
}
