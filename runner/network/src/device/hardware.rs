//! What is known of a device before anything is computed on it.

/// What is known of a device before anything is computed on it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hardware {
    /// As the maker calls it: `NVIDIA H100 80GB HBM3`.
    pub name: String,
    /// Bytes of its memory.
    pub memory: Option<u64>,
    /// The version of its driver.
    pub driver: Option<String>,
    /// NVIDIA's compute capability, major and minor.
    pub capability: Option<(u32, u32)>,
    /// Whether it is a program that computes on the CPU what a GPU would.
    pub is_software: bool,
    /// Cores that this process may use, of the CPU.
    pub cores: Option<usize>,
    /// Instruction sets that the kernels use, of the CPU.
    pub instructions: Vec<String>,
}
