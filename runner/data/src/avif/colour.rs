//! From planes to RGB of eight bits, as libavif does it for Pillow.
//!
//! libavif leaves the usual matrices to libyuv, whose whole numbers (on x86) are repeated here: samples
//! of more bits lose those beyond the eighth first. Grey and the other matrices it converts by
//! itself, in floating point (H.273, equations 38 to 60). Halved planes are doubled with the weights
//! 9, 3, 3 and 1 of 16 either way.

use image::RgbImage;

use super::av1::Colours;
use super::container::damaged;
use super::planes::Planes;
use crate::problem::ImageProblem;

/// libyuv's `YuvConstants`: what a sample adds to a colour, times 64. `luma` is for a sample times
/// 257, and divided by 65,536 again; `bias` holds black and the half for rounding.
#[derive(Clone, Copy)]
struct Weights {
    luma: i32,
    bias: i32,
    blue_to_blue: i32,
    blue_to_green: i32,
    red_to_green: i32,
    red_to_red: i32,
}

impl Weights {
    const fn new(luma: i32, bias: i32, [b, bg, rg, r]: [i32; 4]) -> Self {
        Self { luma, bias, blue_to_blue: b, blue_to_green: bg, red_to_green: rg, red_to_red: r }
    }

    /// For BT.601, BT.709 and BT.2020. In limited range blue should be 129, 135 and 137; libyuv's
    /// instructions for x86 stop at 128, and so do the pixels that Pillow reads.
    fn of(standard: Standard, is_full_range: bool) -> Self {
        match (standard, is_full_range) {
            (Standard::Bt601, false) => Self::new(18_997, -1160, [128, 25, 52, 102]),
            (Standard::Bt601, true) => Self::new(16_320, 32, [113, 22, 46, 90]),
            (Standard::Bt709, false) => Self::new(18_997, -1160, [128, 14, 34, 115]),
            (Standard::Bt709, true) => Self::new(16_320, 32, [119, 12, 30, 101]),
            (Standard::Bt2020, false) => Self::new(19_003, -1160, [128, 12, 42, 107]),
            (Standard::Bt2020, true) => Self::new(16_320, 32, [120, 11, 37, 94]),
        }
    }

    fn rgb(&self, luma: i32, blue: i32, red: i32) -> [u8; 3] {
        let luma = ((luma * 257 * self.luma) >> 16) + self.bias;
        let (blue, red) = (blue - 128, red - 128);
        [
            luma + red * self.red_to_red,
            luma - (blue * self.blue_to_green + red * self.red_to_green),
            luma + blue * self.blue_to_blue,
        ]
        .map(|value| (value >> 6).clamp(0, 255) as u8)
    }
}

#[derive(Clone, Copy)]
enum Standard {
    Bt601,
    Bt709,
    Bt2020,
}

/// How three samples become a colour.
enum Matrix {
    Fixed(Standard),
    /// The shares of red and blue in what is bright.
    Shares(f32, f32),
    /// The samples are green, blue and red.
    Identity,
    YCgCo,
    Grey,
}

impl Matrix {
    /// By the numbers of H.273; what is unspecified is BT.601, as for libavif.
    fn of(planes: &Planes, colours: Colours) -> Result<Self, ImageProblem> {
        let is_full_colour = planes.chroma_shift == Some((0, 0));
        Ok(match (colours.matrix, colours.primaries) {
            _ if planes.chroma_shift.is_none() => Self::Grey,
            (0, _) if is_full_colour => Self::Identity,
            (0, _) => return Err(damaged("it is said to be RGB, and has planes of half the size")),
            (1, _) | (12, 1 | 2) => Self::Fixed(Standard::Bt709),
            (2 | 5 | 6, _) | (12, 5 | 6) => Self::Fixed(Standard::Bt601),
            (9, _) | (12, 9) => Self::Fixed(Standard::Bt2020),
            (4, _) => Self::Shares(0.3, 0.11),
            (7, _) => Self::Shares(0.212, 0.087),
            (8, _) if colours.is_full_range => Self::YCgCo,
            (matrix, primaries) => {
                return Err(ImageProblem::Unsupported(format!(
                    "an AVIF in colours that are not read (matrix {matrix}, primaries {primaries} \
                     of H.273); save it anew as sRGB"
                )));
            }
        })
    }
}

/// The picture in RGB.
pub(super) fn to_rgb(planes: &Planes, colours: Colours) -> Result<RgbImage, ImageProblem> {
    let matrix = Matrix::of(planes, colours)?;
    let (width, height) = (planes.width, planes.height);
    let mut rgb = Vec::with_capacity(width * height * 3);
    match matrix {
        Matrix::Fixed(standard) => {
            fixed(planes, &Weights::of(standard, colours.is_full_range), &mut rgb);
        }
        matrix => exact(planes, &matrix, colours.is_full_range, &mut rgb),
    }
    let side = |length: usize| u32::try_from(length).unwrap_or(0);
    RgbImage::from_raw(side(width), side(height), rgb).ok_or(ImageProblem::Truncated)
}

