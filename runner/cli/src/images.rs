//! What is said of images: those that are left out, nearly black, or where they should not be twice.

use std::path::PathBuf;

use runner_experiment::text::{shown, visible};
use runner_record::ValueRange;
use runner_record::{BadImage, Duplicate, Place};

use crate::terminal;

/// How many are shown by name.
const SHOWN: usize = 10;

/// Warns of pictures that a run found in several places.
pub fn show_duplicates(found: &[Duplicate]) {
    let contradictions: Vec<&Duplicate> = found.iter().filter(|d| d.is_contradiction()).collect();
    let leaks: Vec<&Duplicate> = found.iter().filter(|d| d.is_leak()).collect();
    let are = |count: usize| match count {
        1 => "1 picture is".to_owned(),
        count => format!("{count} pictures are"),
    };
    if !contradictions.is_empty() {
        let what = "in more than one class, a contradiction: one of the labels is wrong";
        list(&format!("{} {what}:", are(contradictions.len())), &contradictions);
    }
    if !leaks.is_empty() {
        let what = "in more than one split, so a score is measured on images that were seen before";
        list(&format!("{} {what}:", are(leaks.len())), &leaks);
    }
}

fn list(title: &str, found: &[&Duplicate]) {
    terminal::warning(title);
    for duplicate in found.iter().take(SHOWN) {
        terminal::note(&format!("  {}", line(duplicate)));
    }
    if found.len() > SHOWN {
        let rest = found.len() - SHOWN;
        terminal::note(&format!("  and {rest} more; `runner dataset check` lists all"));
    }
    for duplicate in found {
        let places = line(duplicate);
        tracing::info!(places, "{}", title.trim_end_matches(':'));
    }
}

/// `train/cats/a.jpg = train/dogs/b.jpg`, with the classes where they differ.
pub fn line(duplicate: &Duplicate) -> String {
    let contradicts = duplicate.is_contradiction();
    let place = |place: &Place| match contradicts {
        true => format!("{} ({})", shown(&place.path), visible(&place.class)),
        false => shown(&place.path),
    };
    duplicate.places.iter().map(place).collect::<Vec<_>>().join(" = ")
}

/// Warns of images of 16 bits that come out nearly black.
pub fn show_narrow(narrow: &[(PathBuf, ValueRange)]) {
    let high = narrow.iter().map(|(_, range)| range.high).max().unwrap_or(0);
    let low = narrow.iter().map(|(_, range)| range.low).min().unwrap_or(0);
    let images = match narrow.len() {
        1 => "1 image of 16 bits is".to_owned(),
        count => format!("{count} images of 16 bits are"),
    };
    terminal::warning(&format!(
        "{images} nearly black, with values from {low} to {high} of 65535; scale them (data of 12 \
         bits by 16):"
    ));
    for (path, range) in narrow.iter().take(SHOWN) {
        terminal::note(&format!("  {}: {} to {}", shown(path), range.low, range.high));
    }
    for (path, range) in narrow {
        tracing::info!(path = shown(path), range.low, range.high, "16 bits, little used");
    }
}

/// Warns of images of several pages, of which one is read.
pub fn show_pages(paths: &[PathBuf]) {
    terminal::warning(
        "TIFF of several pages, of which the first is read; split them where the others count:",
    );
    for path in paths.iter().take(SHOWN) {
        terminal::note(&format!("  {}", shown(path)));
    }
    if let Some(rest) = paths.len().checked_sub(SHOWN).filter(|rest| *rest > 0) {
        terminal::note(&format!("  and {rest} more"));
    }
}

/// Warns of images that are left out.
pub fn show_skipped(bad: &[BadImage]) {
    terminal::warning(&format!("{} of the images cannot be used and are left out:", bad.len()));
    for image in bad {
        terminal::note(&format!("  {}: {}", shown(&image.path), image.problem));
    }
}
