//! The network: layers in order, their parameters, and where these come from.

mod buffer;
pub mod convolution;
pub mod export;
pub mod initial;
pub mod network;
pub mod parameter;
pub mod weights;
