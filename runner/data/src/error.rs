//! What can be wrong with images.

use std::path::PathBuf;

use runner_experiment::text::shown;
use runner_record::BadImage;

use crate::problem::ImageProblem;

/// Why images cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DataError {
    /// Images of a data set cannot be used, and the experiment says to fail then.
    #[error("{} of the images cannot be used:{}\nremove or replace them, or set `on_bad_image = \"skip\"` in `[dataset]`", .0.len(), bad_list(.0))]
    BadDataset(Vec<BadImage>),
    /// Images cannot be used that were asked for, or that could be used a moment ago.
    #[error("{} of the images cannot be used:{}\nremove or replace them", .0.len(), bad_list(.0))]
    BadImages(Vec<BadImage>),
    /// Too many images were skipped.
    #[error(
        "no usable image is left of the class `{class}` in `{split}`; add images of it, or where the runner \
         divides them, give this split a larger share"
    )]
    EmptyClass {
        /// The split.
        split: &'static str,
        /// The class.
        class: String,
    },
    /// A split without images.
    #[error(
        "no usable image is in `{0}`; add images, or where the runner divides them, give this split a \
         larger share"
    )]
    EmptySplit(&'static str),
    /// The images of a folder cannot be divided.
    #[error("the images cannot be divided: {0}")]
    Division(String),
    /// Somebody asked to stop.
    #[error("interrupted")]
    Interrupted,
}

impl DataError {
    /// One image cannot be used.
    #[must_use]
    pub fn bad_image(path: PathBuf, problem: &ImageProblem) -> Self {
        Self::BadImages(vec![BadImage { path, problem: problem.to_string() }])
    }
}

fn bad_list(bad: &[BadImage]) -> String {
    bad.iter().map(|bad| format!("\n  {}: {}", shown(&bad.path), bad.problem)).collect()
}
