//! Pillow's operations on bytes, byte for byte: what torchvision's RandAugment is made of.
//!
//! Nearest-neighbour warps with black where the image does not reach (`Image.transform`,
//! `Image.rotate`), `ImageEnhance` and `ImageOps`. Coordinates are those of pixels' middles, in
//! sixteen bits of fraction, as Pillow's `Geometry.c` has them: at ties that decides.

use runner_record::Pixels;

/// The image behind an affine map: `matrix` leads from x, y, 1 of the result to the place that is
/// shown.
pub(super) fn transform(pixels: &Pixels, matrix: [[f64; 3]; 2]) -> Pixels {
    let (height, width) = (pixels.height, pixels.width);
    let [across, down] =
        matrix.map(|[x, y, shift]| [fixed(x), fixed(y), fixed(shift + x * 0.5 + y * 0.5)]);
    let mut rgb = vec![0; pixels.rgb.len()];
    for (index, pixel) in rgb.as_chunks_mut::<3>().0.iter_mut().enumerate() {
        let (x, y) = (integer(index % width), integer(index / width));
        let place = |row: [i64; 3]| (row[2] + row[0] * x + row[1] * y) >> 16;
        let inside =
            |place: i64, length: usize| usize::try_from(place).ok().filter(|place| *place < length);
        if let (Some(column), Some(row)) =
            (inside(place(across), width), inside(place(down), height))
        {
            pixel.copy_from_slice(&pixels.rgb[(row * width + column) * 3..][..3]);
        }
    }
    Pixels { rgb, ..*pixels }
}

/// Sixteen bits of fraction.
fn fixed(value: f64) -> i64 {
    (value * 65536.0 + 0.5).floor() as i64
}

fn integer(value: usize) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// Counter-clockwise around the middle.
pub(super) fn rotate(pixels: &Pixels, degrees: f64) -> Pixels {
    let angle = -degrees.rem_euclid(360.0).to_radians();
    let round = |value: f64| (value * 1e15).round() / 1e15;
    let (cos, sin) = (round(angle.cos()), round(angle.sin()));
    let (x, y) = (pixels.width as f64 / 2.0, pixels.height as f64 / 2.0);
    let matrix = [[cos, sin, x - cos * x - sin * y], [-sin, cos, y + sin * x - cos * y]];
    transform(pixels, matrix)
}

/// `ImageEnhance.Brightness`
pub(super) fn brightness(pixels: &Pixels, factor: f32) -> Pixels {
    with(pixels, |byte, _| blend(0, byte, factor))
}

/// `ImageEnhance.Color`
pub(super) fn colour(pixels: &Pixels, factor: f32) -> Pixels {
    let mut result = pixels.clone();
    for pixel in result.rgb.as_chunks_mut::<3>().0 {
        let grey = grey(*pixel);
        *pixel = pixel.map(|byte| blend(grey, byte, factor));
    }
    result
}

/// `ImageEnhance.Contrast`
pub(super) fn contrast(pixels: &Pixels, factor: f32) -> Pixels {
    let (each, _) = pixels.rgb.as_chunks::<3>();
    let sum: u64 = each.iter().map(|pixel| u64::from(grey(*pixel))).sum();
    let mean = (sum as f64 / each.len().max(1) as f64 + 0.5) as u8;
    with(pixels, |byte, _| blend(mean, byte, factor))
}

/// `ImageEnhance.Sharpness`: against the mean of the pixels around; those at the edge stay.
pub(super) fn sharpness(pixels: &Pixels, factor: f32) -> Pixels {
    let mut result = pixels.clone();
    let level = |y: usize, x: usize, channel: usize| {
        u32::from(pixels.rgb[(y * pixels.width + x) * 3 + channel])
    };
    for y in 1..pixels.height.saturating_sub(1) {
        for x in 1..pixels.width.saturating_sub(1) {
            for channel in 0..3 {
                let centre = level(y, x, channel);
                let around: u32 = (y - 1..=y + 1)
                    .flat_map(|y| (x - 1..=x + 1).map(move |x| level(y, x, channel)))
                    .sum();
                // Weights of 1, and 5 in the middle, thirteen in all; rounded half up.
                let smooth = (2 * (around + 4 * centre) + 13) / 26;
                result.rgb[(y * pixels.width + x) * 3 + channel] =
                    blend(smooth as u8, centre as u8, factor);
            }
        }
    }
    result
}

