//! What Keras's `ImageDataGenerator` does to an image.
//!
//! Rotation, shifts, shear and zoom become one affine warp around the middle of the image, sampled
//! once, bilinearly, as `scipy.ndimage.affine_transform(order=1)` does for Keras; then the shift of
//! the grey levels, the flips, and brightness. What is drawn is a function of (seed, stage, epoch,
//! image), so that an epoch can be replayed.

use runner_experiment::plan::Augmentation;
use runner_experiment::section::augmentation::Fill;

use super::affine::affine;
use super::crop::{WHOLE, crop};
use runner_random::Stream;
use runner_record::Pixels;

/// What happens to one image.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Change {
    /// Degrees.
    pub rotation: f64,
    /// Rows and columns.
    pub shift: [f64; 2],
    /// Degrees.
    pub shear: f64,
    /// Factors of rows and columns.
    pub zoom: [f64; 2],
    /// Left to right, top to bottom.
    pub flip: [bool; 2],
    /// Factor of the grey levels.
    pub brightness: Option<f64>,
    /// Added to the grey levels.
    pub channel_shift: f64,
    /// The part of the image that is shown: top, left, height, width, as fractions.
    pub crop: [f64; 4],
}

impl Change {
    /// Draws one for an image of `[height, width]`.
    #[must_use]
    pub fn draw(settings: &Augmentation, size: [usize; 2], stream: &mut Stream) -> Self {
        let mut either = |most: f64| stream.between([-most, most]);
        let rotation = either(settings.rotation);
        let shift = [
            either(settings.height_shift) * size[0] as f64,
            either(settings.width_shift) * size[1] as f64,
        ];
        let shear = either(settings.shear);
        let channel_shift = either(settings.channel_shift);
        let zoom = [stream.between(settings.zoom), stream.between(settings.zoom)];
        let mut coin = || stream.uniform() < 0.5;
        let flip = [coin() && settings.horizontal_flip, coin() && settings.vertical_flip];
        let brightness = settings.brightness.map(|factors| stream.between(factors));
        let crop = settings.random_resized_crop.map_or(WHOLE, |shares| crop(shares, size, stream));
        Self { rotation, shift, shear, zoom, flip, brightness, channel_shift, crop }
    }

    /// The changed image: grey levels `[height, width, 3]`.
    #[must_use]
    pub fn apply(&self, pixels: &Pixels, fill: Fill) -> Vec<f32> {
        let mut rgb = self.warp(pixels, fill);
        self.shift_levels(&mut rgb);
        self.mirror(&mut rgb, pixels.width);
        if let Some(factor) = self.brightness {
            // Keras hands bytes to Pillow, which hands bytes back: both round down.
            let brighter = |level: f32| (f32::from(level as u8) * factor as f32) as u8;
            rgb.iter_mut().for_each(|level| *level = f32::from(brighter(*level)));
        }
        rgb
    }

    /// From a pixel of the result to the place in the image that it shows, both as x, y.
    ///
    /// As Keras does, but for one thing: the middle of an image that is not square is its middle.
    #[must_use]
    pub fn matrix(&self, height: usize, width: usize) -> [[f64; 3]; 2] {
        let (angle, shear) = (self.rotation.to_radians(), self.shear.to_radians());
        let rotation = [[angle.cos(), -angle.sin()], [angle.sin(), angle.cos()]];
        let times = |a: [[f64; 2]; 2], b: [[f64; 2]; 2]| {
            let cell = |y: usize, x: usize| a[y][0] * b[0][x] + a[y][1] * b[1][x];
            [[cell(0, 0), cell(0, 1)], [cell(1, 0), cell(1, 1)]]
        };
        let sheared = times(rotation, [[1.0, -shear.sin()], [0.0, shear.cos()]]);
        let zoomed = times(sheared, [[self.zoom[1], 0.0], [0.0, self.zoom[0]]]);
        let middle = [width as f64 / 2.0 - 0.5, height as f64 / 2.0 - 0.5];
        let shift = [self.shift[1], self.shift[0]];
        let row = |y: usize| {
            let along = |m: [f64; 2], v: [f64; 2]| m[0] * v[0] + m[1] * v[1];
            let offset = middle[y] + along(rotation[y], shift) - along(zoomed[y], middle);
            // First the crop, edge to edge: x → left + (x + ½) width / whole - ½.
            let [top, left, tall, wide] = self.crop;
            let start =
                [left * width as f64 + 0.5 * wide - 0.5, top * height as f64 + 0.5 * tall - 0.5];
            [zoomed[y][0] * wide, zoomed[y][1] * tall, along(zoomed[y], start) + offset]
        };
        [row(0), row(1)]
    }

