//! Pictures: from pixels to files.

pub mod grid;

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
        .map_err(|error| ResultsError::Picture(error.to_string()))?;
    Ok(bytes.into_inner())
}
