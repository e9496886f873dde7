//! `runner preview`: a grid of training images as a stage sees them.

use image::RgbImage;
use runner_learn::data::decode::Pixels;
use runner_learn::preview;
use runner_results::{atomic, picture};

use crate::arguments::PreviewArguments;
use crate::failure::Failure;
use crate::{diagnostics, terminal};

/// White pixels between images.
const MARGIN: u32 = 4;

pub(super) fn preview(arguments: &PreviewArguments) -> Result<(), Failure> {
    let checked = runner_experiment::load(&arguments.file, &arguments.set)?;
    diagnostics::show_warnings(&checked);
    let Some((_, stage)) = preview::augmented(&checked) else {
        let message = format!(
            "error: no stage of {} augments: set `augment = true` in one, with an `[augmentation]` table",
            arguments.file.display()
        );
        return Err(Failure::usage(message));
    };
    let (images, epochs) = (usize::from(arguments.images), usize::from(arguments.epochs));
    let rows: Vec<Vec<RgbImage>> = preview::rows(&checked, images, epochs)?
        .into_iter()
        .map(|row| row.into_iter().filter_map(tile).collect())
        .collect();
    let bytes = picture::png(&picture::grid::grid(&rows, MARGIN))?;
    atomic::write(&arguments.out, &bytes)?;
    terminal::out(&format!(
        "{}: {} training images, each as it is and in epochs 1 to {epochs} of stage {}",
        arguments.out.display(),
        rows.len(),
        stage.name
    ));
    Ok(())
}

fn tile(pixels: Pixels) -> Option<RgbImage> {
    let side = |length: usize| u32::try_from(length).ok();
    RgbImage::from_raw(side(pixels.width)?, side(pixels.height)?, pixels.rgb)
}