/// `ImageOps.posterize`: keeps so many bits.
pub(super) fn posterize(pixels: &Pixels, bits: u32) -> Pixels {
    let mask = u8::MAX.checked_shl(8_u32.saturating_sub(bits)).unwrap_or(0);
    with(pixels, |byte, _| byte & mask)
}

/// `ImageOps.solarize`: turns what is as bright as a threshold into its opposite.
pub(super) fn solarize(pixels: &Pixels, threshold: f64) -> Pixels {
    with(pixels, |byte, _| if f64::from(byte) < threshold { byte } else { 255 - byte })
}

/// `ImageOps.autocontrast`: the darkest level becomes black, the brightest white.
pub(super) fn auto_contrast(pixels: &Pixels) -> Pixels {
    by_channel(pixels, stretched)
}

/// `ImageOps.equalize`: every level equally often.
pub(super) fn equalize(pixels: &Pixels) -> Pixels {
    by_channel(pixels, equalized)
}

/// From `degenerate` at 0 to the byte at 1 and beyond; cut off, not rounded.
fn blend(degenerate: u8, byte: u8, factor: f32) -> u8 {
    let from = f32::from(degenerate);
    (from + factor * (f32::from(byte) - from)).clamp(0.0, 255.0) as u8
}

/// Pillow's luminance (ITU-R 601-2).
fn grey([r, g, b]: [u8; 3]) -> u8 {
    let sum = u32::from(r) * 19_595 + u32::from(g) * 38_470 + u32::from(b) * 7_471 + 0x8000;
    (sum >> 16) as u8
}

fn with(pixels: &Pixels, change: impl Fn(u8, usize) -> u8) -> Pixels {
    let bytes = pixels.rgb.iter().enumerate();
    let rgb = bytes.map(|(index, byte)| change(*byte, index % 3)).collect();
    Pixels { rgb, ..*pixels }
}

/// Each channel by a table that its histogram makes.
fn by_channel(pixels: &Pixels, table: fn(&[usize; 256]) -> [u8; 256]) -> Pixels {
    let tables: [[u8; 256]; 3] = std::array::from_fn(|channel| {
        let mut counts = [0; 256];
        pixels.rgb.iter().skip(channel).step_by(3).for_each(|byte| {
            counts[usize::from(*byte)] += 1;
        });
        table(&counts)
    });
    with(pixels, |byte, channel| tables[channel][usize::from(byte)])
}

fn identity() -> [u8; 256] {
    std::array::from_fn(|level| level as u8)
}

fn stretched(counts: &[usize; 256]) -> [u8; 256] {
    let low = counts.iter().position(|count| *count > 0).unwrap_or(0);
    let high = counts.iter().rposition(|count| *count > 0).unwrap_or(0);
    if high <= low {
        return identity();
    }
    let scale = 255.0 / (high - low) as f64;
    let offset = -(low as f64) * scale;
    std::array::from_fn(|level| (level as f64 * scale + offset).clamp(0.0, 255.0) as u8)
}

