//! Resizing: Pillow's bilinear, byte for byte.
//!
//! Pillow's `resize(size, BILINEAR)` widens the triangle filter when it shrinks an image, so that
//! every source pixel counts (antialiasing). The same convolution is used here, for both
//! directions and always, because the reference pipeline does it; OpenCV's and TensorFlow's plain
//! bilinear skip pixels and look different. The width goes first and comes out in whole levels,
//! then the height; from Pillow 13 on the height goes first where it shrinks by more than twice as
//! many pixels, and so it does here. Other libraries round weights to fewer bits and end up a level
//! away.

use runner_record::Pixels;

use super::problem::ImageProblem;

/// Bits of a weight behind the point: Pillow's `PRECISION_BITS`.
const BITS: u32 = 32 - 8 - 2;

/// Resizes to `[height, width]`; an image of that size already comes back as it is.
///
/// # Errors
///
/// [`ImageProblem::Damaged`] where the pixels do not fill their own size.
pub fn resize(pixels: Pixels, size: [usize; 2]) -> Result<Pixels, ImageProblem> {
    let [height, width] = size;
    if pixels.rgb.len() != pixels.height * pixels.width * 3 || pixels.rgb.is_empty() {
        return Err(ImageProblem::Damaged("its pixels do not fill its size".to_owned()));
    }
    // How many rows and columns go: fewer than none where the image grows.
    let gone = |from: usize, to: usize| from as i64 - to as i64;
    let (rows, columns) = (gone(pixels.height, height), gone(pixels.width, width));
    Ok(match rows > 0 && rows > 2 * columns {
        true => across(down(pixels, height), width),
        false => down(across(pixels, width), height),
    })
}

/// What makes one row or column of the result: where the source begins to count, and how much each
/// of its rows or columns does.
struct Window {
    start: usize,
    weights: Vec<i32>,
}

/// A triangle as wide as two pixels of whichever is coarser, around the middle of each target.
fn windows(from: usize, to: usize) -> Vec<Window> {
    let scale = from as f64 / to as f64;
    let support = scale.max(1.0);
    let window = |target: usize| {
        let centre = (target as f64 + 0.5) * scale;
        let start = (centre - support + 0.5).max(0.0) as usize;
        let end = ((centre + support + 0.5) as usize).min(from);
        let weight =
            |place: usize| (1.0 - ((place as f64 - centre + 0.5) / support).abs()).max(0.0);
        let weights: Vec<f64> = (start..end).map(weight).collect();
        let sum: f64 = weights.iter().sum();
        let whole = f64::from(1 << BITS);
        let rounded = weights.iter().map(|weight| (0.5 + weight / sum * whole) as i32);
        Window { start, weights: rounded.collect() }
    };
    (0..to).map(window).collect()
}

/// From a sum of weighted levels to a level.
fn level(sum: i32) -> u8 {
    (sum >> BITS).clamp(0, 255) as u8
}

const HALF: i32 = 1 << (BITS - 1);

fn across(pixels: Pixels, width: usize) -> Pixels {
    if pixels.width == width {
        return pixels;
    }
    let windows = windows(pixels.width, width);
    let mut rgb = Vec::with_capacity(pixels.height * width * 3);
    for row in pixels.rgb.chunks_exact(pixels.width * 3) {
        let (row, _) = row.as_chunks::<3>();
        for Window { start, weights } in &windows {
            let mut sums = [HALF; 3];
            for (pixel, weight) in row[*start..].iter().zip(weights) {
                for (sum, byte) in sums.iter_mut().zip(pixel) {
                    *sum += i32::from(*byte) * weight;
                }
            }
            rgb.extend(sums.map(level));
        }
    }
    Pixels { width, rgb, ..pixels }
}

fn down(pixels: Pixels, height: usize) -> Pixels {
    if pixels.height == height {
        return pixels;
    }
    let length = pixels.width * 3;
    let mut rgb = Vec::with_capacity(height * length);
    let mut sums = vec![0; length];
    for Window { start, weights } in windows(pixels.height, height) {
        sums.fill(HALF);
        let rows = pixels.rgb[start * length..].chunks_exact(length);
        for (row, weight) in rows.zip(weights) {
            for (sum, byte) in sums.iter_mut().zip(row) {
                *sum += i32::from(*byte) * weight;
            }
        }
        rgb.extend(sums.iter().map(|sum| level(*sum)));
    }
    Pixels { height, rgb, ..pixels }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// (37 y + 59 x + 83 channel + 11 y x) mod 256
    pub(crate) fn pixels(height: usize, width: usize) -> Pixels {
        let level = |index: usize| {
            let (y, x, channel) = (index / 3 / width, index / 3 % width, index % 3);
            ((37 * y + 59 * x + 83 * channel + 11 * y * x) % 256) as u8
        };
        Pixels { height, width, rgb: (0..height * width * 3).map(level).collect() }
    }

    #[test]
    fn shrinking_averages_every_pixel() -> Result<(), ImageProblem> {
        // Pillow 12: Image.new("L", (4, 1)) with 0, 80, 160, 240, resized to (2, 1) by BILINEAR,
        // gives 57, 183: weights 3/7, 3/7, 1/7 and 1/7, 3/7, 3/7.
        let rgb = [0, 80, 160, 240].into_iter().flat_map(|v| [v; 3]).collect();
        let small = resize(Pixels { height: 1, width: 4, rgb }, [1, 2])?;
        assert_eq!(small.rgb, [57, 57, 57, 183, 183, 183]);
        Ok(())
    }

    /// Pillow 13.0, bytes of which up to a fifth would be others in the other order: width first,
    /// height first, height first.
    #[test]
    #[rustfmt::skip]
    fn the_bytes_are_pillows() -> Result<(), ImageProblem> {
        assert_eq!(resize(pixels(5, 7), [4, 3])?.rgb, [
            63, 132, 146, 165, 82, 112, 112, 131, 118,
            116, 145, 118, 157, 112, 146, 142, 126, 122,
            138, 135, 119, 133, 141, 131, 134, 139, 146,
            170, 143, 93, 139, 112, 112, 156, 157, 135,
        ]);
        let taller = resize(pixels(7, 5), [6, 9])?.rgb;
        assert_eq!(taller[..27], [
            7, 90, 173, 27, 110, 177, 61, 144, 185, 95, 157, 121, 129, 164, 39, 163, 82, 73, 191, 24, 107, 199, 58, 141, 203, 78, 161,
        ]);
        assert_eq!(taller[135..], [
            215, 42, 125, 171, 83, 97, 97, 151, 49, 137, 127, 73, 205, 80, 115, 131, 122, 183, 86, 146, 223, 154, 98, 149, 195, 70, 105,
        ]);
        assert_eq!(resize(pixels(9, 6), [3, 4])?.rgb, [
            73, 144, 147, 147, 113, 104, 160, 104, 141, 131, 138, 137,
            155, 131, 104, 138, 133, 111, 123, 123, 131, 144, 142, 140,
            104, 103, 126, 113, 132, 133, 125, 144, 138, 114, 153, 140,
        ]);
        Ok(())
    }
}
