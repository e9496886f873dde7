//! Pictures side by side.

use image::{Rgb, RgbImage, imageops};

/// The colour between tiles and around them.
pub(super) const PAPER: Rgb<u8> = Rgb([255; 3]);

/// Rows of tiles, each in the upper left corner of a cell that fits the largest, `margin` pixels
/// apart.
#[must_use]
pub fn grid(rows: &[Vec<RgbImage>], margin: u32) -> RgbImage {
    let tiles = || rows.iter().flatten();
    let width = tiles().map(RgbImage::width).max().unwrap_or(0) + margin;
    let height = tiles().map(RgbImage::height).max().unwrap_or(0) + margin;
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let across = count(rows.iter().map(Vec::len).max().unwrap_or(0));
    let size = (width * across + margin, height * count(rows.len()) + margin);
    let mut picture = RgbImage::from_pixel(size.0, size.1, PAPER);
    for (y, row) in rows.iter().enumerate() {
        for (x, tile) in row.iter().enumerate() {
            let place = |index: usize, side: u32| i64::from(count(index) * side + margin);
            imageops::replace(&mut picture, tile, place(x, width), place(y, height));
        }
    }
    picture
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_stand_where_they_should() {
        let tile = |level: u8| RgbImage::from_pixel(2, 3, Rgb([level; 3]));
        let picture = grid(&[vec![tile(1), tile(2)], vec![tile(3)]], 1);
        assert_eq!(picture.dimensions(), (7, 9));
        let level = |x, y| picture.get_pixel(x, y).0[0];
        assert_eq!(
            [level(1, 1), level(3, 1), level(4, 3), level(1, 5), level(4, 5)],
            [1, 255, 2, 3, 255]
        );
    }
}
