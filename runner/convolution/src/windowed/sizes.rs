//! The sizes of a convolution with windows of any size.

use crate::graph::Windows;
use crate::isa::Isa;
use crate::shape::{DIRECT_CHANNELS, Extent};

/// A convolution of a batch of NCHW maps over all channels, whose products are of `f32`.
#[derive(Debug, Clone, Copy)]
pub struct Windowed {
    /// Maps in the batch.
    pub images: usize,
    /// The size of each map that goes in.
    pub input: Extent,
    /// Number of output channels.
    pub outputs: usize,
    /// The windows.
    pub windows: Windows,
    /// The instruction set to compute with.
    pub isa: Isa,
}

impl Windowed {
    /// Whether a convolution of this size can be computed: more than four channels go in, and no
    /// size is zero.
    #[must_use]
    pub fn takes(images: usize, input: Extent, outputs: usize, windows: &Windows) -> bool {
        let [height, width] = windows.places;
        input.channels > DIRECT_CHANNELS
            && images * input.len() * outputs * windows.taps() * height * width > 0
    }

    /// The size of each map that comes out.
    #[must_use]
    pub fn output(&self) -> Extent {
        let [height, width] = self.windows.places;
        Extent { channels: self.outputs, height, width }
    }
}
