//! Tensors for kernels: memory, types, views, and how many cubes a launch has.

use burn::backend::TensorMetadata;
use burn::tensor::{DType, Shape};
use burn_cubecl::cubecl::client::Client;
use burn_cubecl::cubecl::prelude::*;
use burn_cubecl::cubecl::zspace::metadata::Metadata;
use burn_cubecl::tensor::CubeTensor;

/// Units of a cube, in all kernels.
const UNITS: u32 = 256;

/// New memory of a shape on the device of `like`, without padding.
pub(crate) fn empty(like: &CubeTensor, shape: impl Into<Shape>, dtype: DType) -> CubeTensor {
    let shape = shape.into();
    // A buffer of nothing has no address.
    let handle = like.client.empty(shape.num_elements().max(1) * dtype.size());
    CubeTensor::new_contiguous(like.client.clone(), like.device.clone(), shape, handle, dtype)
}

/// New memory for maps `[image, channel, row, column]`, the channel changing fastest.
pub(super) fn empty_map(like: &CubeTensor, [n, c, h, w]: [usize; 4], dtype: DType) -> CubeTensor {
    let mut map = empty(like, [n, h, w, c], dtype);
    *map.meta = Metadata::new([n, c, h, w], [h * w * c, 1, w * c, c]);
    map
}

/// The same memory with another shape and other strides.
pub(super) fn view<const D: usize>(
    tensor: &CubeTensor,
    shape: [usize; D],
    strides: [usize; D],
) -> CubeTensor {
    let mut view = tensor.clone();
    *view.meta = Metadata::new(shape, strides);
    view
}

/// Rows `[image, length]` as maps of one pixel.
pub(super) fn pixels(rows: &CubeTensor) -> CubeTensor {
    let ([images, length], strides) = (sizes(rows), rows.meta.strides());
    view(rows, [images, length, 1, 1], [strides[0], strides[1], 1, 1])
}

/// The shape of a tensor of four dimensions, or of any other number.
pub(super) fn sizes<const D: usize>(tensor: &CubeTensor) -> [usize; D] {
    tensor.shape().dims()
}

/// Whether a map lies without gaps and the channel changes fastest.
pub(super) fn is_channels_last(map: &CubeTensor) -> bool {
    let [_, c, h, w] = sizes(map);
    let strides = [h * w * c, 1, w * c, c];
    let shape = map.meta.shape();
    let same = |dim: usize| shape[dim] == 1 || map.meta.strides()[dim] == strides[dim];
    (0..4).all(same)
}

/// The type as CubeCL names it; all that is not `bf16` is `f32` in this folder.
pub(super) fn element(dtype: DType) -> ElemType {
    match dtype {
        DType::BF16 => half::bf16::elem_type_native(),
        _ => f32::elem_type_native(),
    }
}

/// Cubes for one unit per value.
pub(crate) fn per_value(client: &Client, count: usize) -> (CubeCount, CubeDim) {
    let dim = CubeDim::new_1d(UNITS);
    (burn_cubecl::cubecl::calculate_cube_count_elemwise(client, count, dim), dim)
}

/// So many cubes, or a few more.
pub(super) fn cubes(client: &Client, count: usize) -> (CubeCount, CubeDim) {
    per_value(client, count * UNITS as usize)
}

/// How wide an index must be for all of them.
pub(super) fn addresses(tensors: &[&CubeTensor]) -> AddressType {
    let widest = tensors.iter().map(|tensor| tensor.required_address_type()).max();
    widest.unwrap_or_default()
}
