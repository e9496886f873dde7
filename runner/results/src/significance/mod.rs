//! Whether two settings differ by more than chance, from who was right on which image.
//!
//! Two runs: McNemar's exact test, with an allowance for what another seed would have done. Several
//! seeds on at least one side: an analysis of seeds and images. Knows neither tables nor words:
//! `diff` puts them around it.

mod distribution;
mod level;
mod mcnemar;
mod needed;
mod newcombe;
mod seeds;
mod single;

pub use level::{LEVEL, Outcome};
pub use mcnemar::Pairs;
pub use needed::{images_for_mcnemar, images_for_seeds, seeds_for_images};
pub use newcombe::paired_interval;
pub use seeds::{Components, SeedsAndImages, components, seeds_and_images};
pub use single::{SingleRuns, seed_spread};

/// What a test found.
#[derive(Debug, Clone, PartialEq)]
pub enum Finding {
    /// One run on each side.
    Single(SingleRuns),
    /// Several seeds on at least one side.
    Seeds(SeedsAndImages),
}

impl Finding {
    /// What can be said.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Single(found) => Outcome::of(found.difference, found.p_value, found.interval),
            Self::Seeds(found) => Outcome::of(found.difference, found.p_value, found.interval),
        }
    }
}

/// Compares two settings. `a[seed][image]` says whether that run was right on that image; the images
/// are the same everywhere. `spread` is the standard deviation of the accuracy between seeds, from 0
/// to 1, that a single run is taken to have; [`seed_spread`] where there is none. `None` with fewer
/// than two images or without a run.
#[must_use]
pub fn compare(a: &[Vec<bool>], b: &[Vec<bool>], spread: Option<f64>) -> Option<Finding> {
    match (a, b) {
        ([a], [b]) => single::single_runs(Pairs::count(a, b), spread).map(Finding::Single),
        _ => seeds_and_images(a, b, spread).map(Finding::Seeds),
    }
}
