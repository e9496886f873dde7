//! One blocked product with exact `f32` sums for convolutions and fully connected layers, forward and
//! both gradients: the matrix of windows is read from the map and never written.
//!
//! Sizes are arguments and not part of the compiled kernel, so that all layers of a network share a
//! few of them. Each value is summed over the depth in one order, whatever the tile and the batch.

use burn_cubecl::cubecl;
use cubecl::prelude::*;

use super::activation::{Epilogue, finish};
use super::place::{
    OUTSIDE, Product, Steps, Window, depth_place, map_value, result_place, rhs_column, rhs_offset,
    row_place,
};

/// How deep a tile is that a cube loads at once.
pub(crate) const DEPTH: usize = 16;
/// Units along one side of a cube.
pub(crate) const SIDE: usize = 16;

/// What is compiled in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Variant {
    pub product: Product,
    /// Rows and columns of a unit: a tile has sixteen times as many.
    pub rows: usize,
    pub columns: usize,
    /// Whether neighbours in the memory of the second factor are columns, and not in the depth.
    pub by_columns: bool,
    /// What happens to a sum before it is written.
    pub epilogue: Epilogue,
}

/// Sizes of a launch.
#[derive(CubeLaunch, CubeType, Clone, Copy)]
pub(crate) struct Sizes {
    rows: usize,
    columns: usize,
    depth: usize,
    /// How much of the depth one cube sums up.
    part: usize,
    row_tiles: usize,
    column_tiles: usize,
    tiles: usize,
}

/// The first factor is a map `[image, channel, row, column]` with any strides. The second is the
/// kernel `[output, input, row, column]` with any strides, or the gradient of the output as a map.
#[cube(launch_unchecked, address_type = "dynamic")]
#[allow(clippy::too_many_arguments, clippy::too_many_lines)]
pub(crate) fn multiply<A: Numeric, B: Numeric, O: Numeric>(
    lhs: &Tensor<A>,
    rhs: &Tensor<B>,
    bias: &Tensor<f32>,
    out: &mut Tensor<O>,
    sizes: Sizes,
    window: Window,
    steps: Steps,
    #[comptime] variant: Variant,
    #[define(A, B, O)] _types: [ElemType; 3],
) {
    let unit = UNIT_POS as usize;
    let tile = CUBE_POS;
    if tile >= sizes.tiles {
        terminate!();
    }
    let columns_before = (tile % sizes.column_tiles) * comptime!(variant.columns * SIDE);
    let rest = tile / sizes.column_tiles;
    let rows_before = (rest % sizes.row_tiles) * comptime!(variant.rows * SIDE);
    let part = rest / sizes.row_tiles;
    let begin = part * sizes.part;
    let end = min(begin + sizes.part, sizes.depth);

    // One more column than needed: units that write one column lie in different banks.
    let lhs_step = comptime!(variant.rows * SIDE + 1);
    let rhs_step = comptime!(variant.columns * SIDE + 1);
    let mut lhs_tile = Shared::<[f32]>::new_slice(comptime!(DEPTH * lhs_step));
    let mut rhs_tile = Shared::<[f32]>::new_slice(comptime!(DEPTH * rhs_step));

    // Sixteen neighbouring units load what lies side by side in memory.
    let (near, far) = (unit % SIDE, unit / SIDE);
    let by_rows = comptime!(variant.product == Product::KernelGradient);
    let lhs_lane = if comptime!(by_rows) { far } else { near };
    let lhs_first = if comptime!(by_rows) { near } else { far };
    let rhs_lane = if comptime!(variant.by_columns) { far } else { near };
    let rhs_first = if comptime!(variant.by_columns) { near } else { far };

    let rows = row_places::<A>(lhs, rows_before + lhs_first, sizes.rows, &window, variant);
    let mut sums = Array::<f32>::new(comptime!(variant.rows * variant.columns));
    #[unroll]
    for i in 0..comptime!(variant.rows * variant.columns) {
        sums[i] = 0.0f32;
    }

    let mut start = begin;
    while start < end {
        let place = lhs_lane * lhs_step + lhs_first;
        load_lhs::<A>(lhs, &mut lhs_tile, place, &rows, start + lhs_lane, end, &window, variant);
        let place = rhs_lane * rhs_step + rhs_first;
        let column = columns_before + rhs_first;
        let depth = start + rhs_lane;
        load_rhs::<B>(
            rhs,
            &mut rhs_tile,
            place,
            column,
            sizes.columns,
            depth,
            end,
            &window,
            variant,
        );
        sync_cube();
        accumulate(&mut sums, &lhs_tile, &rhs_tile, far, near, variant);
        sync_cube();
        start += DEPTH;
    }

    let before = part * sizes.rows * sizes.columns;
    let (row, column) = (rows_before + far, columns_before + near);
    write_sums::<O>(&sums, bias, out, before, row, column, &sizes, &window, &steps, variant);
}

