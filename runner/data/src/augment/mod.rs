//! Random changes to training images.
//!
//! What is drawn is a function of (seed, stage, epoch, image), so that an epoch can be replayed.
//! RandAugment's operations come first, then one warp with everything that moves pixels, then
//! colours, then erasing.

mod affine;
mod colour;
mod crop;
mod erase;
mod pillow;
mod randaugment;
mod recipe;
mod warp;

pub use erase::Rectangle;
pub use randaugment::Step;
pub use recipe::Recipe;
use runner_experiment::plan::Augmentation;
pub use warp::Change;

use crate::scan::ContentHash;
use runner_random::{Key, Purpose, Stream};
use runner_record::Pixels;

/// The changed image: grey levels `[height, width, 3]`.
#[must_use]
pub fn augment(pixels: &Pixels, settings: &Augmentation, stream: &mut Stream) -> Vec<f32> {
    Recipe::draw(settings, [pixels.height, pixels.width], stream).apply(pixels)
}

/// Says which change of a picture is its view of this number: a function of these two alone, so
/// that every run has the same.
#[must_use]
pub fn view_key(image: &ContentHash, view: usize) -> Key {
    let (sample, _) = image.split_first_chunk::<8>().unwrap_or((&[0; 8], &[]));
    let sample = u64::from_le_bytes(*sample);
    Key { sample, epoch: view as u64, ..Key::new(0, Purpose::View) }
}

/// Rounded to whole levels.
#[must_use]
pub fn rounded(levels: &[f32], like: &Pixels) -> Pixels {
    let rgb = levels.iter().map(|level| level.round() as u8).collect();
    Pixels { height: like.height, width: like.width, rgb }
}
