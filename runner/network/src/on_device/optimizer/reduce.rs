//! Norms: sums over whole tensors, in one order whatever the device does first.

use burn::cubecl;
use burn::tensor::Tensor;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use crate::error::NetworkError;
use crate::on_device::cube::{cube, room, tensor};

/// A tensor's sum of squares is computed in so many parts.
pub(super) const PARTS: usize = 32;

/// Units per part.
const UNITS: usize = 128;

pub(super) fn clip(gradients: &[Tensor<1>], limit: f32) -> Result<Tensor<1>, NetworkError> {
    let gradients = gradients.iter().cloned().map(cube).collect::<Result<Vec<CubeTensor>, _>>()?;
    let Some(first) = gradients.first() else {
        return Err(NetworkError::Bug("a step without gradients".to_owned()));
    };
    let (client, count) = (first.client.clone(), gradients.len() * PARTS);
    let (parts, scale) = (room(first, [count]), room(first, [1]));
    for (index, gradient) in gradients.iter().enumerate() {
        squares(gradient, &parts, index * PARTS);
    }
    scaled::launch(
        &client,
        CubeCount::Static(1, 1, 1),
        CubeDim::new_1d(UNITS as u32),
        parts.into_buffer_arg(),
        scale.clone().into_buffer_arg(),
        count,
        limit,
    );
    Ok(tensor(scale))
}

/// Writes the parts of a tensor's sum of squares.
pub(super) fn squares(values: &CubeTensor, parts: &CubeTensor, offset: usize) {
    squared::launch(
        &values.client,
        CubeCount::Static(PARTS as u32, 1, 1),
        CubeDim::new_1d(UNITS as u32),
        values.clone().into_buffer_arg(),
        parts.clone().into_buffer_arg(),
        values.meta.num_elements(),
        offset,
    );
}

/// One part per cube.
#[cube(launch)]
fn squared(values: &[f32], parts: &mut [f32], count: usize, offset: usize) {
    let mut sum = 0.0f32;
    let mut place = ABSOLUTE_POS;
    while place < count {
        sum += values[place] * values[place];
        place += PARTS * UNITS;
    }
    let total = total(sum);
    if UNIT_POS_X == 0 {
        parts[offset + CUBE_POS_X as usize] = total;
    }
}

/// From all parts to the factor of the gradients; one cube.
#[cube(launch)]
fn scaled(parts: &[f32], scale: &mut [f32], count: usize, limit: f32) {
    let mut sum = 0.0f32;
    let mut place = UNIT_POS_X as usize;
    while place < count {
        sum += parts[place];
        place += UNITS;
    }
    let norm = total(sum).sqrt();
    if UNIT_POS_X == 0 {
        scale[0] = select(norm > limit, limit / norm, 1.0f32);
    }
}

/// The sum over the units of a cube, pair by pair.
#[cube]
fn total(part: f32) -> f32 {
    let unit = UNIT_POS_X as usize;
    let mut parts = Shared::<[f32]>::new_slice(UNITS);
    parts[unit] = part;
    sync_cube();
    let mut half = comptime!(UNITS / 2).runtime();
    while half > 0 {
        if unit < half {
            parts[unit] = parts[unit] + parts[unit + half];
        }
        sync_cube();
        half /= 2;
    }
    parts[0]
}