/// libyuv's way.
fn fixed(planes: &Planes, weights: &Weights, rgb: &mut Vec<u8>) {
    let drop = planes.bits - 8;
    let mut chroma = Chroma { drop, is_fixed: true, ..Chroma::default() };
    let (mut luma, mut blue, mut red) = (Vec::new(), Vec::new(), Vec::new());
    for row in 0..planes.height {
        planes.read_row(0, row, &mut luma);
        chroma.read_row(planes, 1, row, &mut blue);
        chroma.read_row(planes, 2, row, &mut red);
        for ((luma, blue), red) in luma.iter().zip(&blue).zip(&red) {
            let (blue, red) = ((blue + 8) >> 4, (red + 8) >> 4);
            rgb.extend(weights.rgb(luma >> drop, blue, red));
        }
    }
}

/// libavif's own way.
fn exact(planes: &Planes, matrix: &Matrix, is_full_range: bool, rgb: &mut Vec<u8>) {
    let range = Range::new(planes.bits, is_full_range);
    let mut chroma = Chroma::default();
    let (mut luma, mut blue, mut red) = (Vec::new(), Vec::new(), Vec::new());
    for row in 0..planes.height {
        planes.read_row(0, row, &mut luma);
        if planes.chroma_shift.is_some() {
            chroma.read_row(planes, 1, row, &mut blue);
            chroma.read_row(planes, 2, row, &mut red);
        } else {
            blue.resize(luma.len(), 0);
            red.resize(luma.len(), 0);
        }
        for ((luma, blue), red) in luma.iter().zip(&blue).zip(&red) {
            let (blue, red) = (*blue as f32 / 16.0, *red as f32 / 16.0);
            let colour = range.rgb(matrix, *luma as f32, blue, red);
            // At most 255.5, without its fraction.
            rgb.extend(colour.map(|value| (0.5 + value.clamp(0.0, 1.0) * 255.0) as u8));
        }
    }
}

/// Which samples stand for nothing and for all.
struct Range {
    black: f32,
    middle: f32,
    luma: f32,
    chroma: f32,
}

impl Range {
    fn new(bits: u32, is_full_range: bool) -> Self {
        let unit = (1 << (bits - 8)) as f32;
        let (middle, largest) = (128.0 * unit, 256.0 * unit - 1.0);
        match is_full_range {
            true => Self { black: 0.0, middle, luma: largest, chroma: largest },
            false => Self { black: 16.0 * unit, middle, luma: 219.0 * unit, chroma: 224.0 * unit },
        }
    }

    fn rgb(&self, matrix: &Matrix, luma: f32, blue: f32, red: f32) -> [f32; 3] {
        let bright = |sample: f32| (sample - self.black) / self.luma;
        let difference = |sample: f32| (sample - self.middle) / self.chroma;
        let luma = bright(luma);
        match *matrix {
            Matrix::Identity => [bright(red), luma, bright(blue)],
            Matrix::YCgCo => {
                let (green, orange) = (difference(blue), difference(red));
                [luma - green + orange, luma + green, luma - green - orange]
            }
            Matrix::Shares(r, b) => by_shares(luma, difference(blue), difference(red), r, b),
            Matrix::Fixed(_) | Matrix::Grey => [luma; 3],
        }
    }
}

fn by_shares(luma: f32, blue: f32, red: f32, red_share: f32, blue_share: f32) -> [f32; 3] {
    let of_red = 1.0 - red_share;
    let of_blue = 1.0 - blue_share;
    let green = red_share * of_red * red + blue_share * of_blue * blue;
    [
        luma + 2.0 * of_red * red,
        luma - 2.0 * green / (1.0 - red_share - blue_share),
        luma + 2.0 * of_blue * blue,
    ]
}

/// Rows of the planes of colour, in full width and in sixteenths.
#[derive(Default)]
struct Chroma {
    /// Bits that samples lose first.
    drop: u32,
    is_fixed: bool,
    near: Vec<i32>,
    far: Vec<i32>,
}

impl Chroma {
    /// In place of what was in `samples`.
    fn read_row(&mut self, planes: &Planes, channel: usize, row: usize, samples: &mut Vec<i32>) {
        let (shift_x, shift_y) = planes.chroma_shift.unwrap_or((0, 0));
        let (columns, rows) = planes.size(channel);
        let near = row >> shift_y;
        // The other row of samples that this row of pixels lies between.
        let far = match (shift_y, row % 2) {
            (0, _) => near,
            (_, 0) => near.saturating_sub(1),
            _ => (near + 1).min(rows - 1),
        };
        planes.read_row(channel, near, &mut self.near);
        planes.read_row(channel, far, &mut self.far);
        for (near, far) in self.near.iter_mut().zip(&self.far) {
            *near = (*near >> self.drop) * 3 + (far >> self.drop);
        }
        samples.clear();
        if shift_x == 0 {
            samples.extend(self.near.iter().map(|sample| sample * 4));
            return;
        }
        samples.extend((0..planes.width).map(|column| {
            let near = column / 2;
            let far = if column % 2 == 0 { near.saturating_sub(1) } else { near + 1 };
            self.near[near] * 3 + self.near[far.min(columns - 1)]
        }));
        // libyuv does not mix the last column of an odd number.
        if self.is_fixed && planes.width % 2 == 1 {
            samples[planes.width - 1] = self.near[columns - 1] * 4;
        }
    }
}
