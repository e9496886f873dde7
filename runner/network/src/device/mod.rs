//! Which device computes, and in which precision.
//!
//! | module | what |
//! |---|---|
//! | `kind` | CPU, CUDA, Vulkan |
//! | `hardware` | what is known of a device before anything is computed on it |
//! | `host`, `cuda`, `vulkan` | the devices of each kind |
//! | `found` | one that can be asked to compute |
//! | `nvidia` | whether an NVIDIA driver is installed |
//! | `list` | all devices of this machine, and what is missing |
//! | `error` | why a device cannot be had |
//! | `precision` | what a device can compute in, and what it computes in by default |
//! | `select` | from what is asked for to a device that answers |
//! | `compute` | that device |
//! | `memory` | what a full memory looks like |
//! | `kernels` | where compiled kernels are kept |
//! | `libdevice` | the part of the CUDA toolkit that kernels need |
//!
//! With the manifest, the only place that knows about the features of the build.

mod compute;
#[cfg(feature = "cuda")]
mod cuda;
mod error;
mod found;
mod hardware;
mod host;
pub mod kernels;
mod kind;
pub mod libdevice;
pub mod list;
pub mod memory;
pub mod nvidia;
mod precision;
mod select;
#[cfg(feature = "vulkan")]
mod vulkan;

pub use compute::Compute;
pub use error::DeviceError;
pub use found::Found;
pub use hardware::Hardware;
pub use kind::DeviceKind;
pub use runner_convolution::{Limit, LimitError};
pub use runner_experiment::section::run::Precision;
pub use select::{Wanted, available, select};
