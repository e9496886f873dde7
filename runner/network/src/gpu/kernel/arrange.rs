//! Values in another order and another type.

use burn_cubecl::cubecl;
use cubecl::prelude::*;

/// Values `[image, channel, row, column]` with any strides to memory where the channel changes fastest.
#[cube(launch, address_type = "dynamic")]
pub(crate) fn pack<A: Numeric, O: Numeric>(
    kernel: &Tensor<A>,
    out: &mut Tensor<O>,
    count: usize,
    #[define(A, O)] _types: [ElemType; 2],
) {
    let index = ABSOLUTE_POS;
    if index >= count {
        terminate!();
    }
    let (inputs, height, width) = (kernel.shape(1), kernel.shape(2), kernel.shape(3));
    let place = index / inputs;
    let line = place / width;
    let from = (line / height) * kernel.stride(0)
        + (index % inputs) * kernel.stride(1)
        + (line % height) * kernel.stride(2)
        + (place % width) * kernel.stride(3);
    out[index] = O::cast_from(kernel[from]);
}