    /// Whether pixels move other than by flips.
    #[must_use]
    pub fn moves(&self) -> bool {
        let rest = Self { flip: [false; 2], brightness: None, channel_shift: 0.0, ..*self };
        rest != Self::NONE
    }

    fn warp(&self, pixels: &Pixels, fill: Fill) -> Vec<f32> {
        let (height, width) = (pixels.height, pixels.width);
        if !self.moves() {
            return pixels.rgb.iter().map(|byte| f32::from(*byte)).collect();
        }
        affine(pixels, self.matrix(height, width), fill)
    }

    fn shift_levels(&self, rgb: &mut [f32]) {
        if self.channel_shift != 0.0 {
            // Keras keeps what an image had as its darkest and brightest.
            let ends = |(low, high): (f32, f32), level: &f32| (low.min(*level), high.max(*level));
            let (low, high) = rgb.iter().fold((f32::INFINITY, f32::NEG_INFINITY), ends);
            let shift = self.channel_shift as f32;
            rgb.iter_mut().for_each(|level| *level = (*level + shift).clamp(low, high));
        }
    }

    fn mirror(&self, rgb: &mut [f32], width: usize) {
        let (pixels, _) = rgb.as_chunks_mut::<3>();
        if self.flip[0] {
            pixels.chunks_exact_mut(width).for_each(<[[f32; 3]]>::reverse);
        }
        if self.flip[1] {
            // All pixels backwards is upside down and mirrored.
            pixels.reverse();
            pixels.chunks_exact_mut(width).for_each(<[[f32; 3]]>::reverse);
        }
    }

