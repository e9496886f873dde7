//! Feature maps, one tile per channel.

use image::{Rgb, RgbImage, imageops};
use runner_experiment::section::visualize::{Colors, Scale};

use super::colour::{colour, of_level};
use super::grid;

/// Tiles smaller than this are enlarged, pixel by pixel.
const LEAST: u32 = 32;

/// Colours of a dead channel.
const DEAD: Rgb<u8> = Rgb([120; 3]);
const CROSS: Rgb<u8> = Rgb([170; 3]);

/// Feature maps `[channel, height, width]`.
#[derive(Debug, Clone, Copy)]
pub struct Channels<'a> {
    pub values: &'a [f32],
    pub height: usize,
    pub width: usize,
}

/// How feature maps are shown.
#[derive(Debug, Clone, Copy)]
pub struct Look<'a> {
    /// Only these; an empty list means all.
    pub channels: &'a [usize],
    /// Tiles per row.
    pub columns: usize,
    /// What the colours stand for.
    pub scale: Scale,
    pub colors: Colors,
}

/// A grid of tiles in the order of the channels.
#[must_use]
pub fn picture(maps: Channels<'_>, look: Look<'_>) -> RgbImage {
    let all: Vec<&[f32]> = maps.values.chunks_exact((maps.height * maps.width).max(1)).collect();
    let top = maps.values.iter().copied().fold(0.0_f32, f32::max);
    let chosen: Vec<&[f32]> = match look.channels.is_empty() {
        true => all,
        false => look.channels.iter().filter_map(|channel| all.get(*channel).copied()).collect(),
    };
    let tiles: Vec<RgbImage> = chosen.into_iter().map(|map| tile(map, maps, look, top)).collect();
    let rows: Vec<Vec<RgbImage>> =
        tiles.chunks(look.columns.max(1)).map(<[RgbImage]>::to_vec).collect();
    grid::grid(&rows, 1)
}

fn tile(map: &[f32], maps: Channels<'_>, look: Look<'_>, top: f32) -> RgbImage {
    let colours: Vec<u8> = match look.scale {
        Scale::Channel => levels(map).into_iter().flat_map(|l| of_level(look.colors, l)).collect(),
        Scale::Layer => {
            let share = |value: &f32| if top > 0.0 { value / top } else { 0.0 };
            map.iter().flat_map(|value| colour(look.colors, share(value))).collect()
        }
    };
    let tile = super::from_rgb(maps.width, maps.height, colours);
    let factor = LEAST.div_ceil(tile.width().min(tile.height()).max(1)).max(1);
    let (width, height) = (tile.width() * factor, tile.height() * factor);
    if map.iter().all(|value| *value == 0.0) {
        return dead(width, height);
    }
    imageops::resize(&tile, width, height, imageops::FilterType::Nearest)
}

/// The textbook's normalisation: mean to 128, deviation to 64, cut off at 0 and 255.
#[must_use]
pub fn levels(map: &[f32]) -> Vec<u8> {
    let count = map.len().max(1) as f64;
    let mean = map.iter().map(|value| f64::from(*value)).sum::<f64>() / count;
    let variance = map.iter().map(|value| (f64::from(*value) - mean).powi(2)).sum::<f64>() / count;
    let scale = if variance > 0.0 { 64.0 / variance.sqrt() } else { 0.0 };
    let level = |value: &f32| ((f64::from(*value) - mean) * scale + 128.0).clamp(0.0, 255.0) as u8;
    map.iter().map(level).collect()
}

/// Grey with a cross.
fn dead(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let along = x * height / width.max(1);
        if along.abs_diff(y) <= 1 || (height - 1 - along.min(height - 1)).abs_diff(y) <= 1 {
            CROSS
        } else {
            DEAD
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_by_hand() {
        // Mean 1, deviation 1; a value that is far away is cut off.
        assert_eq!(levels(&[0.0, 2.0]), [64, 192]);
        assert_eq!(levels(&[3.0, 3.0]), [128, 128]);
        let mut far = vec![0.0; 99];
        far.push(1.0);
        assert_eq!(levels(&far)[99], 255);
    }

    #[test]
    fn a_dead_channel_is_shown_as_dead() {
        let values = [[0.0; 4], [1.0, 0.0, 0.0, 0.0]].concat();
        let maps = Channels { values: &values, height: 2, width: 2 };
        let look = Look { channels: &[], columns: 2, scale: Scale::Layer, colors: Colors::Gray };
        let picture = picture(maps, look);
        assert_eq!(picture.dimensions(), (67, 34));
        assert_eq!(picture.get_pixel(17, 4).0, [120; 3]);
        assert_eq!(picture.get_pixel(35, 2).0, [255; 3]);
        assert_eq!(picture.get_pixel(60, 30).0, [0; 3]);
    }
}
