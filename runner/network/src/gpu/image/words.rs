//! What a launch is told, as words of 32 bits: a head for the whole batch, then as many words for
//! each image.

use runner_data::augment::Recipe;
use runner_data::mixing::Mix;

/// Always zero, which no compiler can know.
pub(super) const ZERO: usize = 0;
/// The share of the partners.
pub(super) const SHARE: usize = 1;
/// 1 where a rectangle comes from the partner, 0 where the whole is mixed.
pub(super) const CUT: usize = 2;
/// The rectangle: first row, row behind it, first column, column behind it.
pub(super) const REGION: usize = 3;
/// Words of the head.
pub(super) const HEAD: usize = 7;

/// Which of the images in memory it is.
pub(super) const SOURCE: usize = 0;
/// The place of the partner in the batch.
pub(super) const PARTNER: usize = 1;
/// Bit 0: left to right; bit 1: top to bottom.
pub(super) const FLIP: usize = 2;
pub(super) const BRIGHTNESS: usize = 3;
pub(super) const CHANNEL_SHIFT: usize = 4;
pub(super) const CONTRAST: usize = 5;
pub(super) const SATURATION: usize = 6;
/// In sixths of the colour circle.
pub(super) const HUE: usize = 7;
/// What is erased, as [`REGION`].
pub(super) const ERASE: usize = 8;
/// Six numbers with 64 bits of fraction, three words each: those for x of the place, then for y.
pub(super) const MATRIX: usize = 12;
/// Words of an image.
pub(super) const IMAGE: usize = 30;

/// The words of a batch. `sources` says which of the images in memory each is.
pub(super) fn encode(
    sources: &[usize],
    recipes: &[Recipe],
    mix: Option<&Mix>,
    [height, width]: [usize; 2],
) -> Vec<u32> {
    let mut words = Vec::with_capacity(HEAD + sources.len() * IMAGE);
    let share = mix.map_or(0.0, |mix| mix.share as f32);
    let region = mix.and_then(|mix| mix.region.clone());
    words.extend([0, share.to_bits(), u32::from(region.is_some())]);
    words.extend(region.map_or([0; 4], |[rows, columns]| {
        [rows.start, rows.end, columns.start, columns.end].map(word)
    }));
    for (place, (source, recipe)) in sources.iter().zip(recipes).enumerate() {
        let partner = mix.and_then(|mix| mix.partners.get(place)).map_or(place, |other| *other);
        words.extend([word(*source), word(partner)]);
        words.extend(colours(recipe));
        words.extend(recipe.erase.map_or([0; 4], |part| {
            let (bottom, right) = (part.top + part.height, part.left + part.width);
            [part.top, bottom, part.left, right].map(word)
        }));
        for row in recipe.change.matrix(height, width) {
            words.extend(row.iter().flat_map(|number| fixed(*number)));
        }
    }
    words
}

/// From [`FLIP`] to [`HUE`].
fn colours(recipe: &Recipe) -> [u32; 6] {
    let change = &recipe.change;
    let flip = u32::from(change.flip[0]) + 2 * u32::from(change.flip[1]);
    let number = |value: Option<f64>, none: f64| (value.unwrap_or(none) as f32).to_bits();
    [
        flip,
        number(change.brightness, 1.0),
        number(Some(change.channel_shift), 0.0),
        number(recipe.contrast, 1.0),
        number(recipe.saturation, 1.0),
        (recipe.hue.unwrap_or(0.0) as f32 * 6.0).to_bits(),
    ]
}

/// Numbers of images, rows and columns are far below 2³².
fn word(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// Whole part, then the higher and the lower half of 64 bits of fraction.
fn fixed(value: f64) -> [u32; 3] {
    let scaled = (value * 2.0_f64.powi(64)) as i128;
    [(scaled >> 64) as u32, (scaled >> 32) as u32, scaled as u32]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_by_hand() {
        assert_eq!(fixed(1.5), [1, 0x8000_0000, 0]);
        assert_eq!(fixed(-0.25), [u32::MAX, 0xC000_0000, 0]);
        assert_eq!(fixed(2.0_f64.powi(-64)), [0, 0, 1]);
    }

    #[test]
    fn an_image_has_as_many_words_as_are_read() {
        let words = encode(&[5, 7], &[Recipe::NONE, Recipe::NONE], None, [4, 6]);
        assert_eq!(words.len(), HEAD + 2 * IMAGE);
        assert_eq!(words[HEAD + IMAGE + SOURCE], 7);
        // The identity.
        assert_eq!(words[HEAD + MATRIX..][..18].iter().sum::<u32>(), 2);
    }
}