/// Where the windows of a unit's rows begin.
#[derive(CubeType)]
struct Rows {
    base: Array<usize>,
    y: Array<i32>,
    x: Array<i32>,
}

#[cube]
fn row_places<A: Numeric>(
    lhs: &Tensor<A>,
    first: usize,
    count: usize,
    window: &Window,
    #[comptime] variant: Variant,
) -> Rows {
    let mut base = Array::<usize>::new(variant.rows);
    let mut y = Array::<i32>::new(variant.rows);
    let mut x = Array::<i32>::new(variant.rows);
    #[unroll]
    for i in 0..variant.rows {
        let row = first + i * SIDE;
        let (offset, line, column) = row_place::<A>(lhs, row, window, variant.product);
        base[i] = offset;
        y[i] = select(row < count, line, OUTSIDE);
        x[i] = column;
    }
    Rows { base, y, x }
}

/// One place of the depth for each of a unit's rows.
#[cube]
#[allow(clippy::too_many_arguments)]
fn load_lhs<A: Numeric>(
    lhs: &Tensor<A>,
    tile: &mut Shared<[f32]>,
    place: usize,
    rows: &Rows,
    depth: usize,
    end: usize,
    window: &Window,
    #[comptime] variant: Variant,
) {
    let (base, y, x) = depth_place::<A>(lhs, depth, window, variant.product);
    #[unroll]
    for i in 0..variant.rows {
        let mut value = 0.0f32;
        let (row, column) = (rows.y[i] + y, rows.x[i] + x);
        if depth < end {
            let offset = rows.base[i] + base;
            value = map_value::<A>(lhs, offset, row, column, window, variant.product);
        }
        tile[place + i * SIDE] = value;
    }
}

/// One place of the depth for each of a unit's columns.
#[cube]
#[allow(clippy::too_many_arguments)]
fn load_rhs<B: Numeric>(
    rhs: &Tensor<B>,
    tile: &mut Shared<[f32]>,
    place: usize,
    first: usize,
    columns: usize,
    depth: usize,
    end: usize,
    window: &Window,
    #[comptime] variant: Variant,
) {
    let offset = rhs_offset::<B>(rhs, depth, window, variant.product);
    let step = rhs_column::<B>(rhs, variant.product);
    #[unroll]
    for j in 0..variant.columns {
        let column = first + j * SIDE;
        let mut value = 0.0f32;
        if depth < end && column < columns {
            value = f32::cast_from(rhs[offset + column * step]);
        }
        tile[place + j * SIDE] = value;
    }
}

/// Adds the products of the tiles.
#[cube]
fn accumulate(
    sums: &mut Array<f32>,
    lhs: &Shared<[f32]>,
    rhs: &Shared<[f32]>,
    row: usize,
    column: usize,
    #[comptime] variant: Variant,
) {
    let lhs_step = comptime!(variant.rows * SIDE + 1);
    let rhs_step = comptime!(variant.columns * SIDE + 1);
    for k in 0..DEPTH {
        let mut factors = Array::<f32>::new(variant.columns);
        #[unroll]
        for j in 0..variant.columns {
            factors[j] = rhs[k * rhs_step + column + j * SIDE];
        }
        #[unroll]
        for i in 0..variant.rows {
            let factor = lhs[k * lhs_step + row + i * SIDE];
            #[unroll]
            for j in 0..variant.columns {
                let index = comptime!(i * variant.columns + j);
                sums[index] = fma(factor, factors[j], sums[index]);
            }
        }
    }
}

/// Writes the sums of a unit.
#[cube]
#[allow(clippy::too_many_arguments)]
fn write_sums<O: Numeric>(
    sums: &Array<f32>,
    bias: &Tensor<f32>,
    out: &mut Tensor<O>,
    before: usize,
    first_row: usize,
    first_column: usize,
    sizes: &Sizes,
    window: &Window,
    steps: &Steps,
    #[comptime] variant: Variant,
) {
    #[unroll]
    for i in 0..variant.rows {
        let row = first_row + i * SIDE;
        #[unroll]
        for j in 0..variant.columns {
            let column = first_column + j * SIDE;
            if row < sizes.rows && column < sizes.columns {
                let sum = sums[comptime!(i * variant.columns + j)];
                let place =
                    result_place(row, column, sizes.columns, window, steps, variant.product);
                out[before + place] = O::cast_from(finish(sum, bias, column, variant.epilogue));
            }
        }
    }
}
