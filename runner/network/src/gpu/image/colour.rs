//! Everything that changes the levels of one pixel, in the order of `runner_data::augment`.

use burn::cubecl;
use burn::cubecl::prelude::*;
use runner_experiment::section::dataset::{CAFFE_MEAN, Preprocessing, TORCH_DEVIATION, TORCH_MEAN};

use super::warp::{Pixel, Rgb, number, warped, word};
use super::words::{BRIGHTNESS, CHANNEL_SHIFT, CONTRAST, ERASE, FLIP, HUE, SATURATION};
use super::work::{CHANNELS, Work};

/// After flips, the shift of the levels and brightness. `extremes` are the darkest and
/// the brightest level of each image.
#[cube]
pub(super) fn bright(
    bytes: &[u32],
    words: &[u32],
    extremes: &[f32],
    pixel: Pixel,
    #[comptime] work: Work,
) -> Rgb {
    let image = pixel.image;
    let flip = word(words, image, FLIP);
    let x = select((flip & 1) == 1, comptime!(work.width - 1) - pixel.x, pixel.x);
    let y = select((flip >> 1) == 1, comptime!(work.height - 1) - pixel.y, pixel.y);
    let mut rgb = warped(bytes, words, Pixel { image, x, y }, work);
    if comptime!(work.steps.channel_shift) {
        let shift = number(words, image, CHANNEL_SHIFT);
        let low = extremes[known(image, 0u32)];
        let high = extremes[known(image, 1u32)];
        rgb = Rgb {
            red: clamp(rgb.red + shift, low, high),
            green: clamp(rgb.green + shift, low, high),
            blue: clamp(rgb.blue + shift, low, high),
        };
    }
    if comptime!(work.steps.brightness) {
        let factor = number(words, image, BRIGHTNESS);
        rgb = Rgb {
            red: brighter(rgb.red, factor),
            green: brighter(rgb.green, factor),
            blue: brighter(rgb.blue, factor),
        };
    }
    rgb
}

/// Bytes to bytes, both rounded down.
#[cube]
fn brighter(level: f32, factor: f32) -> f32 {
    let byte = f32::cast_from(u32::cast_from(level));
    f32::cast_from(u32::cast_from(min(byte * factor, 255.0f32)))
}

/// The place of what is known of an image.
#[cube]
fn known(image: u32, which: u32) -> usize {
    (image * CHANNELS + which) as usize
}

/// The grey of a pixel (ITU-R BT.601).
#[cube]
pub(super) fn grey(rgb: Rgb) -> f32 {
    rgb.red * 0.299f32 + rgb.green * 0.587f32 + rgb.blue * 0.114f32
}

#[cube]
fn blend(level: f32, other: f32, factor: f32) -> f32 {
    clamp(level * factor + other * (1.0f32 - factor), 0.0f32, 255.0f32)
}

#[cube]
fn blended(rgb: Rgb, other: f32, factor: f32) -> Rgb {
    Rgb {
        red: blend(rgb.red, other, factor),
        green: blend(rgb.green, other, factor),
        blue: blend(rgb.blue, other, factor),
    }
}

/// After contrast, saturation and hue too. `greys` are the mean greys.
#[cube]
pub(super) fn coloured(
    bytes: &[u32],
    words: &[u32],
    extremes: &[f32],
    greys: &[f32],
    pixel: Pixel,
    #[comptime] work: Work,
) -> Rgb {
    let image = pixel.image;
    let mut rgb = bright(bytes, words, extremes, pixel, work);
    if comptime!(work.steps.contrast) {
        let mean = greys[known(image, 0u32)];
        rgb = blended(rgb, mean, number(words, image, CONTRAST));
    }
    if comptime!(work.steps.saturation) {
        rgb = blended(rgb, grey(rgb), number(words, image, SATURATION));
    }
    if comptime!(work.steps.hue) {
        rgb = turned(rgb, number(words, image, HUE));
    }
    rgb
}

