//! Pictures: from numbers to files.
//!
//! | module | what |
//! |---|---|
//! | `colour` | from values to colours |
//! | `text` | words in a picture |
//! | `grid` | pictures side by side |
//! | `channels` | feature maps, one tile per channel |
//! | `heat` | a heatmap over its photo |
//! | `gallery` | photos with their labels |
//! | `confusion` | how often each class is taken for each |
//! | `chart` | curves and points, by plotters |

pub(crate) mod channels;
pub mod chart;
mod colour;
pub(crate) mod confusion;
pub(crate) mod gallery;
pub mod grid;
pub(crate) mod heat;
pub mod text;

use std::io::Cursor;

use image::{ImageFormat, RgbImage};

use crate::ResultsError;

/// A picture as the bytes of a PNG file.
///
/// # Errors
///
/// [`ResultsError::Picture`] where it is larger than PNG can be.
pub fn png(picture: &RgbImage) -> Result<Vec<u8>, ResultsError> {
    let mut bytes = Cursor::new(Vec::new());
    picture
        .write_to(&mut bytes, ImageFormat::Png)
        .map_err(|error| ResultsError::Picture(error.into()))?;
    Ok(bytes.into_inner())
}

/// A picture from RGB bytes; black where there are too few.
#[must_use]
pub fn from_rgb(width: usize, height: usize, rgb: Vec<u8>) -> RgbImage {
    let side = |length: usize| u32::try_from(length).unwrap_or(0);
    let (width, height) = (side(width), side(height));
    RgbImage::from_raw(width, height, rgb).unwrap_or_else(|| RgbImage::new(width, height))
}
