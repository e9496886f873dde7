//! A heatmap over its photo.

use image::{Rgb, RgbImage, imageops};
use runner_experiment::section::visualize::Colors;

use super::colour::colour;
use super::{grid, text};

/// Width of the tiles of a sheet; larger photos are scaled down to it.
const SHEET: u32 = 320;

/// The map in colours; `map` is row by row, 0 to 1.
#[must_use]
pub fn coloured(map: &[f32], width: usize, height: usize, colors: Colors) -> RgbImage {
    super::from_rgb(width, height, map.iter().flat_map(|value| colour(colors, *value)).collect())
}

/// The photo with `alpha` of the heatmap added, as in the textbook: what is too bright is cut off.
#[must_use]
pub fn overlaid(photo: &RgbImage, heat: &RgbImage, alpha: f64) -> RgbImage {
    let mut picture = photo.clone();
    for (pixel, heat) in picture.pixels_mut().zip(heat.pixels()) {
        for (level, heat) in pixel.0.iter_mut().zip(heat.0) {
            let sum = f64::from(*level) + alpha * f64::from(heat);
            *level = sum.round().min(255.0) as u8;
        }
    }
    picture
}

/// Photo, heatmap and overlay side by side, with text above.
#[must_use]
pub fn sheet(parts: &[RgbImage], lines: &[String]) -> RgbImage {
    let smaller = |part: &RgbImage| {
        if part.width() <= SHEET {
            return part.clone();
        }
        let height = (part.height() * SHEET / part.width()).max(1);
        imageops::resize(part, SHEET, height, imageops::FilterType::Triangle)
    };
    let row: Vec<RgbImage> = parts.iter().map(smaller).collect();
    text::captioned(&grid::grid(&[row], 4), lines)
}

/// A map in which nothing speaks for the class.
#[must_use]
pub fn nothing(width: u32, height: u32) -> RgbImage {
    let mut picture = RgbImage::from_pixel(width, height, Rgb([200; 3]));
    let line = "nothing speaks for it";
    let left = width.saturating_sub(text::width(text::SIZE, line)) / 2;
    text::write(&mut picture, left, height / 2, text::SIZE, line);
    picture
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_overlay_adds_and_is_cut_off() {
        let photo = RgbImage::from_pixel(1, 1, Rgb([100, 200, 250]));
        let heat = coloured(&[1.0], 1, 1, Colors::Jet);
        assert_eq!(heat.get_pixel(0, 0).0, [128, 0, 0]);
        // 100 + 0.4 · 128
        assert_eq!(overlaid(&photo, &heat, 0.4).get_pixel(0, 0).0, [151, 200, 250]);
        let white = RgbImage::from_pixel(1, 1, Rgb([255; 3]));
        assert_eq!(overlaid(&photo, &white, 1.0).get_pixel(0, 0).0, [255; 3]);
    }
}
