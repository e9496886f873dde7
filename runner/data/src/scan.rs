//! What lies in the folders: every file read, hashed and decoded once.
//!
//! Decoding takes a thousandth of what the network takes. Done first, it names every empty,
//! damaged or absurdly large file in one go, before anything is computed; and it finds pictures
//! that are in two splits at once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use runner_experiment::listing::{Listed, Split, Target};

use super::decode;
use super::order::in_order;
use super::problem::ImageProblem;
use super::resize::resize;
use crate::error::DataError;
use crate::interrupt::Interrupt;
use runner_record::{BadImage, Duplicate, Event, Phase, Pixels, Place, ValueRange};

pub use super::seen::{ContentHash, Seen};

/// One usable image.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageFile {
    /// Where it is.
    pub path: PathBuf,
    /// What it is labelled with.
    pub target: Target,
    /// What it stays together with when images are divided.
    pub group: Option<String>,
    /// How much it counts in training.
    pub weight: f64,
    /// Hash of its bytes.
    pub hash: ContentHash,
    /// Height and width in pixels.
    pub size: [usize; 2],
}

impl ImageFile {
    /// A file that was listed and found to have this content.
    #[must_use]
    pub fn new(listed: &Listed, hash: ContentHash, size: [usize; 2]) -> Self {
        let Listed { path, target, group, weight } = listed.clone();
        Self { path, target, group, weight, hash, size }
    }

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

/// A split with its usable and its bad images.
#[derive(Debug, Clone, PartialEq)]
pub struct ScannedSplit {
    /// `train`, `validation` or `test`.
    pub name: &'static str,
    /// The names of its classes, sorted.
    pub classes: Vec<String>,
    /// Usable images, in the order of class and content, so that what is drawn for an image does not
    /// depend on what its file is called.
    pub images: Vec<ImageFile>,
    /// The others.
    pub bad: Vec<BadImage>,
    /// Images of 16 bits that use little of them, with the range found.
    pub narrow: Vec<(PathBuf, ValueRange)>,
}

/// Reads, hashes and decodes every file of the splits.
///
/// # Errors
///
/// [`DataError::Interrupted`]; bad images are in the result.
pub fn scan(
    splits: &[Split],
    interrupt: &Interrupt,
    observe: &mut dyn FnMut(Event),
) -> Result<Vec<ScannedSplit>, DataError> {
    scan_with(splits, &Seen::default(), interrupt, observe)
}

/// [`scan`], where files that were looked at before and did not change since are not read again.
///
/// # Errors
///
/// As [`scan`].
pub fn scan_with(
    splits: &[Split],
    seen: &Seen,
    interrupt: &Interrupt,
    observe: &mut dyn FnMut(Event),
) -> Result<Vec<ScannedSplit>, DataError> {
    let total = splits.iter().map(|split| split.images.len()).sum();
    let mut done = 0;
    let mut count = || {
        done += 1;
        interrupt.check()?;
        observe(Event::Progress { phase: Phase::Scan, done, total });
        Ok(())
    };
    splits.iter().map(|split| scan_split(split, seen, &mut count)).collect()
}

fn scan_split(
    split: &Split,
    seen: &Seen,
    count: &mut dyn FnMut() -> Result<(), DataError>,
) -> Result<ScannedSplit, DataError> {
    let files = &split.images;
    let folder = Path::new(&split.folder);
    seen.load(folder);
    let known = seen.count();
    let mut result = ScannedSplit {
        name: split.name,
        classes: split.classes.clone(),
        images: Vec::new(),
        bad: Vec::new(),
        narrow: Vec::new(),
    };
    in_order(
        files,
        |listed| seen.look(&listed.path),
        |index, looked| {
            let path = files[index].path.clone();
            match looked {
                Ok((hash, size, range)) => {
                    let narrow = range.filter(|range| range.is_narrow());
                    result.narrow.extend(narrow.map(|range| (path, range)));
                    result.images.push(ImageFile::new(&files[index], hash, size));
                }
                Err(problem) => result.bad.push(BadImage { path, problem: problem.to_string() }),
            }
            count()
        },
    )?;
    if seen.count() > known {
        seen.save(folder, files.iter().map(|listed| listed.path.as_path()));
    }
    sort(&mut result.images);
    Ok(result)
}

/// Puts images into the order of class and content.
pub fn sort(images: &mut [ImageFile]) {
    let class = |image: &ImageFile| image.target.class();
    images.sort_by(|a, b| (class(a), &a.hash, &a.path).cmp(&(class(b), &b.hash, &b.path)));
}

/// The hash of a file that is not decoded.
///
/// # Errors
///
/// [`ImageProblem`], where it cannot be read.
pub fn hash(path: &Path) -> Result<ContentHash, ImageProblem> {
    Ok(*blake3::hash(&decode::read(path)?).as_bytes())
}

/// Every picture that is in more than one place, by content.
#[must_use]
pub fn duplicates(splits: &[ScannedSplit]) -> Vec<Duplicate> {
    let mut places: BTreeMap<ContentHash, Vec<Place>> = BTreeMap::new();
    for split in splits {
        for image in &split.images {
            let class = image.target.text(&split.classes);
            let place = Place { split: split.name, path: image.path.clone(), class };
            places.entry(image.hash).or_default().push(place);
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

/// What an image is labelled with, as bytes, its weight where it has one of its own.
fn label(image: &ImageFile) -> Vec<u8> {
    let mut bytes = match &image.target {
        Target::Class(class) => class.to_le_bytes().to_vec(),
        other => other.values().iter().flat_map(|value| value.to_le_bytes()).collect(),
    };
    if image.weight != 1.0 {
        bytes.extend(image.weight.to_le_bytes());
    }
    bytes
}

/// Images of several pages, of which the first is read.
#[must_use]
pub fn of_several_pages(splits: &[ScannedSplit]) -> Vec<PathBuf> {
    let images = splits.iter().flat_map(|split| &split.images);
    let several = images.filter(|image| decode::has_more_pages(&image.path));
    several.map(|image| image.path.clone()).collect()
}

/// BLAKE3 of what the images are: split, class, and content of each, whatever the files are called.
#[must_use]
pub fn dataset_hash(splits: &[ScannedSplit]) -> String {
    let mut hasher = blake3::Hasher::new();
    for split in splits {
        hasher.update(split.name.as_bytes());
        let mut images: Vec<(Option<usize>, Vec<u8>, ContentHash)> =
            split.images.iter().map(|i| (i.target.class(), label(i), i.hash)).collect();
        images.sort_unstable();
        for (_, label, hash) in images {
            hasher.update(&label);
            hasher.update(&hash);
        }
    }
    hasher.finalize().to_hex().to_string()
}
