//! Names of what computes: part of the address of cached features, since another one rounds differently.

use runner_convolution::Isa;

/// On this CPU.
#[must_use]
pub(crate) fn on_cpu() -> String {
    format!("winograd-5 {:?}, burn-0.22.1", Isa::best())
}

/// The version of the rules and kernels for GPUs.
const RULES: u32 = 1;

/// On GPUs of a kind, `cuda` or `vulkan`.
#[must_use]
pub(crate) fn on_gpu(kind: &str, autotune: bool) -> String {
    let tuned = if autotune { ", autotune" } else { "" };
    format!("{kind} rules {RULES}{tuned}, burn-0.22.1")
}
