//! The perceptual hash by the discrete cosine transform (Zauner 2010, "Implementation and Benchmarking of
//! Perceptual Image Hash Functions"; the variant of the Python package `imagehash`): 32×32 grey levels,
//! the 8×8 lowest frequencies, and of each whether it is above the median of them.

use std::f64::consts::PI;
use std::path::Path;
use std::sync::OnceLock;

use crate::decode;
use crate::resize::resize;

/// Height and width of the small grey picture.
const SIDE: usize = 32;

/// Frequencies in each direction.
const LOW: usize = 8;

/// Below this standard deviation of grey levels there is nothing to compare: a plain surface.
const PLAIN: f64 = 2.0;

/// How a picture looks from afar.
#[derive(Debug, Clone)]
pub(super) struct Look {
    pub(super) hash: u64,
    /// Grey levels less their mean, of length one.
    grey: Vec<f32>,
}

impl Look {
    /// `None` where the file cannot be read, or shows nothing but a plain surface.
    pub(super) fn of(path: &Path) -> Option<Self> {
        let pixels = decode::decode(&decode::read(path).ok()?).ok()?;
        let small = resize(pixels, [SIDE, SIDE]).ok()?;
        let grey = |pixel: &[u8; 3]| {
            let [r, g, b] = pixel.map(f64::from);
            // ITU-R BT.601, as Pillow's `convert("L")`.
            0.299 * r + 0.587 * g + 0.114 * b
        };
        Self::of_grey(&small.rgb.as_chunks::<3>().0.iter().map(grey).collect::<Vec<f64>>())
    }

    fn of_grey(grey: &[f64]) -> Option<Self> {
        let mean = grey.iter().sum::<f64>() / grey.len() as f64;
        let length = grey.iter().map(|level| (level - mean).powi(2)).sum::<f64>().sqrt();
        if length / (grey.len() as f64).sqrt() < PLAIN {
            return None;
        }
        let unit = |level: &f64| ((level - mean) / length) as f32;
        Some(Self { hash: hash(grey), grey: grey.iter().map(unit).collect() })
    }

    /// Pearson's correlation of the grey levels, from -1 to 1.
    pub(super) fn correlation(&self, other: &Self) -> f64 {
        self.grey.iter().zip(&other.grey).map(|(a, b)| f64::from(a * b)).sum()
    }
}

/// The bits row by row, the lowest frequency first.
fn hash(grey: &[f64]) -> u64 {
    let waves = waves();
    let mut low = [0.0; LOW * LOW];
    for (down, wave_down) in waves.iter().enumerate() {
        // Columns first: what is left is one row.
        let mut row = [0.0; SIDE];
        for (levels, weight) in grey.chunks_exact(SIDE).zip(wave_down) {
            for (sum, level) in row.iter_mut().zip(levels) {
                *sum += level * weight;
            }
        }
        for (across, wave) in waves.iter().enumerate() {
            low[down * LOW + across] = row.iter().zip(wave).map(|(sum, weight)| sum * weight).sum();
        }
    }
    let mut sorted = low;
    sorted.sort_by(f64::total_cmp);
    let median = f64::midpoint(sorted[LOW * LOW / 2 - 1], sorted[LOW * LOW / 2]);
    low.iter().fold(0, |bits, value| bits << 1 | u64::from(*value > median))
}

/// The lowest frequencies of the DCT-II, each over a row.
fn waves() -> &'static [[f64; SIDE]; LOW] {
    static WAVES: OnceLock<[[f64; SIDE]; LOW]> = OnceLock::new();
    WAVES.get_or_init(|| {
        let wave = |frequency: usize, place: usize| {
            (PI * frequency as f64 * (2 * place + 1) as f64 / (2 * SIDE) as f64).cos()
        };
        std::array::from_fn(|frequency| std::array::from_fn(|place| wave(frequency, place)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_that_of_imagehash() {
        // Python's imagehash 4.3.2: phash of a grey picture of 32×32 with these levels.
        let level = |salt: usize, place: usize| {
            let (y, x) = ((place / SIDE) as f64, (place % SIDE) as f64);
            let salt = salt as f64;
            (127.5
                + 80.0 * (0.21 * x + 0.1 * salt).sin()
                + 45.0 * (0.33 * y - 0.07 * x * salt).cos())
            .floor()
        };
        for (salt, expected) in [
            (0, "e0a666e9980f8f66"),
            (1, "e0d580d57f2a7e28"),
            (2, "e06ac06a3f953e95"),
            (7, "e8adf8ad07524713"),
        ] {
            let grey: Vec<f64> = (0..SIDE * SIDE).map(|place| level(salt, place)).collect();
            assert_eq!(format!("{:016x}", hash(&grey)), expected);
        }
    }

    #[test]
    fn plain_surfaces_look_like_nothing_and_brighter_is_alike() {
        assert!(Look::of_grey(&[128.0; SIDE * SIDE]).is_none());
        let wave = |place: usize| 100.0 + 50.0 * (0.3 * (place % SIDE) as f64).sin();
        let dark: Vec<f64> = (0..SIDE * SIDE).map(wave).collect();
        let bright: Vec<f64> = dark.iter().map(|level| 1.1 * level + 5.0).collect();
        let looks = [dark, bright].map(|grey| Look::of_grey(&grey));
        let [Some(dark), Some(bright)] = looks else { panic!("they are not plain") };
        assert!((dark.correlation(&bright) - 1.0).abs() < 1e-5);
    }
}
