//! From values to colours.

use colorous::Gradient;
use runner_experiment::section::visualize::Colors;

/// The colour of a value from 0 to 1, in 256 steps.
#[must_use]
pub fn colour(map: Colors, value: f32) -> [u8; 3] {
    let level = (value.clamp(0.0, 1.0) * 255.0).round() as u8;
    of_level(map, level)
}

/// The colour of a level from 0 to 255.
#[must_use]
pub fn of_level(map: Colors, level: u8) -> [u8; 3] {
    let of = |gradient: Gradient| gradient.eval_rational(usize::from(level), 256).into_array();
    match map {
        Colors::Viridis => of(colorous::VIRIDIS),
        Colors::Magma => of(colorous::MAGMA),
        Colors::Inferno => of(colorous::INFERNO),
        Colors::Plasma => of(colorous::PLASMA),
        Colors::Turbo => of(colorous::TURBO),
        Colors::Jet => jet(level),
        Colors::Gray => [level; 3],
    }
}

/// OpenCV's `COLORMAP_JET`: three tents, a quarter apart.
fn jet(level: u8) -> [u8; 3] {
    let position = f64::from(level) / 255.0 * 4.0;
    let tent = |low: f64, high: f64| (position - low).min(high - position).clamp(0.0, 1.0);
    [tent(1.5, 4.5), tent(0.5, 3.5), tent(-0.5, 2.5)].map(|share| (share * 255.0).round() as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every seventeenth colour of OpenCV 4's `COLORMAP_JET`.
    const JET: [[u8; 3]; 16] = [
        [0, 0, 128],
        [0, 0, 196],
        [0, 8, 255],
        [0, 76, 255],
        [0, 144, 255],
        [0, 212, 255],
        [26, 255, 230],
        [94, 255, 162],
        [162, 255, 94],
        [230, 255, 26],
        [255, 212, 0],
        [255, 144, 0],
        [255, 76, 0],
        [255, 8, 0],
        [196, 0, 0],
        [128, 0, 0],
    ];

    /// Every seventeenth colour of Matplotlib 3's viridis.
    const VIRIDIS: [[u8; 3]; 16] = [
        [68, 1, 84],
        [72, 26, 108],
        [71, 47, 125],
        [65, 68, 135],
        [57, 86, 140],
        [49, 104, 142],
        [42, 120, 142],
        [35, 136, 142],
        [31, 152, 139],
        [34, 168, 132],
        [53, 183, 121],
        [84, 197, 104],
        [122, 209, 81],
        [165, 219, 54],
        [210, 226, 27],
        [253, 231, 37],
    ];

    #[test]
    fn colours_are_those_of_opencv_and_matplotlib() {
        for (map, expected) in [(Colors::Jet, JET), (Colors::Viridis, VIRIDIS)] {
            for (level, expected) in (0..=255_u8).step_by(17).zip(expected) {
                let got = of_level(map, level);
                let off = got.iter().zip(expected).map(|(a, b)| a.abs_diff(b)).max();
                assert!(off <= Some(1), "{map} {level}: {got:?} and {expected:?}");
            }
        }
        assert_eq!(colour(Colors::Gray, 0.5), [128; 3]);
        assert_eq!(colour(Colors::Gray, f32::NAN), [0; 3]);
    }
}
