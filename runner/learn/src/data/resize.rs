//! Resizing: Pillow's bilinear.
//!
//! Pillow's `resize(size, BILINEAR)` widens the triangle filter when it shrinks an image, so that
//! every source pixel counts (antialiasing). The same convolution is used here, for both
//! directions and always, because the reference pipeline does it; OpenCV's and TensorFlow's plain
//! bilinear skip pixels and look different.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};

use super::decode::{ImageProblem, Pixels};

/// Resizes to `[height, width]`; an image of that size already comes back as it is.
///
/// # Errors
///
/// [`ImageProblem::Damaged`] where the pixels do not fill their own size.
pub fn resize(pixels: Pixels, size: [usize; 2]) -> Result<Pixels, ImageProblem> {
    let [height, width] = size;
    if (pixels.height, pixels.width) == (height, width) {
        return Ok(pixels);
    }
    let damaged = |error: &dyn std::fmt::Display| ImageProblem::Damaged(error.to_string());
    let side = |length: usize| u32::try_from(length).map_err(|error| damaged(&error));
    let source =
        ImageRef::new(side(pixels.width)?, side(pixels.height)?, &pixels.rgb, PixelType::U8x3)
            .map_err(|error| damaged(&error))?;
    let mut target = Image::new(side(width)?, side(height)?, PixelType::U8x3);
    let bilinear = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
    Resizer::new().resize(&source, &mut target, &bilinear).map_err(|error| damaged(&error))?;
    Ok(Pixels { height, width, rgb: target.into_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shrinking_averages_every_pixel() -> Result<(), ImageProblem> {
        // Pillow 12: Image.new("L", (4, 1)) with 0, 80, 160, 240, resized to (2, 1) by BILINEAR,
        // gives 57, 183: weights 3/7, 3/7, 1/7 and 1/7, 3/7, 3/7.
        let rgb = [0, 80, 160, 240].into_iter().flat_map(|v| [v; 3]).collect();
        let small = resize(Pixels { height: 1, width: 4, rgb }, [1, 2])?;
        assert_eq!(small.rgb, [57, 57, 57, 183, 183, 183]);
        Ok(())
    }
}
