//! How layers are computed on GPUs: kernels by rule, with no trials.
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
//! | `image` | images that are changed, mixed and preprocessed on the card |
//! | `launch` | memory, views, how many cubes |
//!
//! Maps are `[image, channel, row, column]` and lie in memory with the channel changing fastest: each
//! layer writes them that way and the next one reads them that way, so that no copies are in between.

mod accelerated;
mod arranged;
mod convolution;
mod dense;
mod epilogue;
mod extension;
mod gradient;
pub mod image;
mod kernel;
pub(crate) mod launch;
pub(crate) mod layers;
mod product;
mod rule;
mod sound;
#[cfg(feature = "autotune")]
mod tuned;
mod windows;

#[cfg(test)]
mod tests;

pub use extension::Layers;
pub use kernel::activation::Function;
pub use product::Geometry;
pub use rule::{Rule, fused};
pub(crate) use sound::require_sound;
