//! Fully connected layers as exact products.

use burn::tensor::DType;
use burn_cubecl::tensor::CubeTensor;

use super::kernel::activation::Epilogue;
use super::kernel::place::Product;
use super::kernel::product::SIDE;
use super::launch::{empty, pixels, sizes, view};
use super::product::{Geometry, Job, parts, run};

/// A fully connected layer with bias and activation: `[image, input]` and `[input, output]`.
pub(super) fn forward(
    input: &CubeTensor,
    kernel: &CubeTensor,
    bias: &CubeTensor,
    epilogue: Epilogue,
) -> CubeTensor {
    let [[images, inputs], [_, outputs]] = [sizes(input), sizes(kernel)];
    let job = Job {
        product: Product::Forward,
        lhs: &pixels(input),
        rhs: &as_convolution(kernel),
        bias,
        epilogue,
        by_columns: true,
        rows: images,
        columns: outputs,
        depth: inputs,
        parts: parts(outputs.div_ceil(4 * SIDE), inputs),
        channels: inputs,
        places: [1, 1],
        geometry: Geometry::POINT,
        steps: [0; 3],
    };
    run(&job, empty(input, [images, outputs], DType::F32))
}

/// What a fully connected layer sends back to its input.
pub(super) fn input_gradient(
    gradient: &CubeTensor,
    kernel: &CubeTensor,
    dtype: DType,
) -> CubeTensor {
    let [[images, outputs], [inputs, _]] = [sizes(gradient), sizes(kernel)];
    let job = Job {
        product: Product::InputGradient,
        lhs: &pixels(gradient),
        rhs: &as_convolution(kernel),
        bias: kernel,
        epilogue: Epilogue::NONE,
        by_columns: false,
        rows: images,
        columns: inputs,
        depth: outputs,
        parts: parts(inputs.div_ceil(4 * SIDE), outputs),
        channels: outputs,
        places: [1, 1],
        geometry: Geometry::POINT,
        steps: [0; 3],
    };
    run(&job, empty(gradient, [images, inputs], dtype))
}

/// What it sends back to its kernel, `[input, output]`.
pub(super) fn kernel_gradient(input: &CubeTensor, gradient: &CubeTensor) -> CubeTensor {
    let [[images, inputs], [_, outputs]] = [sizes(input), sizes(gradient)];
    let job = Job {
        product: Product::KernelGradient,
        lhs: &pixels(input),
        rhs: &pixels(gradient),
        bias: gradient,
        epilogue: Epilogue::NONE,
        by_columns: true,
        rows: inputs,
        columns: outputs,
        depth: images,
        parts: 1,
        channels: inputs,
        places: [1, 1],
        geometry: Geometry::POINT,
        steps: [1, outputs, 0],
    };
    run(&job, empty(input, [inputs, outputs], DType::F32))
}

/// `[input, output]` as the kernel of a convolution with one place.
fn as_convolution(kernel: &CubeTensor) -> CubeTensor {
    let ([inputs, outputs], strides) = (sizes(kernel), kernel.meta.strides());
    view(kernel, [outputs, inputs, 1, 1], [strides[1], strides[0], 1, 1])
}
