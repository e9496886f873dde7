//! Which kernel computes a convolution, forward and back.
//!
//! In order: groups of channels have kernels of their own; where factors may be rounded, matrix
//! units, if the device has them and they take the shape; everything else is an exact product.

use burn::tensor::DType;
use burn_cubecl::tensor::CubeTensor;

use super::arranged::arranged;
use super::kernel::activation::Epilogue;
use super::launch::sizes;
use super::product::Geometry;
use super::rule::Rule;
use super::{accelerated, epilogue, product, windows};

/// Maps with bias and activation, the channel changing fastest.
pub(super) fn forward(
    input: &CubeTensor,
    kernel: &CubeTensor,
    bias: &CubeTensor,
    geometry: Geometry,
    and: Epilogue,
    rule: Rule,
) -> CubeTensor {
    let dtype = rule.map_type();
    if geometry.groups > 1 {
        return windows::grouped(input, &dense(kernel), bias, geometry, and, dtype);
    }
    let kernel = packed(kernel, rule);
    match accelerated::forward(input, &kernel, geometry, rule) {
        Some(sums) => epilogue::in_place(sums, bias, and),
        None => product::convolution(input, &kernel, bias, geometry, and, dtype),
    }
}

/// What goes back to `input`, in its shape and type.
pub(super) fn input_gradient(
    gradient: &CubeTensor,
    kernel: &CubeTensor,
    input: &CubeTensor,
    geometry: Geometry,
    rule: Rule,
) -> CubeTensor {
    let (shape, dtype) = (sizes(input), input.dtype);
    if geometry.groups > 1 {
        return windows::grouped_input(gradient, &dense(kernel), shape, geometry, dtype);
    }
    let kernel = packed(kernel, rule);
    accelerated::input_gradient(gradient, &kernel, input, geometry, rule)
        .unwrap_or_else(|| product::convolution_input(gradient, &kernel, shape, geometry, dtype))
}

/// What goes back to the kernel, of this shape, dense, in `f32`.
pub(super) fn kernel_gradient(
    input: &CubeTensor,
    gradient: &CubeTensor,
    shape: [usize; 4],
    geometry: Geometry,
    rule: Rule,
) -> CubeTensor {
    if geometry.groups > 1 {
        return windows::grouped_kernel(input, gradient, shape, geometry);
    }
    accelerated::kernel_gradient(input, gradient, shape, geometry, rule)
        .unwrap_or_else(|| product::convolution_kernel(input, gradient, geometry))
}

/// The kernel with the input channel changing fastest, in the type that factors have in memory.
/// Free where it lies that way.
pub(super) fn packed(kernel: &CubeTensor, rule: Rule) -> CubeTensor {
    arranged(kernel, rule.map_type())
}

/// The kernel as `[output, input, row, column]` without gaps, in `f32`.
fn dense(kernel: &CubeTensor) -> CubeTensor {
    if kernel.dtype == DType::F32 && kernel.is_contiguous() {
        return kernel.clone();
    }
    burn_cubecl::kernel::into_contiguous(burn_cubecl::kernel::cast(kernel.clone(), DType::F32))
}
