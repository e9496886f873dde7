//! The instruction sets, and how to run code that is compiled for each of them.

use crate::lanes::{Lanes, Portable};
#[cfg(target_arch = "x86_64")]
use crate::lanes::{matrix_unit::MatrixUnit, x86::Wide};
use crate::shape::ConvShape;

/// An instruction set that this crate computes with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isa {
    /// The target's baseline: SSE2, NEON.
    Portable,
    /// AVX2 and FMA.
    Avx2,
    /// AVX-512.
    Avx512,
    /// AVX-512 with a matrix unit.
    Amx,
}

impl Isa {
    /// This processor's best.
    #[must_use]
    pub fn best() -> Self {
        Self::available().last().copied().unwrap_or(Self::Portable)
    }

    /// This processor's best for a convolution of this shape. A matrix unit is left out
    /// where there are few channels: it would mostly wait for memory.
    #[must_use]
    pub fn suited(shape: ConvShape) -> Self {
        /// Input channels × output channels from which a matrix unit pays off, measured
        /// on VGG16's layers.
        const PRODUCTS: usize = 128 * 128;
        match Self::best() {
            Self::Amx if shape.input.channels * shape.outputs < PRODUCTS => Self::Avx512,
            best => best,
        }
    }

    /// All that this processor supports, slowest first.
    #[must_use]
    pub fn available() -> Vec<Self> {
        let mut sets = vec![Self::Portable];
        #[cfg(target_arch = "x86_64")]
        {
            sets.extend(pulp::x86::V3::try_new().map(|_| Self::Avx2));
            if pulp::x86::V4::try_new().is_some() {
                sets.push(Self::Avx512);
                sets.extend(MatrixUnit::try_new().map(|_| Self::Amx));
            }
        }
        sets
    }
}

/// Code that is compiled once per instruction set.
pub trait RunLanes {
    /// Runs it on `lanes`.
    fn run<L: Lanes>(self, lanes: L);
}

/// Runs `run` on `isa`, or on a lesser instruction set where this processor lacks it.
pub fn with_lanes(isa: Isa, run: impl RunLanes) {
    #[cfg(target_arch = "x86_64")]
    {
        if let (Isa::Amx | Isa::Avx512, Some(lanes)) = (isa, pulp::x86::V4::try_new()) {
            return match (isa, MatrixUnit::try_new()) {
                (Isa::Amx, Some(unit)) => run.run(Wide(lanes, unit)),
                _ => run.run(Wide(lanes, ())),
            };
        }
        if let (Isa::Avx2, Some(lanes)) = (isa, pulp::x86::V3::try_new()) {
            return run.run(lanes);
        }
    }
    run.run(Portable);
}
