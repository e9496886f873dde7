//! CPU, CUDA, Vulkan.

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

    /// What one of them is called: `cpu`, `cuda:1`, `vulkan:0`.
    #[must_use]
    pub fn name(self, index: usize) -> String {
        match self {
            Self::Cpu => "cpu".to_owned(),
            kind => format!("{}:{index}", kind.as_str()),
        }
    }
}
