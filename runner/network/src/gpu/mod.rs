//! This project's kernels for GPUs, with no trials: what decides how a layer is computed is a rule.
//!
//! | module | what |
//! |---|---|
//! | `rule` | what decides how a layer is computed |
//! | `extension` | the operations, for Burn's GPU backend and for its gradients |
//! | `gradient` | what they send back |
//! | `convolution` | which kernel computes a convolution |
//! | `accelerated` | convolutions on matrix units, by CubeK |
//! | `product`, `dense` | exact products: convolutions and fully connected layers |
//! | `tuned` | convolutions by Burn's trials, where asked for |
//! | `windows` | convolutions in groups, the largest value of windows |
//! | `epilogue` | bias and activation |
//! | `kernel` | the kernels themselves |
//! | `layers` | the operations as functions of tensors |
//! | `arranged` | values in another order and type |
//! | `sound` | whether a device computes what it is told to |
//! | `launch` | memory, views, how many cubes |
//! | `dropout`, `loss`, `mix`, `optimizer`, `readback` | the rest of a training step |
//!
//! Maps are `[image, channel, row, column]` and lie in memory with the channel changing fastest: each
//! layer writes them that way and the next one reads them that way, so that no copies are in between.
//!
//! A build without the feature `gpu` has the functions of a training step, which say so: no device but
//! the CPU can be selected there, so that nobody calls them.

#[cfg(feature = "gpu")]
mod accelerated;
#[cfg(feature = "gpu")]
mod arranged;
#[cfg(feature = "gpu")]
mod convolution;
#[cfg(feature = "gpu")]
mod dense;
#[cfg(feature = "gpu")]
mod epilogue;
#[cfg(feature = "gpu")]
mod extension;
#[cfg(feature = "gpu")]
mod gradient;
#[cfg(feature = "gpu")]
mod kernel;
#[cfg(feature = "gpu")]
mod launch;
#[cfg(feature = "gpu")]
pub(crate) mod layers;
#[cfg(feature = "gpu")]
mod product;
#[cfg(feature = "gpu")]
mod rule;
#[cfg(feature = "gpu")]
mod sound;
#[cfg(feature = "autotune")]
mod tuned;
#[cfg(feature = "gpu")]
mod windows;

#[cfg(all(test, feature = "gpu"))]
mod tests;

#[cfg(feature = "gpu")]
pub use extension::Layers;
#[cfg(feature = "gpu")]
pub use kernel::activation::Function;
#[cfg(feature = "gpu")]
pub use product::Geometry;
#[cfg(feature = "gpu")]
pub use rule::{Rule, fused};
#[cfg(feature = "gpu")]
pub(crate) use sound::require_sound;

#[cfg(feature = "gpu")]
pub(crate) mod cube;
pub mod dropout;
pub mod loss;
pub mod mix;
pub mod optimizer;
pub mod readback;

/// Runs the first block in a build with the feature `gpu`; in others the names are not used.
macro_rules! with_gpu {
    (($($unused:expr),* $(,)?) $body:block) => {{
        #[cfg(feature = "gpu")]
        {
            $body
        }
        #[cfg(not(feature = "gpu"))]
        {
            let _ = ($(&$unused),*);
            Err($crate::error::NetworkError::Bug(
                "a build without GPUs has no kernels for them".to_owned(),
            ))
        }
    }};
}
use with_gpu;

/// A set of features of at most so many bytes is kept on a GPU.
const RESIDENT_BYTES: usize = 1 << 30;

/// Whether a set of features of so many bytes is to be kept on the device, as one tensor.
#[must_use]
pub fn fits(bytes: usize, device: &burn::tensor::Device) -> bool {
    #[cfg(feature = "gpu")]
    if let Ok(any) = cube::cube(burn::tensor::Tensor::<1>::empty([1], device)) {
        let largest = any.client.properties().memory.max_page_size;
        return bytes <= RESIDENT_BYTES && bytes as u64 <= largest;
    }
    let _ = device;
    bytes <= RESIDENT_BYTES
}
