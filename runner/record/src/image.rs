//! Images as pixels, and what is wrong with some of them.

use std::path::PathBuf;

/// RGB, eight bits, row by row, upright.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pixels {
    /// Height in pixels.
    pub height: usize,
    /// Width in pixels.
    pub width: usize,
    /// `[height, width, 3]`
    pub rgb: Vec<u8>,
}

/// One image that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadImage {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it, in words.
    pub problem: String,
}

/// The darkest and the brightest value of an image of 16 bits per channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ValueRange {
    /// The darkest value of 65535.
    pub low: u16,
    /// The brightest.
    pub high: u16,
}

impl ValueRange {
    /// Whether the picture uses so little of its range that hardly anything is left in 8 bits: data
    /// of 12 bits come out nearly black.
    #[must_use]
    pub fn is_narrow(self) -> bool {
        self.high < u16::MAX / 4
    }
}

/// One picture found in several places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Duplicate {
    /// Every place, in order.
    pub places: Vec<Place>,
}

/// Where a picture is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// `train`, `validation` or `test`.
    pub split: &'static str,
    /// The file.
    pub path: PathBuf,
    /// The name of its class.
    pub class: String,
}

impl Duplicate {
    /// Whether the places are in different splits, so that a score is measured on known images.
    #[must_use]
    pub fn is_leak(&self) -> bool {
        self.places.windows(2).any(|pair| pair[0].split != pair[1].split)
    }

    /// Whether the places are in different classes, so that a label is wrong.
    #[must_use]
    pub fn is_contradiction(&self) -> bool {
        self.places.windows(2).any(|pair| pair[0].class != pair[1].class)
    }
}
