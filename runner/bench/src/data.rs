//! Steps of the data.

use runner_data::{decode, preprocess, resize};
use runner_experiment::architecture::Shape;
use runner_experiment::section::dataset::{FeaturePrecision, Preprocessing};
use runner_learn::feature_cache::{Description, FeatureCache};

use crate::job::{Error, Job, SIDE, numbers};

/// Images whose features are read.
pub const CACHED: usize = 200;

/// Decodes, resizes and preprocesses a JPEG of the usual size of a photo from the data set.
pub fn decode() -> Result<Job, Error> {
    let (width, height) = (500, 375);
    let pixels: Vec<u8> = numbers(width * height * 3)
        .iter()
        .enumerate()
        .map(|(at, value)| ((at / 3 % width) / 4 + (value * 32.0) as usize) as u8)
        .collect();
    let mut bytes = Vec::new();
    image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 90).encode(
        &pixels,
        width as u32,
        height as u32,
        image::ExtendedColorType::Rgb8,
    )?;
    Ok(Box::new(move || {
        let small = resize::resize(decode::decode(&bytes)?, [SIDE, SIDE])?;
        let _ = preprocess::preprocess(&small, Preprocessing::Rescale);
        Ok(())
    }))
}

/// Reads the features of images from the cache.
pub fn cache() -> Result<Job, Error> {
    let folder = tempfile::tempdir()?;
    let shape = Shape::Map { height: 4, width: 4, channels: 512 };
    let description = Description {
        view: None,
        layer: "block5_pool".to_owned(),
        shape: shape.to_string(),
        values: shape.elements(),
        image_size: [SIDE, SIDE],
        preprocessing: "rescale".to_owned(),
        precision: FeaturePrecision::F32,
        device: "cpu".to_owned(),
        weights: String::new(),
        implementation: String::new(),
    };
    let cache = FeatureCache::open(folder.path(), &description);
    let features = numbers(shape.elements());
    let hash = |at: usize| {
        let mut hash = [0; 32];
        hash[..8].copy_from_slice(&at.to_le_bytes());
        hash
    };
    for at in 0..CACHED {
        if !cache.put(&hash(at), &features) {
            return Err("an entry cannot be kept".into());
        }
    }
    Ok(Box::new(move || {
        // Owned here, so that the folder goes when the job does.
        let _ = &folder;
        let found = (0..CACHED).filter(|at| cache.get(&hash(*at)).is_some()).count();
        if found == CACHED { Ok(()) } else { Err("an entry is gone".into()) }
    }))
}
