//! Sizes and memory layouts of feature maps, and the shape of a convolution.

use crate::values::WIDTH;

/// Inputs of at most this many channels are convolved directly, and their layout is always
/// NCHW.
pub const DIRECT_CHANNELS: usize = 4;

/// How a batch of maps lies in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// `[image, channel, height, width]`, as in Burn and PyTorch.
    Nchw,
    /// `[image, channel / 16, height, width, 16]`: blocks of sixteen channels. Channels that are
    /// missing from the last block are zero.
    Nchw16c,
}

impl Layout {
    /// The layout of maps with this many channels between two convolutions.
    #[must_use]
    pub fn between(channels: usize) -> Self {
        if channels > DIRECT_CHANNELS { Self::Nchw16c } else { Self::Nchw }
    }
}

/// Channels, height and width of one map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// Number of channels.
    pub channels: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

impl Extent {
    /// Number of blocks of sixteen channels, the last of which may be incomplete.
    #[must_use]
    pub fn blocks(self) -> usize {
        self.channels.div_ceil(WIDTH)
    }

    /// Number of values in one map, without padding channels.
    #[must_use]
    // An extent is a size, not a container.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(self) -> usize {
        self.channels * self.height * self.width
    }

    /// The size after a 2×2 maximum with stride 2, which drops an odd last row or column.
    #[must_use]
    pub fn pooled(self) -> Self {
        Self { height: self.height / 2, width: self.width / 2, ..self }
    }

    /// Number of values that one map takes in this layout, padding channels included.
    #[must_use]
    pub fn values(self, layout: Layout) -> usize {
        let channels = match layout {
            Layout::Nchw => self.channels,
            Layout::Nchw16c => self.blocks() * WIDTH,
        };
        channels * self.height * self.width
    }
}

/// The sizes of a 3×3 convolution with stride 1.
#[derive(Debug, Clone, Copy)]
pub struct ConvShape {
    /// Maps in the batch.
    pub images: usize,
    /// The size of each map that goes in.
    pub input: Extent,
    /// Number of output channels.
    pub outputs: usize,
    /// Rows and columns of zeros on each side of the map: 0 or 1.
    pub padding: usize,
}

impl ConvShape {
    /// The size of each map that comes out.
    #[must_use]
    pub fn output(&self) -> Extent {
        let side = |length: usize| length + 2 * self.padding - 2;
        Extent {
            channels: self.outputs,
            height: side(self.input.height),
            width: side(self.input.width),
        }
    }
}

/// What happens to the sums of a convolution before they are written.
#[derive(Debug, Clone, Copy, Default)]
pub struct Epilogue<'a> {
    /// Added to the sums, one value per output channel.
    pub bias: Option<&'a [f32]>,
    /// Whether sums below zero become zero, after the bias was added.
    pub relu: bool,
}
