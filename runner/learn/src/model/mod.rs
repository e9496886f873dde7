//! The network: layers in order, their parameters, and where these come from.

pub mod convolution;
pub mod export;
mod extension;
pub mod inference;
pub mod initial;
pub mod network;
pub mod parameter;
pub mod saved;
pub mod weights;
