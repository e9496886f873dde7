//! What flows between layers, per image.

use std::fmt;

/// What comes out of a layer, per image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A feature map.
    Map {
        /// Height in pixels.
        height: usize,
        /// Width in pixels.
        width: usize,
        /// Number of channels.
        channels: usize,
    },
    /// A vector of this many values.
    Vector(usize),
}

impl Shape {
    /// How many values that is.
    #[must_use]
    pub fn elements(self) -> usize {
        match self {
            Self::Map { height, width, channels } => height * width * channels,
            Self::Vector(length) => length,
        }
    }

    /// The last dimension: channels of a map, length of a vector.
    #[must_use]
    pub fn channels(self) -> usize {
        match self {
            Self::Map { channels, .. } => channels,
            Self::Vector(length) => length,
        }
    }

    /// Height and width of a map; a vector is one pixel.
    #[must_use]
    pub fn size(self) -> [usize; 2] {
        match self {
            Self::Map { height, width, .. } => [height, width],
            Self::Vector(_) => [1, 1],
        }
    }

    /// With another last dimension.
    #[must_use]
    pub fn with_channels(self, channels: usize) -> Self {
        match self {
            Self::Map { height, width, .. } => Self::Map { height, width, channels },
            Self::Vector(_) => Self::Vector(channels),
        }
    }
}

/// Keras's order: `(height, width, channels)` or `(length)`.
impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Map { height, width, channels } => write!(f, "({height}, {width}, {channels})"),
            Self::Vector(length) => write!(f, "({length})"),
        }
    }
}
