//! Values of sixteen neighbouring channels, as they lie in working memory.

use bytemuck::{Pod, Zeroable};

/// Channels that are computed together.
pub const WIDTH: usize = 16;

/// One value of each of sixteen neighbouring channels, on a cache line.
#[derive(Debug, Clone, Copy, PartialEq, Pod, Zeroable)]
#[repr(C, align(64))]
pub struct Values(pub [f32; WIDTH]);

impl Values {
    /// Sixteen zeros.
    pub const ZERO: Self = Self([0.0; WIDTH]);
}

/// Puts one value per channel into blocks of sixteen, with zeros after the last.
pub fn in_blocks(values: &[f32], blocks: usize) -> Vec<Values> {
    let mut out = vec![Values::ZERO; blocks];
    for (out, values) in out.iter_mut().zip(values.chunks(WIDTH)) {
        out.0[..values.len()].copy_from_slice(values);
    }
    out
}
