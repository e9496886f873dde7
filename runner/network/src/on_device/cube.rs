//! Between Burn's tensors and the buffers that kernels take.

use burn::cubecl;
use burn::tensor::{DType, Tensor};
use burn_cubecl::CubeBackend;
use burn_cubecl::kernel::{cast, into_contiguous};
use burn_cubecl::tensor::CubeTensor;
use cubecl::client::Client;
use cubecl::prelude::*;
use cubecl::server::Handle;

use crate::error::NetworkError;

/// Units per cube of kernels that work on one element each.
const UNITS: u32 = 256;

/// The values of a tensor as they lie on a GPU: `f32`, row by row.
///
/// # Errors
///
/// [`NetworkError::Bug`] where the tensor lies elsewhere, or is tracked by autodiff.
pub(crate) fn cube<const D: usize>(tensor: Tensor<D>) -> Result<CubeTensor, NetworkError> {
    let tensor = tensor
        .try_into_primitive::<CubeBackend>()
        .map_err(|error| NetworkError::Bug(format!("not a tensor of a GPU: {error:?}")))?;
    Ok(match tensor.dtype {
        DType::F32 => into_contiguous(tensor),
        _ => into_contiguous(cast(tensor, DType::F32)),
    })
}

/// The tensor of some values.
pub(crate) fn tensor<const D: usize>(values: CubeTensor) -> Tensor<D> {
    Tensor::from_primitive::<CubeBackend>(values)
}

/// Room for values on the device of another tensor.
pub(crate) fn room<const D: usize>(like: &CubeTensor, shape: [usize; D]) -> CubeTensor {
    let bytes = shape.iter().product::<usize>() * size_of::<f32>();
    let handle = like.client.empty(bytes.max(size_of::<f32>()));
    let (client, device) = (like.client.clone(), like.device.clone());
    CubeTensor::new_contiguous(client, device, shape.into(), handle, DType::F32)
}

/// Words that travel to the device.
pub(crate) fn words(client: &Client, words: &[u32]) -> BufferArg {
    // A buffer of nothing has no address.
    let some = if words.is_empty() { &[0][..] } else { words };
    let handle = client.create_from_slice(bytemuck::cast_slice(some));
    buffer(handle, some.len())
}

/// All of a buffer of values of four bytes.
#[expect(unsafe_code, reason = "the length is that of the buffer")]
pub(crate) fn buffer(handle: Handle, length: usize) -> BufferArg {
    // SAFETY: callers pass the length that the buffer was made with.
    unsafe { BufferArg::from_raw_parts(handle, length) }
}

/// How many cubes of how many units a kernel of one unit per element is launched with.
pub(crate) fn each(client: &Client, units: usize) -> (CubeCount, CubeDim) {
    let dim = CubeDim::new_1d(UNITS);
    (cubecl::calculate_cube_count_elemwise(client, units, dim), dim)
}
