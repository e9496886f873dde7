//! `runner preview`: a grid of training images as a stage sees them.

use std::path::PathBuf;

use clap::Args;
use image::RgbImage;
use runner_data::preview;
use runner_experiment::Override;
use runner_record::Event;
use runner_record::Pixels;
use runner_results::picture::text;
use runner_results::{atomic, picture};

use crate::arguments::ResultsArguments;
use crate::failure::Failure;
use crate::{diagnostics, division, images, signals, terminal};

/// `preview`
#[derive(Debug, Args)]
pub struct PreviewArguments {
    /// The experiment file.
    pub file: PathBuf,
    /// Change a key of the plan: `--set augmentation.rotation=90`.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<Override>,
    /// How many images, one per row.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub images: u16,
    /// How many epochs, one per column after the image itself.
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub epochs: u16,
    #[command(flatten)]
    pub results: ResultsArguments,
    /// The picture.
    #[arg(long, value_name = "FILE", default_value = "preview.png")]
    pub out: PathBuf,
}

/// White pixels between images.
const MARGIN: u32 = 4;

pub(super) fn preview(arguments: &PreviewArguments) -> Result<(), Failure> {
    let checked = runner_experiment::load(&arguments.file, &arguments.set)?;
    diagnostics::show_warnings(&checked);
    let Some((_, stage)) = preview::augmented(&checked) else {
        let message = format!(
            "no stage of {} augments: set `augment = true` in one, with an `[augmentation]` table",
            arguments.file.display()
        );
        return Err(Failure::usage(message));
    };
    let (images, epochs) = (usize::from(arguments.images), usize::from(arguments.epochs));
    let views = preview::views(&checked);
    let epochs = views.map_or(epochs, |views| views.min(epochs));
    let interrupt = signals::interrupt()?;
    let earlier = division::earlier(&checked.plan, &arguments.results.results, None)?;
    let rows = preview::rows(&checked, (images, epochs), &earlier, &interrupt, &mut |event| {
        if let Event::Skipped(bad) = event {
            images::show_skipped(&bad);
        }
    })?;
    let rows: Vec<Vec<RgbImage>> = rows
        .into_iter()
        .map(|row| {
            let tiles = row.into_iter().filter_map(tile).enumerate();
            tiles.map(|(column, tile)| headed(&tile, column, views)).collect()
        })
        .collect();
    let bytes = picture::png(&picture::grid::grid(&rows, MARGIN))?;
    atomic::write(&arguments.out, &bytes)?;
    terminal::out(&format!(
        "{}: {} training images, each as it is and in {} 1 to {epochs} of stage {}",
        arguments.out.display(),
        rows.len(),
        if views.is_some() { "views" } else { "epochs" },
        stage.name
    ));
    Ok(())
}

/// A tile that says what it is.
fn headed(tile: &RgbImage, column: usize, views: Option<usize>) -> RgbImage {
    let line = match (column, views) {
        (0, _) => "as it is".to_owned(),
        (view, Some(_)) => format!("view {view}"),
        (epoch, None) => format!("epoch {epoch}"),
    };
    text::captioned(tile, &[line])
}

fn tile(pixels: Pixels) -> Option<RgbImage> {
    let side = |length: usize| u32::try_from(length).ok();
    RgbImage::from_raw(side(pixels.width)?, side(pixels.height)?, pixels.rgb)
}
