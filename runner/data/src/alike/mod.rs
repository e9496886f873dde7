//! Pictures that look alike: the same photo encoded again, scaled, brightened or trimmed a little.
//!
//! Two pictures look alike where their perceptual hashes are near and, since one hash in many is near by
//! chance, their small grey pictures correlate too. Copies with the same bytes are not these: `scan` finds
//! them.
//!
//! | module | what |
//! |---|---|
//! | `hash` | the perceptual hash of a picture, and its small grey picture |
//! | `near` | hashes that are near each other, without comparing all with all |

mod hash;
mod near;

use std::collections::BTreeMap;

use runner_record::{Event, Phase, Place};

use crate::error::DataError;
use crate::interrupt::Interrupt;
use crate::order::in_order;
use crate::scan::{ContentHash, ImageFile, ScannedSplit};
use hash::Look;

/// Bits of 64 in which the hashes of two pictures that look alike may differ, where nobody says
/// otherwise.
pub const DISTANCE: u32 = 10;

/// More is no likeness: hashes of different photos differ in 32 bits, give or take 4.
pub const MOST_DISTANCE: u32 = 16;

/// How much the small grey pictures must correlate.
const CORRELATION: f64 = 0.9;

/// Two pictures that look alike.
#[derive(Debug, Clone, PartialEq)]
pub struct Alike {
    /// Where they are; of several copies of one, the first.
    pub places: [Place; 2],
    /// Bits in which their hashes differ.
    pub distance: u32,
    /// Correlation of their small grey pictures.
    pub correlation: f64,
}

impl Alike {
    /// Whether they are in different splits, so that a score is measured on nearly known images.
    #[must_use]
    pub fn is_leak(&self) -> bool {
        self.places[0].split != self.places[1].split
    }

    /// Whether they are in different classes, so that one of the labels may be wrong.
    #[must_use]
    pub fn is_contradiction(&self) -> bool {
        self.places[0].class != self.places[1].class
    }
}

/// Every pair of pictures that look alike, the most alike first.
///
/// # Errors
///
/// [`DataError::Interrupted`]. A picture that cannot be read any more is left out.
pub fn pairs(
    splits: &[ScannedSplit],
    distance: u32,
    interrupt: &Interrupt,
    observe: &mut dyn FnMut(Event),
) -> Result<Vec<Alike>, DataError> {
    let mut contents: BTreeMap<ContentHash, (&ScannedSplit, &ImageFile)> = BTreeMap::new();
    for split in splits {
        for image in &split.images {
            contents.entry(image.hash).or_insert((split, image));
        }
    }
    let mut images: Vec<(&ScannedSplit, &ImageFile)> = contents.into_values().collect();
    images.sort_by_key(|(split, image)| (split.name, &image.path));
    let total = images.len();
    let mut looks: Vec<Option<Look>> = Vec::with_capacity(total);
    in_order(
        &images,
        |(_, image)| Look::of(&image.path),
        |index, look| {
            interrupt.check()?;
            looks.push(look);
            observe(Event::Progress { phase: Phase::Scan, done: index + 1, total });
            Ok::<(), DataError>(())
        },
    )?;
    let known: Vec<(usize, &Look)> =
        looks.iter().enumerate().filter_map(|(i, look)| Some((i, look.as_ref()?))).collect();
    let hashes: Vec<u64> = known.iter().map(|(_, look)| look.hash).collect();
    let mut found = Vec::new();
    near::each(&hashes, distance, &mut |a, b| {
        let [(a, look_a), (b, look_b)] = [known[a], known[b]];
        let correlation = look_a.correlation(look_b);
        if correlation >= CORRELATION {
            let distance = (look_a.hash ^ look_b.hash).count_ones();
            found.push(Alike {
                places: [place(images[a]), place(images[b])],
                distance,
                correlation,
            });
        }
    });
    found.sort_by(|a, b| a.distance.cmp(&b.distance).then_with(|| a.places.cmp(&b.places)));
    Ok(found)
}

fn place((split, image): (&ScannedSplit, &ImageFile)) -> Place {
    let class = image.target.text(&split.classes);
    Place { split: split.name, path: image.path.clone(), class }
}
