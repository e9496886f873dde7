//! The instruction sets, and how to run code that is compiled for each of them.

mod limit;

use crate::lanes::{Lanes, Portable};
#[cfg(target_arch = "x86_64")]
use crate::lanes::{
    matrix_unit::MatrixUnit,
    rounded::{Pairs, RoundedUnit},
    x86::Wide,
};
use crate::shape::ConvShape;

pub use limit::{Limit, LimitError};

/// What the factors of products are rounded to. Sums are always `f32`, as is all that is not a
/// product of a matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Precision {
    /// Not at all.
    #[default]
    F32,
    /// Eight significant bits, to nearest, ties to even.
    Bf16,
}

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
    /// AVX-512 with products of [`Precision::Bf16`].
    Avx512Bf16,
    /// A matrix unit with products of [`Precision::Bf16`].
    AmxBf16,
}

/// Input channels × output channels from which a matrix unit pays off, measured on VGG16's layers.
const UNIT_PRODUCTS: usize = 128 * 128;

impl Isa {
    /// This processor's best.
    #[must_use]
    pub fn best() -> Self {
        Self::best_in(Precision::F32)
    }

    /// This processor's best in this precision, or in a higher one where there are no such products.
    #[must_use]
    pub fn best_in(precision: Precision) -> Self {
        let all = Self::available();
        let best = all.iter().rev().find(|isa| isa.precision() == precision);
        let best = best.or_else(|| all.iter().rev().find(|isa| isa.precision() == Precision::F32));
        best.copied().unwrap_or(Self::Portable)
    }

    /// This processor's best for a convolution of this shape. A matrix unit is left out
    /// where there are few channels: it would mostly wait for memory.
    #[must_use]
    pub fn suited(shape: ConvShape, precision: Precision) -> Self {
        let is_small = shape.input.channels * shape.outputs < UNIT_PRODUCTS;
        match Self::best_in(precision) {
            Self::Amx if is_small => Self::Avx512,
            Self::AmxBf16 if is_small => Self::available()
                .into_iter()
                .find(|isa| *isa == Self::Avx512Bf16)
                .unwrap_or(Self::AmxBf16),
            best => best,
        }
    }

    /// What the factors of its products are rounded to.
    #[must_use]
    pub fn precision(self) -> Precision {
        match self {
            Self::Avx512Bf16 | Self::AmxBf16 => Precision::Bf16,
            Self::Portable | Self::Avx2 | Self::Avx512 | Self::Amx => Precision::F32,
        }
    }

    /// Its vectors, for what a matrix unit does not do.
    pub(crate) fn without_unit(self) -> Self {
        match self {
            Self::Portable | Self::Avx2 => self,
            Self::Avx512 | Self::Amx | Self::Avx512Bf16 | Self::AmxBf16 => Self::Avx512,
        }
    }

    /// Whether it has vectors of sixteen values.
    #[cfg(target_arch = "x86_64")]
    fn is_wide(self) -> bool {
        !matches!(self, Self::Portable | Self::Avx2)
    }

    /// All that this processor supports and `RUNNER_ISA` leaves, slowest first.
    #[must_use]
    pub fn available() -> Vec<Self> {
        let mut sets = Self::supported();
        if let Ok(Some(limit)) = Limit::of_environment() {
            let count = sets.iter().position(|isa| *isa == limit.isa());
            sets.truncate(count.map_or(sets.len(), |last| last + 1));
        }
        sets
    }

    /// All that this processor supports, slowest first.
    pub(crate) fn supported() -> Vec<Self> {
        #[cfg_attr(
            not(target_arch = "x86_64"),
            expect(unused_mut, reason = "other processors have one set")
        )]
        let mut sets = vec![Self::Portable];
        #[cfg(target_arch = "x86_64")]
        {
            sets.extend(pulp::x86::V3::try_new().map(|_| Self::Avx2));
            if pulp::x86::V4::try_new().is_some() {
                sets.push(Self::Avx512);
                sets.extend(MatrixUnit::try_new().map(|_| Self::Amx));
                sets.extend(Pairs::try_new().map(|_| Self::Avx512Bf16));
                sets.extend(RoundedUnit::try_new().map(|_| Self::AmxBf16));
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

/// Runs `run` on `isa` with products of `f32`, or on a lesser instruction set where this processor
/// lacks it.
#[cfg_attr(
    not(target_arch = "x86_64"),
    expect(unused_variables, reason = "other processors have one set")
)]
pub fn with_lanes(isa: Isa, run: impl RunLanes) {
    #[cfg(target_arch = "x86_64")]
    {
        if let (true, Some(lanes)) = (isa.is_wide(), pulp::x86::V4::try_new()) {
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

/// The same with products of [`Precision::Bf16`] where `isa` has them.
#[cfg_attr(
    not(target_arch = "x86_64"),
    expect(unused_variables, reason = "other processors have one set")
)]
pub fn with_rounded_lanes(isa: Isa, run: impl RunLanes) {
    #[cfg(target_arch = "x86_64")]
    if let Some(lanes) = pulp::x86::V4::try_new() {
        if let (Isa::AmxBf16, Some(unit)) = (isa, RoundedUnit::try_new()) {
            return run.run(Wide(lanes, unit));
        }
        if let (Isa::AmxBf16 | Isa::Avx512Bf16, Some(pairs)) = (isa, Pairs::try_new()) {
            return run.run(Wide(lanes, pairs));
        }
    }
    run.run(Portable);
}
