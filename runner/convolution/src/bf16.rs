//! Products of factors in bfloat16, with sums in `f32`: which processors have them.

/// Whether this processor multiplies bfloat16: AMX-BF16 that the system lets programs use, or
/// AVX512-BF16.
#[must_use]
pub fn available() -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        std::is_x86_feature_detected!("avx512bf16") || has_amx()
    }
    #[cfg(not(target_arch = "x86_64"))]
    false
}

/// AMX-BF16 is bit 22 of EDX in leaf 7 of `cpuid` (Intel's Software Developer's Manual, volume 2A).
#[cfg(target_arch = "x86_64")]
fn has_amx() -> bool {
    use std::arch::x86_64::{__cpuid, __cpuid_count};
    const LEAF: u32 = 7;
    const AMX_BF16: u32 = 1 << 22;
    let has_unit = crate::Isa::available().contains(&crate::Isa::Amx);
    has_unit && __cpuid(0).eax >= LEAF && __cpuid_count(LEAF, 0).edx & AMX_BF16 != 0
}
