//! The drawn shapes, made where an experiment wants them and they are not there.

use std::path::Path;

use runner_data::generate;
use runner_experiment::{Diagnostics, Severity, folder};

use crate::failure::Failure;
use crate::terminal;

/// Where the shipped experiments look for them.
pub const PLACE: &str = "data/shapes";

/// Whether nothing is wrong with a file but that the shapes are not there.
pub fn alone_are_missing(diagnostics: &Diagnostics) -> bool {
    let Some(command) = folder::fetch_command(PLACE) else { return false };
    let answer = format!("`{command}` brings it");
    let mut errors = diagnostics.iter().filter(|found| found.severity == Severity::Error);
    !Path::new(PLACE).exists() && errors.all(|found| found.help.as_ref() == Some(&answer))
}

/// Draws them into `folder`; returns how many pictures that are.
///
/// # Errors
///
/// A [`Failure`] where a file cannot be written.
pub fn draw(folder: &Path, seed: u64) -> Result<usize, Failure> {
    generate::shapes(folder, seed).map_err(|error| Failure::of(1, &error))
}

/// Draws them where the shipped experiments look for them, and says so before.
///
/// # Errors
///
/// As [`draw`].
pub fn bring() -> Result<(), Failure> {
    terminal::note(&format!("{PLACE} is not there yet: drawing its pictures"));
    draw(Path::new(PLACE), SEED).map(|_| ())
}

/// The seed of the shipped experiments' pictures.
pub const SEED: u64 = 42;
