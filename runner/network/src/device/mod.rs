//! Which device computes, and in which precision.
//!
//! | module | what |
//! |---|---|
//! | `error` | why a device cannot be had |
//! | `select` | from what is asked for to a device that answers |
//!
//! The only folder that knows about the features of the build.

mod error;
mod select;

use burn::tensor::Device;
pub use runner_experiment::section::run::Precision;

pub use error::DeviceError;
pub use select::{Wanted, available, select};

/// What kind of device computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DeviceKind {
    /// This process's processor.
    Cpu,
    /// An NVIDIA GPU.
    Cuda,
    /// A GPU by Vulkan.
    Vulkan,
}

impl DeviceKind {
    /// `cpu`, `cuda` or `vulkan`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
            Self::Vulkan => "vulkan",
        }
    }
}

/// A device that answered, and how it computes.
#[derive(Debug, Clone)]
pub struct Compute {
    /// Where tensors live; without autodiff.
    pub device: Device,
    /// What kind of device this is.
    pub kind: DeviceKind,
    /// Which one of its kind, from 0.
    pub index: usize,
    /// What products are computed in.
    pub precision: Precision,
    /// Whether the fastest kernels are found out by trial.
    pub autotune: bool,
}

impl Compute {
    /// Whether tensor data lies in this process's memory, so that reading it costs nothing.
    #[must_use]
    pub fn is_host(&self) -> bool {
        self.kind == DeviceKind::Cpu
    }

    /// `cpu`, `cuda:1`, `vulkan:0`.
    #[must_use]
    pub fn name(&self) -> String {
        match self.kind {
            DeviceKind::Cpu => "cpu".to_owned(),
            kind => format!("{}:{}", kind.as_str(), self.index),
        }
    }

    /// The CPU with exact `f32`, which is always there.
    #[must_use]
    pub fn cpu() -> Self {
        Self {
            device: Device::flex(),
            kind: DeviceKind::Cpu,
            index: 0,
            precision: Precision::F32,
            autotune: false,
        }
    }
}
