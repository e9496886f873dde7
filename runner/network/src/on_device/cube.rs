//! Between Burn's tensors and the buffers that kernels take.

use burn::cubecl::client::Client;
use burn::cubecl::prelude::*;
use burn::cubecl::server::Handle;
use burn::tensor::{DType, Tensor};
use burn_cubecl::CubeBackend;
use burn_cubecl::kernel::{cast, into_contiguous};
use burn_cubecl::tensor::CubeTensor;

use crate::error::NetworkError;
use crate::gpu::launch::empty;

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

/// Room for `f32` values on the device of another tensor.
pub(crate) fn room<const D: usize>(like: &CubeTensor, shape: [usize; D]) -> CubeTensor {
    empty(like, shape, DType::F32)
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
