//! How large maps are, how they lie in memory, and what is done with them.

use crate::values::WIDTH;

/// Inputs of at most this many channels are convolved directly, and always lie as NCHW.
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
    /// How maps of so many channels lie between two layers.
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
    /// Blocks of sixteen channels.
    #[must_use]
    pub fn blocks(self) -> usize {
        self.channels.div_ceil(WIDTH)
    }

    /// Values of one map.
    #[must_use]
    #[allow(clippy::len_without_is_empty)]
    pub fn len(self) -> usize {
        self.channels * self.height * self.width
    }

    /// After a 2×2 maximum with stride 2: an odd last row or column is dropped.
    #[must_use]
    pub fn pooled(self) -> Self {
        Self { height: self.height / 2, width: self.width / 2, ..self }
    }

    /// Number of values of one map in this layout.
    #[must_use]
    pub fn values(self, layout: Layout) -> usize {
        let channels = match layout {
            Layout::Nchw => self.channels,
            Layout::Nchw16c => self.blocks() * WIDTH,
        };
        channels * self.height * self.width
    }
}

/// What is convolved.
#[derive(Debug, Clone, Copy)]
pub struct ConvShape {
    /// Maps in the batch.
    pub images: usize,
    /// The size of each.
    pub input: Extent,
    /// Channels that come out.
    pub outputs: usize,
    /// Zeros around the map: 0 or 1.
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

/// What happens to the sums on their way out.
#[derive(Debug, Clone, Copy, Default)]
pub struct Epilogue<'a> {
    /// Added to them, one per channel.
    pub bias: Option<&'a [f32]>,
    /// Those below zero become zero.
    pub relu: bool,
}
