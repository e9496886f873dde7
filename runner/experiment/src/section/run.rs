//! `[run]`: how to execute, never what to compute.

use crate::value::{choice, section};

section! {
    /// How to execute, never what to compute.
    pub struct RunSection {
        /// Where tensors live. Default: `auto`.
        device: DeviceName,
    }
}

choice! {
    /// Where tensors live.
    pub enum DeviceName {
        /// CUDA where it is compiled in and a driver answers, else the CPU.
        Auto = "auto",
        /// The CPU.
        Cpu = "cpu",
        /// An NVIDIA GPU.
        Cuda = "cuda",
        /// A GPU by Vulkan.
        Vulkan = "vulkan",
    }
}
