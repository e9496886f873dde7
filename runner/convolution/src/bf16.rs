//! Whether there are products of bfloat16.

use crate::isa::{Isa, Precision};

/// Whether this processor multiplies bfloat16: AVX512-BF16, beside which there may be a matrix unit
/// (AMX-BF16) that the system lets programs use.
#[must_use]
pub fn available() -> bool {
    Isa::best_in(Precision::Bf16).precision() == Precision::Bf16
}
