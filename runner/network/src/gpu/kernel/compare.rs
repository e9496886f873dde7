//! How far two tensors are apart.

use burn_cubecl::cubecl;
use cubecl::prelude::*;

/// Units of a cube, and cubes.
pub(crate) const UNITS: usize = 256;
pub(crate) const CUBES: usize = 64;

/// Sums of squares over a part of the values: of the differences, then of the values themselves.
#[cube(launch, address_type = "dynamic")]
pub(crate) fn squares<O: Numeric>(
    values: &Tensor<O>,
    exact: &Tensor<f32>,
    out: &mut Tensor<f32>,
    count: usize,
    #[define(O)] _type: ElemType,
) {
    if CUBE_POS >= CUBES {
        terminate!();
    }
    let unit = UNIT_POS as usize;
    let mut apart = 0.0f32;
    let mut size = 0.0f32;
    let mut index = CUBE_POS * UNITS + unit;
    while index < count {
        let value = exact[index];
        let difference = f32::cast_from(values[index]) - value;
        apart = fma(difference, difference, apart);
        size = fma(value, value, size);
        index += comptime!(UNITS * CUBES);
    }
    let mut shared = Shared::<[f32]>::new_slice(comptime!(2 * UNITS));
    shared[unit] = apart;
    shared[UNITS + unit] = size;
    sync_cube();
    if unit < 2 {
        let mut sum = 0.0f32;
        for other in 0..UNITS {
            sum += shared[unit * UNITS + other];
        }
        out[CUBE_POS * 2 + unit] = sum;
    }
}
