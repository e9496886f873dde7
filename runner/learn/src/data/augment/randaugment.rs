//! RandAugment (Cubuk et al. 2019) with torchvision's fourteen operations and strengths.

use runner_experiment::plan::RandAugment;
use runner_experiment::section::augmentation::Fill;

use super::super::decode::Pixels;
use super::warp::affine;
use super::{colour, rounded};
use crate::random::Stream;

/// The strongest magnitude.
const STRONGEST: f64 = 30.0;

/// What can be drawn.
const OPERATIONS: [Operation; 14] = [
    Operation::Identity,
    Operation::ShearX,
    Operation::ShearY,
    Operation::TranslateX,
    Operation::TranslateY,
    Operation::Rotate,
    Operation::Brightness,
    Operation::Colour,
    Operation::Contrast,
    Operation::Sharpness,
    Operation::Posterize,
    Operation::Solarize,
    Operation::AutoContrast,
    Operation::Equalize,
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    Identity,
    ShearX,
    ShearY,
    TranslateX,
    TranslateY,
    Rotate,
    Brightness,
    Colour,
    Contrast,
    Sharpness,
    Posterize,
    Solarize,
    AutoContrast,
    Equalize,
}

/// As many operations as the rule says, one after the other.
pub(super) fn apply(pixels: &Pixels, rule: RandAugment, fill: Fill, stream: &mut Stream) -> Pixels {
    let mut pixels = pixels.clone();
    for _ in 0..rule.operations {
        #[allow(clippy::cast_possible_truncation)]
        let operation = OPERATIONS[stream.below(OPERATIONS.len() as u64) as usize];
        let sign = if stream.uniform() < 0.5 { -1.0 } else { 1.0 };
        pixels = operate(&pixels, operation, rule.magnitude / STRONGEST, sign, fill);
    }
    pixels
}

/// `strength` is from 0 to 1; `sign` counts where both ways make sense.
#[allow(clippy::cast_precision_loss)]
fn operate(pixels: &Pixels, operation: Operation, strength: f64, sign: f64, fill: Fill) -> Pixels {
    let (height, width) = (pixels.height as f64, pixels.width as f64);
    let middle = [(width - 1.0) / 2.0, (height - 1.0) / 2.0];
    let moved = |linear: [[f64; 2]; 2], shift: [f64; 2]| {
        let row = |y: usize| {
            let [a, b] = linear[y];
            [a, b, middle[y] + shift[y] - a * middle[0] - b * middle[1]]
        };
        rounded(&affine(pixels, [row(0), row(1)], fill), pixels)
    };
    let blended = |change: &dyn Fn(&mut [f32], f64)| {
        let mut levels: Vec<f32> = pixels.rgb.iter().map(|byte| f32::from(*byte)).collect();
        change(&mut levels, 1.0 + sign * strength * 0.9);
        rounded(&levels, pixels)
    };
    let shear = sign * strength * 0.3;
    let straight = [[1.0, 0.0], [0.0, 1.0]];
    let angle = (sign * strength * 30.0).to_radians();
    match operation {
        Operation::Identity => pixels.clone(),
        Operation::ShearX => moved([[1.0, shear], [0.0, 1.0]], [0.0; 2]),
        Operation::ShearY => moved([[1.0, 0.0], [shear, 1.0]], [0.0; 2]),
        Operation::TranslateX => moved(straight, [sign * strength * width * 150.0 / 331.0, 0.0]),
        Operation::TranslateY => moved(straight, [0.0, sign * strength * height * 150.0 / 331.0]),
        Operation::Rotate => {
            moved([[angle.cos(), -angle.sin()], [angle.sin(), angle.cos()]], [0.0; 2])
        }
        Operation::Brightness => blended(&colour::brightness),
        Operation::Colour => blended(&colour::saturation),
        Operation::Contrast => blended(&colour::contrast),
        Operation::Sharpness => {
            blended(&|levels, factor| colour::sharpness(levels, pixels.width, factor))
        }
        Operation::Posterize => posterize(pixels, strength),
        Operation::Solarize => solarize(pixels, strength),
        Operation::AutoContrast => by_channel(pixels, auto_contrast),
        Operation::Equalize => by_channel(pixels, equalize),
    }
}

/// Keeps eight to four bits.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn posterize(pixels: &Pixels, strength: f64) -> Pixels {
    let dropped = (strength * 4.0).round() as u32;
    let mask = u8::MAX.checked_shl(dropped).unwrap_or(0);
    with(pixels, |byte, _| byte & mask)
}