/// The hue turned by some sixths of the circle.
#[cube]
fn turned(rgb: Rgb, turn: f32) -> Rgb {
    let top = max(rgb.red, max(rgb.green, rgb.blue));
    let chroma = top - min(rgb.red, min(rgb.green, rgb.blue));
    let mut result = rgb;
    if chroma > 0.0f32 {
        let mut sixth = (rgb.red - rgb.green) / chroma + 4.0f32;
        if top == rgb.red {
            sixth = (rgb.green - rgb.blue) / chroma;
        } else if top == rgb.green {
            sixth = (rgb.blue - rgb.red) / chroma + 2.0f32;
        }
        let hue = around(sixth + turn);
        result = Rgb {
            red: top - chroma * part_of(5.0f32 + hue),
            green: top - chroma * part_of(3.0f32 + hue),
            blue: top - chroma * part_of(1.0f32 + hue),
        };
    }
    result
}

/// The remainder of a division by six.
#[cube]
fn around(value: f32) -> f32 {
    value - 6.0f32 * (value / 6.0f32).floor()
}

/// max(0, min(k, 4 - k, 1))
#[cube]
fn part_of(k: f32) -> f32 {
    let k = around(k);
    clamp(min(k, 4.0f32 - k), 0.0f32, 1.0f32)
}

/// After erasing too: `colours` are the mean colours.
#[cube]
pub(super) fn finished(
    bytes: &[u32],
    words: &[u32],
    extremes: &[f32],
    greys: &[f32],
    colours: &[f32],
    pixel: Pixel,
    #[comptime] work: Work,
) -> Rgb {
    let image = pixel.image;
    let mut rgb = coloured(bytes, words, extremes, greys, pixel, work);
    if comptime!(work.steps.erase) {
        if is_erased(words, pixel) {
            rgb = Rgb {
                red: colours[known(image, 0u32)],
                green: colours[known(image, 1u32)],
                blue: colours[known(image, 2u32)],
            };
        }
    }
    preprocessed(rgb, work)
}

/// Whether a pixel is erased.
#[cube]
fn is_erased(words: &[u32], pixel: Pixel) -> bool {
    let Pixel { image, x, y } = pixel;
    y >= word(words, image, ERASE)
        && y < word(words, image, comptime!(ERASE + 1))
        && x >= word(words, image, comptime!(ERASE + 2))
        && x < word(words, image, comptime!(ERASE + 3))
}

/// What the network sees, in the order of its channels.
#[cube]
fn preprocessed(rgb: Rgb, #[comptime] work: Work) -> Rgb {
    let mut result = rgb;
    if comptime!(work.preprocessing == Some(Preprocessing::Rescale)) {
        result =
            Rgb { red: rgb.red / 255.0f32, green: rgb.green / 255.0f32, blue: rgb.blue / 255.0f32 };
    }
    if comptime!(work.preprocessing == Some(Preprocessing::Caffe)) {
        result = Rgb {
            red: rgb.blue - comptime!(CAFFE_MEAN[0]),
            green: rgb.green - comptime!(CAFFE_MEAN[1]),
            blue: rgb.red - comptime!(CAFFE_MEAN[2]),
        };
    }
    if comptime!(work.preprocessing == Some(Preprocessing::Torchvision)) {
        result = Rgb {
            red: (rgb.red / 255.0f32 - comptime!(TORCH_MEAN[0])) / comptime!(TORCH_DEVIATION[0]),
            green: (rgb.green / 255.0f32 - comptime!(TORCH_MEAN[1]))
                / comptime!(TORCH_DEVIATION[1]),
            blue: (rgb.blue / 255.0f32 - comptime!(TORCH_MEAN[2])) / comptime!(TORCH_DEVIATION[2]),
        };
    }
    if comptime!(work.preprocessing == Some(Preprocessing::Tensorflow)) {
        result = Rgb {
            red: rgb.red / 127.5f32 - 1.0f32,
            green: rgb.green / 127.5f32 - 1.0f32,
            blue: rgb.blue / 127.5f32 - 1.0f32,
        };
    }
    if comptime!(work.preprocessing == Some(Preprocessing::EfficientnetLite)) {
        result = Rgb {
            red: (rgb.red - 127.0f32) / 128.0f32,
            green: (rgb.green - 127.0f32) / 128.0f32,
            blue: (rgb.blue - 127.0f32) / 128.0f32,
        };
    }
    result
}
