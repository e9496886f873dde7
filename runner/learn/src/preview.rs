//! What training sees: some training images, each as it is and as an augmented stage changes it in
//! its first epochs.

use runner_experiment::Checked;
use runner_experiment::plan::Stage;

use crate::data::augment::{augment, rounded};
use crate::data::decode::{self, Pixels};
use crate::data::resize::resize;
use crate::data::scan::BadImage;
use crate::error::LearnError;
use crate::random::{Key, Purpose};

/// The first stage that augments, with its position.
#[must_use]
pub fn augmented(checked: &Checked) -> Option<(usize, &Stage)> {
    checked.plan.stage.iter().enumerate().find(|(_, stage)| stage.augment)
}

/// One row per image, as many of each class as there is room for: the image, then what the first
/// epochs make of it.
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
            let load = || resize(decode::decode(&decode::read(file)?)?, dataset.image_size);
            let pixels = load().map_err(|problem| {
                LearnError::BadImages(vec![BadImage { path: file.clone(), problem }])
            })?;
            let mut row = vec![pixels.clone()];
            for epoch in 1..=epochs {
                let sample = (first + at) as u64;
                let mut stream = Key { sample, epoch: epoch as u64, ..key }.stream();
                row.push(rounded(&augment(&pixels, settings, &mut stream), &pixels));
            }
            rows.push(row);
        }
        first += class.files.len();
    }
    Ok(rows)
}
