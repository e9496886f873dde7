//! Photos with text below them.

use image::{RgbImage, imageops};

use super::grid::{self, PAPER};
use super::text;

/// Height and width of a photo, its shape kept.
const SIDE: u32 = 180;
/// Size of the text below, in pixels.
const SIZE: f32 = 13.0;
const LINE: u32 = 16;

/// Photos in rows of `columns`, each with its lines.
#[must_use]
pub fn picture(photos: &[(RgbImage, Vec<String>)], columns: usize) -> RgbImage {
    let tiles: Vec<RgbImage> = photos.iter().map(|(photo, lines)| tile(photo, lines)).collect();
    let rows: Vec<Vec<RgbImage>> = tiles.chunks(columns.max(1)).map(<[RgbImage]>::to_vec).collect();
    grid::grid(&rows, 6)
}

fn tile(photo: &RgbImage, lines: &[String]) -> RgbImage {
    let longest = photo.width().max(photo.height()).max(1);
    let side = |length: u32| (length * SIDE / longest).max(1);
    let (width, height) = (side(photo.width()), side(photo.height()));
    let small = imageops::resize(photo, width, height, imageops::FilterType::Triangle);
    let below = LINE * u32::try_from(lines.len()).unwrap_or(0);
    let mut tile = RgbImage::from_pixel(SIDE, SIDE + below, PAPER);
    let middle = |length: u32| i64::from((SIDE - length) / 2);
    imageops::replace(&mut tile, &small, middle(width), middle(height));
    for (y, line) in (SIDE..).step_by(LINE as usize).zip(lines) {
        text::write(&mut tile, 2, y, SIZE, line);
    }
    tile
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;

    #[test]
    fn photos_keep_their_shape() {
        let wide = RgbImage::from_pixel(360, 90, Rgb([7; 3]));
        let picture = picture(&[(wide, vec!["cats".to_owned()])], 4);
        assert_eq!(picture.dimensions(), (192, 208));
        let of_photo = picture.pixels().filter(|pixel| pixel.0 == [7; 3]).count();
        assert_eq!(of_photo, 180 * 45);
    }
}