fn equalized(counts: &[usize; 256]) -> [u8; 256] {
    let last = counts.iter().rev().find(|count| **count > 0).copied().unwrap_or(0);
    let step = (counts.iter().sum::<usize>() - last) / 255;
    if step == 0 {
        return identity();
    }
    let mut sum = step / 2;
    std::array::from_fn(|level| {
        let equalized = (sum / step).min(255) as u8;
        sum += counts[level];
        equalized
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::resize::tests::pixels;
    use super::*;

    fn row(pixels: &Pixels, y: usize) -> &[u8] {
        &pixels.rgb[y * pixels.width * 3..][..24]
    }

    /// Pillow 13.0 with the calls that torchvision 0.29.2 makes, six rows of eight: row 1.
    #[test]
    #[rustfmt::skip]
    fn colours_are_pillows() {
        let source = pixels(6, 8);
        let cases: [(Pixels, [u8; 24]); 9] = [
            (brightness(&source, 0.73),
             [27, 87, 148, 78, 138, 12, 129, 2, 63, 180, 54, 114, 44, 105, 165, 95, 156, 29, 146, 20, 81, 10, 71, 132]),
            (colour(&source, 1.27),
             [18, 124, 229, 96, 202, 0, 207, 0, 92, 255, 57, 162, 42, 148, 253, 120, 226, 6, 231, 11, 116, 0, 102, 207]),
            (colour(&source, 0.73),
             [55, 115, 176, 117, 177, 51, 146, 20, 81, 216, 90, 151, 79, 139, 200, 141, 201, 75, 170, 44, 105, 33, 93, 154]),
            (contrast(&source, 1.27),
             [11, 117, 222, 100, 205, 0, 189, 0, 75, 255, 58, 164, 42, 147, 252, 131, 236, 16, 219, 0, 105, 0, 89, 194]),
            (contrast(&source, 0.73),
             [62, 122, 183, 113, 174, 47, 164, 38, 98, 215, 89, 149, 79, 140, 201, 131, 191, 65, 182, 55, 116, 46, 106, 167]),
            (sharpness(&source, 1.27),
             [37, 120, 203, 107, 200, 0, 182, 0, 81, 255, 68, 162, 45, 149, 242, 131, 229, 25, 216, 6, 111, 15, 98, 181]),
            (sharpness(&source, 0.73),
             [37, 120, 203, 107, 179, 38, 171, 25, 92, 231, 79, 151, 76, 138, 211, 131, 198, 56, 185, 49, 111, 15, 98, 181]),
            (auto_contrast(&source),
             [37, 125, 214, 107, 200, 9, 177, 0, 86, 247, 75, 163, 61, 151, 240, 131, 226, 36, 201, 25, 113, 15, 101, 190]),
            (posterize(&source, 4),
             [32, 112, 192, 96, 176, 16, 176, 0, 80, 240, 64, 144, 48, 144, 224, 128, 208, 32, 192, 16, 96, 0, 96, 176]),
        ];
        for (index, (changed, expected)) in cases.iter().enumerate() {
            assert_eq!(row(changed, 1), expected, "case {index}");
        }
        // A threshold of 178.5 leaves 178 as it is.
        let one = Pixels { height: 1, width: 1, rgb: vec![177, 178, 179] };
        assert_eq!(solarize(&one, 178.5).rgb, [177, 178, 76]);
        let large = equalize(&pixels(24, 24));
        assert_eq!(row(&large, 5), [
            213, 17, 113, 45, 137, 233, 168, 255, 68, 16, 108, 204, 138, 230, 38, 255, 77, 173, 110, 202, 10, 245, 49, 145,
        ]);
    }

    /// Row 3 of `F.affine` and `F.rotate`.
    #[test]
    #[rustfmt::skip]
    fn warps_are_pillows() {
        let source = pixels(6, 8);
        let shear = |m| transform(&source, [[1.0, m, 0.0], [0.0, 1.0, 0.0]]);
        let down = |m| transform(&source, [[1.0, 0.0, 0.0], [m, 1.0, 0.0]]);
        let cases: [(Pixels, [u8; 24]); 6] = [
            (shear(0.27),
             [203, 30, 113, 39, 122, 205, 131, 214, 41, 223, 50, 133, 59, 142, 225, 151, 234, 61, 243, 70, 153, 0, 0, 0]),
            (shear(-0.27),
             [0, 0, 0, 111, 194, 21, 203, 30, 113, 39, 122, 205, 131, 214, 41, 223, 50, 133, 59, 142, 225, 151, 234, 61]),
            (down(0.27),
             [111, 194, 21, 203, 30, 113, 98, 181, 8, 201, 28, 111, 48, 131, 214, 151, 234, 61, 101, 184, 11, 215, 42, 125]),
            (transform(&source, [[1.0, 0.0, -2.0], [0.0, 1.0, 0.0]]),
             [0, 0, 0, 0, 0, 0, 111, 194, 21, 203, 30, 113, 39, 122, 205, 131, 214, 41, 223, 50, 133, 59, 142, 225]),
            (rotate(&source, 27.0),
             [37, 120, 203, 155, 238, 65, 236, 63, 146, 131, 214, 41, 223, 50, 133, 151, 234, 61, 254, 81, 164, 101, 184, 11]),
            (rotate(&source, -27.0),
             [43, 126, 209, 251, 78, 161, 98, 181, 8, 131, 214, 41, 223, 50, 133, 223, 50, 133, 48, 131, 214, 15, 98, 181]),
        ];
        for (index, (changed, expected)) in cases.iter().enumerate() {
            assert_eq!(row(changed, 3), expected, "case {index}");
        }
    }
}
