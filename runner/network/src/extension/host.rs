//! Tensors of the CPU and the memory that their values lie in.

use burn::backend::Flex;
use burn::backend::tensor::FloatTensor;
use burn::tensor::TensorData;
use runner_convolution::{Extent, Layout, buffer};

/// A tensor of the CPU.
pub(super) type Host = FloatTensor<Flex>;

/// Calls `f` with the values in their layout; no copy where they lie that way.
pub(super) fn with<R>(tensor: &Host, f: impl FnOnce(&[f32]) -> R) -> R {
    match tensor.as_slice::<f32>() {
        Some(values) => f(values),
        None => f(tensor.to_contiguous().storage::<f32>()),
    }
}

/// A batch of maps as a tensor.
pub(super) fn map(values: Vec<f32>, images: usize, extent: Extent, layout: Layout) -> Host {
    let Extent { channels, height, width } = extent;
    let shape = match layout {
        Layout::Nchw => [images, channels, height, width],
        Layout::Nchw16c => {
            let pixels = height * width;
            [images, extent.blocks(), pixels, extent.values(layout) / extent.blocks() / pixels]
        }
    };
    Host::from_data(TensorData::new(values, shape))
}

/// Keeps the memory of a tensor that nobody else holds, for the next layer.
pub(super) fn reclaim(tensor: Host) {
    if tensor.is_unique()
        && let Ok(values) = tensor.into_data().try_into_vec::<f32>()
    {
        buffer::give(values);
    }
}
