//! What training sees: some training images, each as it is and as an augmented stage changes it in
//! its first epochs.

use runner_experiment::Checked;
use runner_experiment::plan::Stage;

use crate::data::augment::{augment, rounded};
use crate::data::decode::{self, ImageProblem, Pixels};
use crate::data::features::view_key;
use crate::data::resize::resize;
use crate::data::scan::{BadImage, ContentHash};
use crate::error::LearnError;
use crate::random::{Key, Purpose};

/// The first stage that augments, with its position.
#[must_use]
pub fn augmented(checked: &Checked) -> Option<(usize, &Stage)> {
    checked.plan.stage.iter().enumerate().find(|(_, stage)| stage.augment)
}

/// How many views of an image take turns, where the first stage that augments keeps them.
#[must_use]
pub fn views(checked: &Checked) -> Option<usize> {
    let views = checked.plan.augmentation.as_ref()?.views?;
    let (_, stage) = augmented(checked)?;
    (stage.frozen_prefix(&checked.layers) > 0).then_some(views)
}

/// One row per image, as many of each class as there is room for: the image, then what the first
/// epochs make of it, or its views where these are kept.
///
/// # Errors
///
/// [`LearnError::BadImages`] where one cannot be read.
pub fn rows(
    checked: &Checked,
    images: usize,
    epochs: usize,
) -> Result<Vec<Vec<Pixels>>, LearnError> {
    let (Some(dataset), Some(settings)) = (&checked.plan.dataset, &checked.plan.augmentation)
    else {
        return Ok(Vec::new());
    };
    let Some(split) = checked.splits.iter().find(|split| split.name == "train") else {
        return Ok(Vec::new());
    };
    let stage = augmented(checked).map_or(0, |(at, _)| at);
    let key =
        Key { stage: stage as u64, ..Key::new(checked.plan.experiment.seed, Purpose::Augment) };
    let mut first = 0;
    let mut rows = Vec::new();
    for (class, left) in split.classes.iter().zip((1..=split.classes.len()).rev()) {
        let share = (images - rows.len()).div_ceil(left).min(class.files.len());
        for (at, file) in class.files.iter().take(share).enumerate() {
            let load = || -> Result<_, ImageProblem> {
                let bytes = decode::read(file)?;
                let hash: ContentHash = *blake3::hash(&bytes).as_bytes();
                Ok((resize(decode::decode(&bytes)?, dataset.image_size)?, hash))
            };
            let (pixels, hash) = load().map_err(|problem| {
                LearnError::BadImages(vec![BadImage { path: file.clone(), problem }])
            })?;
            let mut row = vec![pixels.clone()];
            for epoch in 1..=epochs {
                let sample = (first + at) as u64;
                let key = match views(checked) {
                    Some(views) => view_key(&hash, (epoch - 1) % views),
                    None => Key { sample, epoch: epoch as u64, ..key },
                };
                let mut stream = key.stream();
                row.push(rounded(&augment(&pixels, settings, &mut stream), &pixels));
            }
            rows.push(row);
        }
        first += class.files.len();
    }
    Ok(rows)
}
