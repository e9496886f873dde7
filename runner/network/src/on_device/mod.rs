//! What training computes on a GPU beside the layers: masks, losses, mixtures, steps, and how their
//! results come back.
//!
//! Every build has these functions. Each file holds one, and with the feature `gpu` the kernel that it
//! launches. In a build without that feature no device but the CPU can be selected, so that nobody
//! calls them; they say so.

#[cfg(feature = "gpu")]
pub(crate) mod cube;
pub mod dropout;
pub mod ledger;
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
