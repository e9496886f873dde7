//! Two images of a batch in one, on the GPU: MixUp and CutMix as `runner_data::mixing` has them.

use std::ops::Range;

use super::with_gpu;
use crate::error::NetworkError;
use crate::flow::Flow;

/// How a batch is mixed.
#[derive(Debug, Clone)]
pub struct Mixed<'a> {
    /// For each row its partner.
    pub partners: &'a [usize],
    /// The partner's share, where the whole is mixed.
    pub share: f64,
    /// Rows and columns of a map that come from the partner.
    pub region: Option<[Range<usize>; 2]>,
}

/// The mixed batch.
///
/// # Errors
///
/// [`NetworkError::Bug`] in a build without GPUs, or where a row has no partner.
pub fn mix(flow: Flow, how: &Mixed<'_>) -> Result<Flow, NetworkError> {
    let rows = match &flow {
        Flow::Map(map) => map.dims()[0],
        Flow::Vector(vector) => vector.dims()[0],
    };
    if rows != how.partners.len() || how.partners.iter().any(|partner| *partner >= rows) {
        return Err(NetworkError::Bug("a batch and its partners do not fit".to_owned()));
    }
    with_gpu!((flow, how) {
        Ok(match flow {
            Flow::Map(map) => {
                let [_, _, height, width] = map.dims();
                Flow::Map(kernel::launch(map, how, [height, width])?)
            }
            Flow::Vector(vector) => {
                let whole = Mixed { region: None, ..how.clone() };
                Flow::Vector(kernel::launch(vector, &whole, [1, 1])?)
            }
        })
    })
}

#[cfg(feature = "gpu")]
mod kernel {
    use burn::cubecl;
    use burn::tensor::Tensor;
    use cubecl::prelude::*;

    use super::Mixed;
    use crate::error::NetworkError;
    use crate::gpu::launch::per_value;
    use crate::on_device::cube::{cube, room, tensor, words};

    pub(super) fn launch<const D: usize>(
        values: Tensor<D>,
        how: &Mixed<'_>,
        [height, width]: [usize; 2],
    ) -> Result<Tensor<D>, NetworkError> {
        let dims = values.dims();
        let values = cube(values)?;
        let out = room(&values, dims);
        let (count, rows): (usize, usize) = (dims.iter().product(), dims[0]);
        let client = values.client.clone();
        let (cubes, dim) = per_value(&client, count);
        let partners: Vec<u32> = how.partners.iter().map(|partner| *partner as u32).collect();
        let [down, across] = how.region.clone().unwrap_or([0..0, 0..0]);
        if count > 0 {
            mixed::launch(
                &client,
                cubes,
                dim,
                values.into_buffer_arg(),
                words(&client, &partners),
                out.clone().into_buffer_arg(),
                count,
                count / rows,
                PlaceLaunch::new(height, width, down.start, down.end, across.start, across.end),
                how.share as f32,
                how.region.is_some(),
            );
        }
        Ok(tensor(out))
    }

    /// A region of a map.
    #[derive(CubeType, CubeLaunch, Clone, Copy)]
    struct Place {
        height: usize,
        width: usize,
        top: usize,
        bottom: usize,
        left: usize,
        right: usize,
    }

    /// One value per unit.
    #[cube(launch)]
    fn mixed(
        values: &[f32],
        partners: &[u32],
        out: &mut [f32],
        count: usize,
        length: usize,
        place: Place,
        share: f32,
        #[comptime] cut: bool,
    ) {
        if ABSOLUTE_POS >= count {
            terminate!();
        }
        let value = values[ABSOLUTE_POS];
        let inside = ABSOLUTE_POS % length;
        let other = values[partners[ABSOLUTE_POS / length] as usize * length + inside];
        if comptime!(cut) {
            let pixel = inside % (place.height * place.width);
            let (row, column) = (pixel / place.width, pixel % place.width);
            let taken = row >= place.top
                && row < place.bottom
                && column >= place.left
                && column < place.right;
            out[ABSOLUTE_POS] = select(taken, other, value);
        } else {
            out[ABSOLUTE_POS] = value * (1.0f32 - share) + other * share;
        }
    }
}
