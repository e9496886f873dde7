//! Batches that a GPU prepares against those of the host.

use std::path::Path;

use runner_data::mixing::Mixing;
use runner_data::scan::{ImageFile, ScannedSplit};
use runner_experiment::listing::{Listed, Target};
use runner_experiment::plan::{Augmentation, Dataset, RandAugment};
use runner_network::Compute;
use runner_random::{Key, Purpose};

use super::*;
use crate::optimizer::tests::devices;
use crate::outputs::Arrived;
use crate::samples::Draws;

const SIDE: usize = 8;

/// A picture as BMP has it: rows from below, blue first.
fn bmp(seed: u64) -> Vec<u8> {
    let pixels = SIDE * SIDE * 3;
    let mut bytes = b"BM".to_vec();
    let header = [54 + pixels as u32, 0, 54, 40, SIDE as u32, SIDE as u32, 1 | 24 << 16, 0];
    bytes.extend(header.iter().flat_map(|word| word.to_le_bytes()));
    bytes.extend([pixels as u32, 2835, 2835, 0, 0].iter().flat_map(|word| word.to_le_bytes()));
    let mut stream = Key::new(seed, Purpose::Generate).stream();
    bytes.extend((0..pixels).map(|_| stream.below(256) as u8));
    bytes
}

/// So many pictures, in files.
pub(crate) fn split(folder: &Path, images: usize) -> ScannedSplit {
    let image = |index: usize| {
        let (path, bytes) = (folder.join(format!("{index}.bmp")), bmp(index as u64));
        std::fs::write(&path, &bytes).unwrap();
        let hash = *blake3::hash(&bytes).as_bytes();
        let target = Target::Class(index % 2);
        ImageFile::new(&Listed::new(path, target), hash, [SIDE; 2])
    };
    ScannedSplit {
        name: "train",
        classes: vec!["a".to_owned(), "b".to_owned()],
        images: (0..images).map(image).collect(),
        bad: Vec::new(),
        narrow: Vec::new(),
    }
}

/// The samples and the values of the batches of two epochs, rows that only fill one left out.
fn batches(
    split: &ScannedSplit,
    augmentation: &Augmentation,
    compute: &Compute,
) -> Result<Arrived<Vec<usize>>, LearnError> {
    let dataset = Dataset { image_size: [SIDE; 2], ..Dataset::default() };
    let shape =
        runner_experiment::architecture::Shape::Map { height: SIDE, width: SIDE, channels: 3 };
    let images = Images::new(split, &dataset, Some(augmentation.clone()), (None, shape));
    let order: Vec<usize> = (0..split.images.len()).rev().collect();
    let mut all = Vec::new();
    for epoch in 0..2 {
        let key = Key { epoch, ..Key::new(9, Purpose::Augment) };
        let draws = Draws { augment: key, mixing: Mixing::new(augmentation, key) };
        let pass = Pass { size: 4, draws, full: true, compute };
        run(&images, &order, pass, &mut |batch| {
            let rows = batch.samples.len();
            assert!(compute.is_host() || rows == 4);
            let mut values = inference::values(batch.input.flow(rows, shape, compute))?;
            values.truncate(batch.images * shape.elements());
            all.push((batch.samples[..batch.images].to_vec(), values));
            Ok(())
        })?;
    }
    Ok(all)
}

#[test]
fn a_gpu_prepares_the_batches_of_the_host() -> Result<(), LearnError> {
    let folder = tempfile::tempdir().map_err(|error| LearnError::bug(error.to_string()))?;
    let split = split(folder.path(), 11);
    let plain = Augmentation { horizontal_flip: true, rotation: 20.0, ..Augmentation::default() };
    let mixed = Augmentation { mixup: Some(0.4), ..plain.clone() };
    let rule = Some(RandAugment { operations: 2, magnitude: 9.0 });
    let changed = Augmentation { randaugment: rule, ..plain.clone() };
    let devices = devices();
    for augmentation in [plain, mixed, changed] {
        let expected = batches(&split, &augmentation, &devices[0])?;
        for compute in &devices[1..] {
            let found = batches(&split, &augmentation, compute)?;
            assert_eq!(found.len(), expected.len());
            for ((samples, values), (same, expected)) in found.iter().zip(&expected) {
                assert_eq!((samples, values.len()), (same, expected.len()));
                let pairs = values.iter().zip(expected);
                let largest = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                assert!(largest < 1e-5, "{largest}");
            }
        }
    }
    Ok(())
}
