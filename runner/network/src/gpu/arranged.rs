//! Values in another order and another type.

use burn::tensor::DType;
use burn_cubecl::tensor::CubeTensor;

use super::kernel::arrange;
use super::launch::{addresses, element, empty_map, is_channels_last, per_value, sizes};

/// Values `[image, channel, row, column]` in this type with the channel changing fastest.
pub(super) fn arranged(values: &CubeTensor, dtype: DType) -> CubeTensor {
    if values.dtype == dtype && is_channels_last(values) {
        return values.clone();
    }
    let shape: [usize; 4] = sizes(values);
    let out = empty_map(values, shape, dtype);
    rearrange(values, &out, shape)
}

/// Writes all values of a shape, the channel changing fastest.
pub(super) fn rearrange(from: &CubeTensor, to: &CubeTensor, shape: [usize; 4]) -> CubeTensor {
    let count = shape.iter().product();
    let (cubes, dim) = per_value(&to.client, count);
    arrange::pack::launch(
        &to.client,
        cubes,
        dim,
        addresses(&[from, to]),
        from.clone().into_tensor_arg(),
        to.clone().into_tensor_arg(),
        count,
        [element(from.dtype), element(to.dtype)],
    );
    to.clone()
}