    /// Changes nothing.
    pub const NONE: Self = Self {
        rotation: 0.0,
        shift: [0.0; 2],
        shear: 0.0,
        zoom: [1.0; 2],
        flip: [false; 2],
        brightness: None,
        channel_shift: 0.0,
        crop: WHOLE,
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use runner_random::{Key, Purpose};

    /// Four rows of four: (4 y + x)² mod 23.
    fn pixels() -> Pixels {
        let rgb = (0..16_u32).flat_map(|n| [(n * n % 23) as u8; 3]).collect();
        Pixels { height: 4, width: 4, rgb }
    }

    fn first_channel(rgb: &[f32]) -> Vec<f32> {
        rgb.iter().step_by(3).copied().collect()
    }

    #[test]
    fn warps_as_keras_does() {
        // keras 3.15, scipy 1.17: apply_affine_transform(x, theta=30, tx=0.5, ty=-0.8, shear=20,
        // zx=0.8, zy=1.3, order=1, cval=0), where x is the column.
        let change = Change {
            rotation: 30.0,
            shift: [-0.8, 0.5],
            shear: 20.0,
            zoom: [1.3, 0.8],
            ..Change::NONE
        };
        #[rustfmt::skip]
        let expected: [(Fill, [f32; 16]); 4] = [
            (Fill::Nearest, [
                7.9378, 9.0, 8.9775, 6.5775, 3.6638, 7.1837, 3.9638, 3.7181, 4.3502, 8.1096, 8.7902,
                7.0759, 17.4212, 14.1518, 9.9733, 11.2432,
            ]),
            (Fill::Constant, [
                0.0, 0.0, 0.0, 0.0, 3.6638, 7.1837, 0.0, 0.0, 4.3502, 8.1096, 8.7902, 7.0759, 0.0,
                14.1518, 9.9733, 11.2432,
            ]),
            (Fill::Reflect, [
                7.9378, 9.0, 8.1212, 7.4922, 3.6638, 7.1837, 3.9638, 3.7181, 4.3502, 8.1096, 8.7902,
                7.0759, 17.4212, 14.1518, 9.9733, 11.2432,
            ]),
            (Fill::Wrap, [
                8.5235, 10.193, 1.5286, 6.7991, 3.6638, 7.1837, 11.3743, 5.9627, 4.3502, 8.1096,
                8.7902, 7.0759, 5.9949, 14.1518, 9.9733, 11.2432,
            ]),
        ];
        for (fill, expected) in expected {
            let got = first_channel(&change.apply(&pixels(), fill));
            for (got, expected) in got.iter().zip(expected) {
                assert!((got - expected).abs() < 1e-3, "{fill}: {got} and {expected}");
            }
        }
    }

    #[test]
    fn shifts_by_whole_pixels_move_them() {
        // The same function with tx=2, ty=-3 and fill_mode="reflect".
        let change = Change { shift: [-3.0, 2.0], ..Change::NONE };
        let got = first_channel(&change.apply(&pixels(), Fill::Reflect));
        let expected =
            [8.0, 6.0, 6.0, 8.0, 13.0, 3.0, 3.0, 13.0, 4.0, 9.0, 9.0, 4.0, 4.0, 9.0, 9.0, 4.0];
        for (got, expected) in got.iter().zip(expected) {
            assert!((got - expected).abs() < 1e-4, "{got} and {expected}");
        }
    }

    #[test]
    fn flips_and_levels_by_hand() {
        let pixels = Pixels { height: 2, width: 2, rgb: [10, 20, 30, 40].repeat(3) };
        let pixels = Pixels { rgb: pixels.rgb[..12].to_vec(), ..pixels };
        let channel = |change: Change| first_channel(&change.apply(&pixels, Fill::Nearest));
        let plain = channel(Change::NONE);
        assert_eq!(plain, [10.0, 40.0, 30.0, 20.0]);
        assert_eq!(
            channel(Change { flip: [true, false], ..Change::NONE }),
            [40.0, 10.0, 20.0, 30.0]
        );
        assert_eq!(
            channel(Change { flip: [false, true], ..Change::NONE }),
            [30.0, 20.0, 10.0, 40.0]
        );
        let brighter = Change { brightness: Some(7.0), ..Change::NONE };
        assert_eq!(channel(brighter), [70.0, 255.0, 210.0, 140.0]);
        // Pillow: ImageEnhance.Brightness(image).enhance(0.77), 7.7, 30.8, 23.1, 15.4.
        let darker = Change { brightness: Some(0.77), ..Change::NONE };
        assert_eq!(channel(darker), [7.0, 30.0, 23.0, 15.0]);
        let shifted = Change { channel_shift: 15.0, ..Change::NONE };
        assert_eq!(channel(shifted), [25.0, 40.0, 40.0, 35.0]);
    }

    #[test]
    fn draws_stay_in_their_ranges_and_belong_to_their_key() {
        let settings = Augmentation {
            rotation: 40.0,
            width_shift: 0.2,
            height_shift: 0.1,
            shear: 0.2,
            zoom: [0.8, 1.2],
            horizontal_flip: true,
            vertical_flip: false,
            brightness: None,
            channel_shift: 0.0,
            fill: Fill::Nearest,
            ..Augmentation::default()
        };
        let key = Key::new(42, Purpose::Augment);
        let draw =
            |sample| Change::draw(&settings, [100, 200], &mut Key { sample, ..key }.stream());
        assert_eq!(draw(3), draw(3));
        let all: Vec<Change> = (0..400).map(draw).collect();
        let most = |f: fn(&Change) -> f64| all.iter().map(f).fold(0.0_f64, |a, b| a.max(b.abs()));
        assert!((38.0..=40.0).contains(&most(|c| c.rotation)));
        assert!((9.5..=10.0).contains(&most(|c| c.shift[0])));
        assert!((38.0..=40.0).contains(&most(|c| c.shift[1])));
        assert!((0.19..=0.2).contains(&most(|c| c.zoom[0] - 1.0)));
        let flipped = all.iter().filter(|c| c.flip[0]).count();
        assert!((160..=240).contains(&flipped), "four standard deviations are 40");
        assert!(all.iter().all(|c| !c.flip[1] && c.brightness.is_none()));
    }

    #[test]
    fn a_crop_shows_its_part_edge_to_edge() {
        let rgb = (0..16_u8).flat_map(|n| [n % 4 * 10; 3]).collect();
        let ramp = Pixels { height: 4, width: 4, rgb };
        // The right half of the columns 0, 10, 20, 30: from 1.75 in steps of a half.
        let change = Change { crop: [0.0, 0.5, 1.0, 0.5], ..Change::NONE };
        let got = first_channel(&change.apply(&ramp, Fill::Nearest));
        assert_eq!(got[..4], [17.5, 22.5, 27.5, 30.0]);
    }
}
