//! Compares every instruction set with sums in float64, straight from the definition.

use super::*;

/// Reproducible numbers in [-1, 1).
pub(crate) fn numbers(count: usize, seed: u64) -> Vec<f32> {
    let mut state = seed;
    (0..count)
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / 8_388_608.0 - 1.0
        })
        .collect()
}

struct Case {
    shape: ConvShape,
    input: Vec<f32>,
    kernel: Vec<f32>,
    bias: Vec<f32>,
    /// Of the output.
    gradient: Vec<f32>,
}

impl Case {
    fn new(
        images: usize,
        channels: usize,
        outputs: usize,
        (height, width): (usize, usize),
        padding: usize,
    ) -> Self {
        let shape =
            ConvShape { images, input: Extent { channels, height, width }, outputs, padding };
        let out = shape.output();
        Self {
            shape,
            input: numbers(images * channels * height * width, 1),
            kernel: numbers(outputs * channels * 9, 2),
            bias: numbers(outputs, 3),
            gradient: numbers(images * outputs * out.height * out.width, 4),
        }
    }

    /// Calls `f` with the indices of input, kernel and output of every product.
    fn products(&self, mut f: impl FnMut(usize, usize, usize)) {
        let ConvShape { images, input, outputs, padding } = self.shape;
        let out = self.shape.output();
        for image in 0..images {
            for o in 0..outputs {
                for c in 0..input.channels {
                    for y in 0..out.height {
                        for x in 0..out.width {
                            let to = ((image * outputs + o) * out.height + y) * out.width + x;
                            for tap in 0..9 {
                                let (y, x) = (
                                    (y + tap / 3).wrapping_sub(padding),
                                    (x + tap % 3).wrapping_sub(padding),
                                );
                                if y < input.height && x < input.width {
                                    let from = ((image * input.channels + c) * input.height + y)
                                        * input.width
                                        + x;
                                    f(from, (o * input.channels + c) * 9 + tap, to);
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    fn forward(&self) -> Vec<f64> {
        let mut out = vec![0.0; self.gradient.len()];
        self.products(|from, tap, to| {
            out[to] += f64::from(self.input[from]) * f64::from(self.kernel[tap]);
        });
        let out_plane = out.len() / self.shape.images / self.bias.len();
        for (index, value) in out.iter_mut().enumerate() {
            *value = (*value + f64::from(self.bias[index / out_plane % self.bias.len()])).max(0.0);
        }
        out
    }
}

/// The largest difference, divided by the largest value.
pub(crate) fn error(got: &[f32], expected: &[f64]) -> f64 {
    assert_eq!(got.len(), expected.len());
    let largest = expected.iter().fold(0.0_f64, |top, value| top.max(value.abs()));
    let off = got.iter().zip(expected).map(|(got, expected)| (f64::from(*got) - expected).abs());
    off.fold(0.0, f64::max) / largest
}

/// The largest error that is allowed: rounded factors have eight significant bits.
fn bound(isa: Isa) -> f64 {
    match isa.precision() {
        Precision::F32 => 1e-5,
        // One convolution with rounded factors is off by 1.2e-2 in the root mean square.
        Precision::Bf16 => 4e-2,
    }
}

/// Numbers of channels and outputs that are and are not multiples of sixteen; sides that are
/// and are not multiples of each tile's; both paddings; few channels; more channels than are
/// summed together, one panel after the other; more tiles than pass together.
fn cases() -> Vec<Case> {
    vec![
        Case::new(2, 16, 32, (18, 18), 1),
        Case::new(3, 20, 37, (9, 9), 1),
        Case::new(1, 64, 16, (13, 7), 1),
        Case::new(2, 3, 20, (17, 19), 1),
        Case::new(2, 3, 32, (12, 12), 0),
        Case::new(2, 32, 48, (15, 16), 0),
        Case::new(5, 5, 1, (4, 3), 1),
        Case::new(1, 17, 3, (1, 2), 1),
        Case::new(40, 16, 16, (6, 6), 1),
        Case::new(1, 150, 72, (9, 7), 1),
        Case::new(3, 17, 20, (40, 37), 1),
    ]
}

#[test]
fn forward_is_the_sum_of_the_definition() {
    for case in cases() {
        let expected = case.forward();
        for isa in Isa::available() {
            let mut out = vec![f32::NAN; expected.len()];
            let epilogue = Epilogue { bias: Some(&case.bias), relu: true };
            let convolution = Convolution { isa, ..Convolution::new(case.shape) };
            convolution.forward(&case.input, &case.kernel, epilogue, &mut out);
            let error = error(&out, &expected);
            assert!(error < bound(isa), "{isa:?} {:?}: {error}", case.shape);
        }
    }
}

#[test]
fn gradients_are_the_sums_of_the_definition() {
    for case in cases() {
        let output: Vec<f32> = case.forward().into_iter().map(|value| value as f32).collect();
        let masked: Vec<f64> = case
            .gradient
            .iter()
            .zip(&output)
            .map(|(gradient, output)| if *output > 0.0 { f64::from(*gradient) } else { 0.0 })
            .collect();
        let mut input = vec![0.0; case.input.len()];
        let mut kernel = vec![0.0; case.kernel.len()];
        let mut bias = vec![0.0; case.bias.len()];
        case.products(|from, tap, to| {
            input[from] += masked[to] * f64::from(case.kernel[tap]);
            kernel[tap] += masked[to] * f64::from(case.input[from]);
        });
        let plane = masked.len() / case.shape.images / bias.len();
        for (index, value) in masked.iter().enumerate() {
            bias[index / plane % case.bias.len()] += value;
        }
        for isa in Isa::available() {
            let convolution = Convolution { isa, ..Convolution::new(case.shape) };
            let mut got = vec![f32::NAN; input.len()];
            convolution.input_gradient(&case.gradient, Some(&output), &case.kernel, &mut got);
            let off = error(&got, &input);
            assert!(off < bound(isa), "input, {isa:?} {:?}: {off}", case.shape);
            let (mut got, mut got_bias) =
                (vec![f32::NAN; kernel.len()], vec![f32::NAN; bias.len()]);
            convolution.kernel_gradient(
                &case.input,
                &case.gradient,
                Some(&output),
                (&mut got, &mut got_bias),
            );
            let off = error(&got, &kernel);
            assert!(off < bound(isa), "kernel, {isa:?} {:?}: {off}", case.shape);
            let off = error(&got_bias, &bias);
            assert!(off < bound(isa), "bias, {isa:?} {:?}: {off}", case.shape);
        }
    }
}

#[test]
fn an_image_does_not_depend_on_its_batch_nor_on_threads() {
    let case = Case::new(24, 48, 64, (14, 14), 1);
    let whole = case.shape.output().len() * case.shape.images;
    let run = |isa: Isa, images: usize, threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let mut out = vec![0.0; whole];
        let shape = ConvShape { images, ..case.shape };
        let inputs = case.input.chunks(shape.input.len() * images);
        for (input, out) in inputs.zip(out.chunks_mut(shape.output().len() * images)) {
            let epilogue = Epilogue { bias: Some(&case.bias), relu: true };
            let convolution = Convolution { isa, ..Convolution::new(shape) };
            pool.install(|| convolution.forward(input, &case.kernel, epilogue, out));
        }
        out.iter().map(|value| value.to_bits()).collect::<Vec<_>>()
    };
    for isa in Isa::available() {
        let expected = run(isa, 1, 1);
        for (images, threads) in [(1, 2), (2, 1), (3, 3), (8, 2), (24, 1), (24, 3)] {
            let got = run(isa, images, threads);
            assert!(got == expected, "{isa:?}, {images} images, {threads} threads");
        }
    }
}

/// A batch of NCHW maps in blocks of sixteen channels.
fn nchw16c(extent: Extent, images: usize, values: &[f32]) -> Vec<f32> {
    let mut out = vec![f32::NAN; images * extent.values(Layout::Nchw16c)];
    reorder(extent, values, Layout::Nchw, &mut out, Layout::Nchw16c);
    out
}

fn nchw(extent: Extent, images: usize, values: &[f32]) -> Vec<f32> {
    let mut out = vec![f32::NAN; images * extent.len()];
    reorder(extent, values, Layout::Nchw16c, &mut out, Layout::Nchw);
    out
}

/// Forward and both gradients of a case, all NCHW, computed on maps in one layout or the other.
fn all_of(case: &Case, convolution: Convolution) -> [Vec<f32>; 4] {
    let ConvShape { images, input, .. } = case.shape;
    let to = case.shape.output();
    let layout = convolution.to;
    let lay = |extent: Extent, values: &[f32]| match layout {
        Layout::Nchw => values.to_vec(),
        Layout::Nchw16c => nchw16c(extent, images, values),
    };
    let take = |extent: Extent, values: Vec<f32>| match layout {
        Layout::Nchw => values,
        Layout::Nchw16c => nchw(extent, images, &values),
    };
    let (x, gradient) = (lay(input, &case.input), lay(to, &case.gradient));
    let mut out = vec![f32::NAN; images * to.values(layout)];
    let epilogue = Epilogue { bias: Some(&case.bias), relu: true };
    convolution.forward(&x, &case.kernel, epilogue, &mut out);
    let mut back = vec![f32::NAN; images * input.values(layout)];
    convolution.input_gradient(&gradient, Some(&out), &case.kernel, &mut back);
    let mut gradients = [vec![f32::NAN; case.kernel.len()], vec![f32::NAN; case.bias.len()]];
    let [kernel, bias] = &mut gradients;
    convolution.kernel_gradient(&x, &gradient, Some(&out), (kernel, bias));
    let [kernel, bias] = gradients;
    [take(to, out), take(input, back), kernel, bias]
}

#[test]
fn maps_in_blocks_give_the_same_bits() {
    for case in cases().into_iter().filter(|case| case.shape.input.channels > 4) {
        for isa in Isa::available() {
            let of = |layout| {
                let plain = Convolution::new(case.shape);
                all_of(&case, Convolution { isa, from: layout, to: layout, ..plain })
            };
            assert!(of(Layout::Nchw) == of(Layout::Nchw16c), "{isa:?}, {:?}", case.shape);
        }
    }
}

#[test]
fn pooling_in_blocks_is_pooling() {
    let extent = Extent { channels: 20, height: 7, width: 9 };
    let (input, gradient) = (numbers(2 * extent.len(), 1), numbers(2 * extent.pooled().len(), 2));
    let run = |layout: Layout, input: &[f32], gradient: &[f32]| {
        let pool = Pool { extent, layout };
        let mut out = vec![f32::NAN; 2 * extent.pooled().values(layout)];
        pool.forward(input, &mut out);
        let mut back = vec![f32::NAN; 2 * extent.values(layout)];
        pool.gradient(input, gradient, &mut back);
        (out, back)
    };
    let expected = run(Layout::Nchw, &input, &gradient);
    let (out, back) =
        run(Layout::Nchw16c, &nchw16c(extent, 2, &input), &nchw16c(extent.pooled(), 2, &gradient));
    assert_eq!((nchw(extent.pooled(), 2, &out), nchw(extent, 2, &back)), expected);
}

#[test]
fn pooling_takes_the_largest_and_its_gradient_goes_there() {
    let extent = Extent { channels: 1, height: 3, width: 5 };
    let input = [1.0, 2.0, 5.0, 5.0, 9.0, 4.0, 3.0, 5.0, 0.0, 9.0, 7.0, 7.0, 7.0, 7.0, 7.0];
    let mut out = [0.0; 2];
    Pool { extent, layout: Layout::Nchw }.forward(&input, &mut out);
    assert_eq!(out, [4.0, 5.0]);
    let mut gradient = [f32::NAN; 15];
    Pool { extent, layout: Layout::Nchw }.gradient(&input, &[0.5, 0.25], &mut gradient);
    let expected = [0.0, 0.0, 0.25, 0.0, 0.0, 0.5, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
    assert_eq!(gradient, expected);
}

#[test]
fn what_is_not_a_number_is_not_hidden_by_relu() {
    for channels in [3, 16] {
        let case = Case::new(1, channels, 16, (9, 9), 1);
        let input = vec![f32::NAN; case.input.len()];
        for isa in Isa::available() {
            let mut out = vec![0.0; case.gradient.len()];
            let epilogue = Epilogue { bias: Some(&case.bias), relu: true };
            let convolution = Convolution { isa, ..Convolution::new(case.shape) };
            convolution.forward(&input, &case.kernel, epilogue, &mut out);
            assert!(out.iter().all(|value| value.is_nan()), "{isa:?}, {channels} channels");
        }
    }
}

/// Outputs and padding of a convolution, or `None` for pooling.
const LAYERS: [Option<(usize, usize)>; 8] =
    [Some((20, 1)), Some((32, 1)), None, Some((48, 1)), None, Some((40, 0)), Some((16, 1)), None];

/// A kernel and its bias.
type Parameters = (Vec<f32>, Vec<f32>);

/// Runs [`LAYERS`] one by one. Returns their kernels and biases, the size of the result, and
/// the result.
fn one_by_one(isa: Isa, images: usize, input: Extent) -> (Vec<Parameters>, Extent, Vec<f32>) {
    let mut values = numbers(images * input.len(), 1);
    let mut extent = input;
    let mut parameters = Vec::new();
    for layer in LAYERS {
        let shape = |(outputs, padding)| ConvShape { images, input: extent, outputs, padding };
        let shape = layer.map(shape);
        let to = shape.map_or(extent.pooled(), |shape| shape.output());
        let mut out = vec![f32::NAN; images * to.len()];
        if let Some(shape) = shape {
            let kernel = numbers(to.channels * extent.channels * 9, 10 + to.len() as u64);
            let bias = numbers(to.channels, 20 + to.len() as u64);
            let epilogue = Epilogue { bias: Some(&bias), relu: true };
            Convolution { isa, ..Convolution::new(shape) }
                .forward(&values, &kernel, epilogue, &mut out);
            parameters.push((kernel, bias));
        } else {
            Pool { extent, layout: Layout::Nchw }.forward(&values, &mut out);
        }
        (values, extent) = (out, to);
    }
    (parameters, extent, values)
}

#[test]
fn a_stack_computes_what_its_layers_do() {
    let input = Extent { channels: 3, height: 37, width: 41 };
    let both = |images| Isa::available().into_iter().map(move |isa| (images, isa));
    for (images, isa) in [1, 5].into_iter().flat_map(both) {
        let (parameters, extent, expected) = one_by_one(isa, images, input);
        let mut parameters = parameters.iter();
        let layers = LAYERS.map(|layer| match layer {
            None => Layer::MaxPool,
            Some((_, padding)) => {
                let (kernel, bias) = parameters.next().unwrap();
                Layer::Convolution { kernel, bias, padding }
            }
        });
        let stack = Stack::new(|_| isa, input, &layers).unwrap();
        assert_eq!(stack.output(), extent);
        let mut out = vec![f32::NAN; expected.len()];
        stack.forward(images, &numbers(images * input.len(), 1), &mut out);
        let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        assert!(bits(&out) == bits(&expected), "{isa:?}, {images} images");
    }
}
