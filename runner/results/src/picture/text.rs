//! Text in a picture, in a font that comes with the program.

use ab_glyph::{Font, FontRef, PxScale, ScaleFont, point};
use image::{Rgb, RgbImage};

use super::grid::PAPER;

/// Ubuntu Light.
pub(super) const FONT: &[u8] = epaint_default_fonts::UBUNTU_LIGHT;

/// Size of the letters in captions, in pixels.
pub const SIZE: f32 = 15.0;

/// Height of a line in captions, in pixels.
pub const LINE: u32 = 20;

const INK: Rgb<u8> = Rgb([30; 3]);

/// Writes a line with its upper left corner at `x`, `y`; what does not fit is cut off.
pub fn write(picture: &mut RgbImage, x: u32, y: u32, size: f32, line: &str) {
    let Ok(font) = FontRef::try_from_slice(FONT) else { return };
    let scaled = font.as_scaled(PxScale::from(size));
    let (mut right, base) = (x as f32, y as f32 + scaled.ascent());
    for letter in line.chars() {
        let id = font.glyph_id(letter);
        let glyph = id.with_scale_and_position(PxScale::from(size), point(right, base));
        right += scaled.h_advance(id);
        let Some(outline) = font.outline_glyph(glyph) else { continue };
        let corner = outline.px_bounds().min;
        outline.draw(|dx, dy, cover| {
            let place = |corner: f32, step: u32| (corner as i64).max(0) as u32 + step;
            let (x, y) = (place(corner.x, dx), place(corner.y, dy));
            if let Some(pixel) = picture.get_pixel_mut_checked(x, y) {
                blend(pixel, INK, cover);
            }
        });
    }
}

/// How wide a line is, in pixels.
#[must_use]
pub fn width(size: f32, line: &str) -> u32 {
    let Ok(font) = FontRef::try_from_slice(FONT) else { return 0 };
    let scaled = font.as_scaled(PxScale::from(size));
    let all: f32 = line.chars().map(|letter| scaled.h_advance(font.glyph_id(letter))).sum();
    all.ceil() as u32
}

/// A picture with lines above it, as wide as they need.
#[must_use]
pub fn captioned(picture: &RgbImage, lines: &[String]) -> RgbImage {
    const MARGIN: u32 = 6;
    let widest = lines.iter().map(|line| width(SIZE, line)).max().unwrap_or(0);
    let above = MARGIN + LINE * u32::try_from(lines.len()).unwrap_or(0);
    let size = (picture.width().max(widest + 2 * MARGIN), picture.height() + above);
    let mut whole = RgbImage::from_pixel(size.0, size.1, PAPER);
    for (y, line) in (MARGIN / 2..).step_by(LINE as usize).zip(lines) {
        write(&mut whole, MARGIN, y, SIZE, line);
    }
    image::imageops::replace(&mut whole, picture, 0, i64::from(above));
    whole
}

fn blend(pixel: &mut Rgb<u8>, ink: Rgb<u8>, cover: f32) {
    let cover = cover.clamp(0.0, 1.0);
    for (level, ink) in pixel.0.iter_mut().zip(ink.0) {
        let mixed = f32::from(*level) * (1.0 - cover) + f32::from(ink) * cover;
        *level = mixed.round() as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caption_leaves_ink_above_the_picture() {
        let picture = RgbImage::from_pixel(40, 10, Rgb([9, 9, 9]));
        let whole = captioned(&picture, &["block5_conv3".to_owned()]);
        assert!(whole.width() > 40 && whole.height() == 36);
        assert_eq!(whole.get_pixel(0, 26).0, [9, 9, 9]);
        let above = whole.enumerate_pixels().filter(|(_, y, _)| *y < 26);
        let dark = above.filter(|(_, _, pixel)| pixel.0[0] < 150).count();
        assert!(dark > 20, "{dark}");
    }
}
