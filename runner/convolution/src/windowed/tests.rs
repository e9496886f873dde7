//! Compares every instruction set with sums in float64, straight from the definition.

use super::*;
use crate::tests::{error, numbers};

/// Calls `f` with the indices of input, kernel and output of every product.
fn products(of: &Windowed, mut f: impl FnMut(usize, usize, usize)) {
    let (Windowed { input, windows, outputs, .. }, out) = (*of, of.output());
    let taps = windows.taps();
    for at in 0..of.images * out.len() * input.channels * taps {
        let (tap, rest) = (at % taps, at / taps);
        let (channel, to) = (rest % input.channels, rest / input.channels);
        let (x, y) = (to % out.width, to / out.width % out.height);
        let (output, image) = (to / out.width / out.height % outputs, to / out.len());
        let row = (y * windows.stride + tap / windows.size[1]).wrapping_sub(windows.before[0]);
        let column = (x * windows.stride + tap % windows.size[1]).wrapping_sub(windows.before[1]);
        if row < input.height && column < input.width {
            let map = image * input.channels + channel;
            let from = (map * input.height + row) * input.width + column;
            f(from, (output * input.channels + channel) * taps + tap, to);
        }
    }
}

fn check(of: Windowed) {
    let input = numbers(of.images * of.input.len(), 1);
    let kernel = numbers(of.outputs * of.input.channels * of.windows.taps(), 2);
    let bias = numbers(of.outputs, 3);
    let gradient = numbers(of.images * of.output().len(), 4);
    let plane = of.windows.places[0] * of.windows.places[1];
    let channel = |index: usize| index / plane % of.outputs;
    let mut out: Vec<f64> = (0..gradient.len()).map(|at| f64::from(bias[channel(at)])).collect();
    let (mut inputs, mut kernels) = (vec![0.0; input.len()], vec![0.0; kernel.len()]);
    let mut biases = vec![0.0; of.outputs];
    products(&of, |from, tap, to| {
        out[to] += f64::from(input[from]) * f64::from(kernel[tap]);
        inputs[from] += f64::from(gradient[to]) * f64::from(kernel[tap]);
        kernels[tap] += f64::from(gradient[to]) * f64::from(input[from]);
    });
    gradient.iter().enumerate().for_each(|(at, value)| biases[channel(at)] += f64::from(*value));
    for isa in Isa::available() {
        let of = Windowed { isa, ..of };
        let mut found = vec![f32::NAN; out.len()];
        of.forward(&input, (&kernel, &bias), &mut found);
        assert!(error(&found, &out) < 1e-5, "{of:?}");
        let mut found = vec![f32::NAN; inputs.len()];
        of.input_gradient(&gradient, &kernel, &mut found);
        assert!(error(&found, &inputs) < 1e-5, "input of {of:?}");
        let (mut found, mut added) = (vec![f32::NAN; kernels.len()], vec![f32::NAN; of.outputs]);
        of.kernel_gradient(&input, &gradient, (&mut found, &mut added));
        assert!(error(&found, &kernels) < 1e-5, "kernel of {of:?}");
        assert!(error(&added, &biases) < 1e-5, "bias of {of:?}");
    }
}

#[test]
fn forward_and_gradients_are_the_sums_of_the_definition() {
    let of = |channels, (height, width), outputs, size, stride, before, places| Windowed {
        images: 3,
        input: Extent { channels, height, width },
        outputs,
        windows: Windows { size, stride, before, places },
        isa: Isa::Portable,
    };
    check(of(20, (9, 7), 40, [1, 1], 1, [0, 0], [9, 7]));
    check(of(37, (9, 8), 20, [1, 1], 2, [0, 0], [5, 4]));
    check(of(24, (9, 8), 37, [3, 3], 2, [1, 1], [5, 4]));
    // TensorFlow's padding of an even size.
    check(of(16, (8, 8), 5, [3, 3], 2, [0, 0], [4, 4]));
    check(of(6, (7, 9), 17, [1, 7], 1, [0, 3], [7, 9]));
}
