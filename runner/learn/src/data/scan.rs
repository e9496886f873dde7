//! What lies in the folders: every file read, hashed and decoded once.
//!
//! Decoding takes a thousandth of what the network takes. Done first, it names every empty,
//! damaged or absurdly large file in one go, before anything is computed; and it finds pictures
//! that are in two splits at once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use runner_experiment::folder::Split;

use super::decode::{self, ImageProblem, Pixels};
use super::order::in_order;
use super::resize::resize;
use crate::error::LearnError;
use crate::event::{Event, Phase};
use crate::interrupt::Interrupt;

/// BLAKE3 of the bytes of a file.
pub type ContentHash = [u8; 32];

/// One usable image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageFile {
    /// Where it is.
    pub path: PathBuf,
    /// Index of its class in sorted order.
    pub class: usize,
    /// Hash of its bytes.
    pub hash: ContentHash,
    /// Height and width in pixels.
    pub size: [usize; 2],
}

impl ImageFile {
    /// The image, decoded and resized to `[height, width]`.
    ///
    /// # Errors
    ///
    /// [`ImageProblem::Changed`] where the file is no longer what it was when it was scanned, and
    /// what decoding can say.
    pub fn pixels(&self, size: [usize; 2]) -> Result<Pixels, ImageProblem> {
        let bytes = decode::read(&self.path)?;
        // What is computed is kept under the hash of the scan: it must be that of the same bytes.
        if *blake3::hash(&bytes).as_bytes() != self.hash {
            return Err(ImageProblem::Changed);
        }
        resize(decode::decode(&bytes)?, size)
    }
}

/// One image that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadImage {
    /// Where it is.
    pub path: PathBuf,
    /// What is wrong with it.
    pub problem: ImageProblem,
}

/// A split with its usable and its bad images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScannedSplit {
    /// `train`, `validation` or `test`.
    pub name: &'static str,
    /// Usable images, in the order of class and path.
    pub images: Vec<ImageFile>,
    /// The others.
    pub bad: Vec<BadImage>,
}

/// One picture found in several places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Duplicate {
    /// The split and the path of each place, in order.
    pub places: Vec<(&'static str, PathBuf)>,
}

impl Duplicate {
    /// Whether the places are in different splits, so that a score is measured on known images.
    #[must_use]
    pub fn is_leak(&self) -> bool {
        self.places.windows(2).any(|pair| pair[0].0 != pair[1].0)
    }
}

/// Reads, hashes and decodes every file of the splits.
///
/// # Errors
///
/// [`LearnError::Interrupted`]; bad images are in the result.
pub fn scan(
    splits: &[Split],
    interrupt: &Interrupt,
    observe: &mut dyn FnMut(Event),
) -> Result<Vec<ScannedSplit>, LearnError> {
    let total = splits.iter().map(Split::images).sum();
    let mut done = 0;
    let mut scanned = Vec::new();
    for split in splits {
        let files: Vec<(&Path, usize)> = files(split).collect();
        let mut result = ScannedSplit { name: split.name, images: Vec::new(), bad: Vec::new() };
        in_order(
            &files,
            |(path, _)| look(path),
            |at, looked| {
                interrupt.check()?;
                let (path, class) = (files[at].0.to_path_buf(), files[at].1);
                match looked {
                    Ok((hash, size)) => result.images.push(ImageFile { path, class, hash, size }),
                    Err(problem) => result.bad.push(BadImage { path, problem }),
                }
                done += 1;
                observe(Event::Progress { phase: Phase::Scan, done, total });
                Ok::<(), LearnError>(())
            },
        )?;
        scanned.push(result);
    }
    Ok(scanned)
}

fn files(split: &Split) -> impl Iterator<Item = (&Path, usize)> {
    split
        .classes
        .iter()
        .enumerate()
        .flat_map(|(class, folder)| folder.files.iter().map(move |path| (path.as_path(), class)))
}

fn look(path: &Path) -> Result<(ContentHash, [usize; 2]), ImageProblem> {
    let bytes = decode::read(path)?;
    let pixels = decode::decode(&bytes)?;
    Ok((*blake3::hash(&bytes).as_bytes(), [pixels.height, pixels.width]))
}

/// Every picture that is in more than one place, by content.
#[must_use]
pub fn duplicates(splits: &[ScannedSplit]) -> Vec<Duplicate> {
    let mut places: BTreeMap<ContentHash, Vec<(&'static str, PathBuf)>> = BTreeMap::new();
    for split in splits {
        for image in &split.images {
            places.entry(image.hash).or_default().push((split.name, image.path.clone()));
        }
    }
    let mut found: Vec<Duplicate> = places
        .into_values()
        .filter(|places| places.len() > 1)
        .map(|places| Duplicate { places })
        .collect();
    found.sort_by(|a, b| a.places.cmp(&b.places));
    found
}

/// BLAKE3 of what the images are: split, class, and content of each, whatever the files are called.
#[must_use]
pub fn dataset_hash(splits: &[ScannedSplit]) -> String {
    let mut hasher = blake3::Hasher::new();
    for split in splits {
        hasher.update(split.name.as_bytes());
        let mut images: Vec<(usize, ContentHash)> =
            split.images.iter().map(|image| (image.class, image.hash)).collect();
        images.sort_unstable();
        for (class, hash) in images {
            hasher.update(&class.to_le_bytes());
            hasher.update(&hash);
        }
    }
    hasher.finalize().to_hex().to_string()
}