/// Turns what is as bright as a threshold into its opposite.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn solarize(pixels: &Pixels, strength: f64) -> Pixels {
    let threshold = (255.0 * (1.0 - strength)) as u8;
    with(pixels, |byte, _| if byte >= threshold { 255 - byte } else { byte })
}

fn with(pixels: &Pixels, change: impl Fn(u8, usize) -> u8) -> Pixels {
    let rgb = pixels.rgb.iter().enumerate().map(|(at, byte)| change(*byte, at % 3)).collect();
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

#[allow(clippy::cast_possible_truncation)]
fn identity() -> [u8; 256] {
    std::array::from_fn(|level| level as u8)
}

/// The darkest level becomes black, the brightest white (Pillow's `autocontrast`).
#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_sign_loss)]
fn auto_contrast(counts: &[usize; 256]) -> [u8; 256] {
    let low = counts.iter().position(|count| *count > 0).unwrap_or(0);
    let high = counts.iter().rposition(|count| *count > 0).unwrap_or(0);
    if high <= low {
        return identity();
    }
    let scale = 255.0 / (high - low) as f64;
    std::array::from_fn(|level| ((level as f64 - low as f64) * scale).clamp(0.0, 255.0) as u8)
}

/// Every level equally often (Pillow's `equalize`).
#[allow(clippy::cast_possible_truncation)]
fn equalize(counts: &[usize; 256]) -> [u8; 256] {
    let last = counts.iter().rev().find(|count| **count > 0).copied().unwrap_or(0);
    let step = (counts.iter().sum::<usize>() - last) / 255;
    if step == 0 {
        return identity();
    }
    let mut sum = step / 2;
    std::array::from_fn(|level| {
        let own = (sum / step).min(255) as u8;
        sum += counts[level];
        own
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 24 rows of 24: (7 y + 3 x)² mod 199, and that plus 20 and 40.
    fn pixels() -> Pixels {
        let level = |at: usize| ((7 * (at / 24) + 3 * (at % 24)).pow(2) % 199) as u8;
        let rgb = (0..576).flat_map(|at| [level(at), level(at) + 20, level(at) + 40]).collect();
        Pixels { height: 24, width: 24, rgb }
    }

    fn values(operation: Operation, strength: f64, sign: f64) -> Vec<u8> {
        let changed = operate(&pixels(), operation, strength, sign, Fill::Constant);
        let row = 5 * 24 * 3;
        changed.rgb[row + 12..row + 24].to_vec()
    }

    /// Pillow 13: `ImageOps.posterize(6)`, `solarize(128)`, `autocontrast`, `equalize`, and
    /// `ImageEnhance` with factor 1.45, row 5, columns 4 to 7.
    #[test]
    fn equals_pillow() {
        let expected: [(Operation, [u8; 12]); 8] = [
            (Operation::Posterize, [20, 40, 60, 112, 132, 152, 20, 40, 60, 148, 168, 188]),
            (Operation::Solarize, [20, 40, 60, 112, 123, 103, 23, 43, 63, 104, 84, 64]),
            (Operation::AutoContrast, [26, 26, 26, 145, 145, 145, 29, 29, 29, 196, 196, 196]),
            (Operation::Equalize, [34, 34, 34, 170, 170, 170, 37, 37, 37, 225, 225, 225]),
            (Operation::Brightness, [29, 58, 87, 162, 191, 220, 33, 62, 91, 218, 247, 255]),
            (Operation::Colour, [12, 41, 70, 104, 133, 162, 15, 44, 73, 143, 172, 201]),
            (Operation::Contrast, [0, 8, 37, 113, 142, 171, 0, 13, 42, 169, 198, 227]),
            (Operation::Sharpness, [1, 21, 41, 127, 147, 167, 4, 24, 44, 166, 186, 206]),
        ];
        for (operation, expected) in expected {
            let got = values(operation, 0.5, 1.0);
            for (got, expected) in got.iter().zip(expected) {
                assert!(got.abs_diff(expected) <= 1, "{operation:?}: {got} and {expected}");
            }
        }
    }

    #[test]
    fn moves_by_hand() {
        let shifted = values(Operation::TranslateX, 331.0 / 150.0 / 24.0 * 3.0, 1.0);
        let row = 5 * 24 * 3;
        assert_eq!(shifted, pixels().rgb[row + 21..row + 33].to_vec());
        assert_eq!(values(Operation::Rotate, 0.0, 1.0), values(Operation::Identity, 0.0, 1.0));
    }
}
