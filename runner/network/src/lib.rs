//! The network: layers with their parameters on Burn, and where these come from.
//!
//! Knows no image file and no training: values come in, values go out.

mod about;
mod alive;
pub mod allocator;
mod cause;
pub mod device;
pub mod error;
pub mod export;
mod extension;
pub mod flow;
#[cfg(feature = "gpu")]
pub mod gpu;
mod implementation;
pub mod inference;
pub mod initial;
pub mod network;
pub mod on_device;
pub mod onnx;
pub mod op;
pub mod parameter;
pub mod reading;
pub mod saved;
pub mod warm;
pub mod weights;

pub use device::Compute;
pub use error::NetworkError;
pub use flow::Flow;
pub use network::Network;
pub use op::Training;
