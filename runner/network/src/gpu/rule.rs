//! What decides how a layer is computed on a GPU.

use burn::tensor::DType;
use runner_experiment::architecture::Activation;

use super::kernel::activation::Function;
use crate::device::{Compute, Precision};

/// How products are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rule {
    /// What factors are rounded to.
    pub precision: Precision,
    /// Whether Burn finds out by trial which kernel is the fastest. Not for exact `f32`: its trials
    /// include kernels that round factors to TF32.
    pub autotune: bool,
}

impl Rule {
    /// How this device computes; `None` for the CPU.
    #[must_use]
    pub fn of(compute: &Compute) -> Option<Self> {
        let Compute { precision, autotune, .. } = *compute;
        (!compute.is_host()).then_some(Self { precision, autotune })
    }

    /// The type of maps between layers.
    #[must_use]
    pub fn map_type(self) -> DType {
        match self.precision {
            Precision::F32 | Precision::Tf32 => DType::F32,
            Precision::Bf16 => DType::BF16,
        }
    }

    /// Whether factors may be rounded, so that matrix units can be used.
    #[must_use]
    pub fn rounds(self) -> bool {
        self.precision != Precision::F32
    }
}

/// The activation as a part of the kernel before it, where there is such a part.
#[must_use]
pub fn fused(activation: Activation) -> Option<Function> {
    match activation {
        Activation::Linear => Some(Function::Linear),
        Activation::Relu => Some(Function::Relu),
        Activation::Relu6 => Some(Function::Relu6),
        Activation::Sigmoid
        | Activation::Swish
        | Activation::HardSwish
        | Activation::HardSigmoid
        | Activation::Gelu
        | Activation::Softmax => None,
    }
}
