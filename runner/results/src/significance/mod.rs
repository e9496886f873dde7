//! Whether two settings differ by more than chance, from who was right on which image.
//!
//! Two runs: McNemar's exact test, with an allowance for what another seed would have done. Several
//! seeds on at least one side: an analysis of seeds and images. Knows neither tables nor words:
//! `diff` puts them around it.

mod distribution;
mod mcnemar;
mod needed;
mod newcombe;
mod seeds;
mod single;

pub use mcnemar::Pairs;
pub use needed::{images_for_mcnemar, images_for_seeds, seeds_for_images};
pub use newcombe::paired_interval;
pub use seeds::{Components, SeedsAndImages, components, seeds_and_images};
pub use single::{SingleRuns, seed_spread};

/// How often two equal settings may be told apart: 5 %, both directions together.
pub const LEVEL: f64 = 0.05;

/// What can be said about two settings A and B.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A is better than B.
    ABetter,
    /// B is better than A.
    BBetter,
    /// Neither is shown.
    CannotTell,
}

impl Outcome {
    /// Of a difference B - A whose 95 % interval is known, and the p-value of its test.
    fn of(difference: f64, p_value: f64, interval: [f64; 2]) -> Self {
        let [low, high] = interval;
        if p_value < LEVEL && difference > 0.0 && low > 0.0 {
            Self::BBetter
        } else if p_value < LEVEL && difference < 0.0 && high < 0.0 {
            Self::ABetter
        } else {
            Self::CannotTell
        }
    }
}

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
/// to 1, where each side has a single run; [`seed_spread`] where there is none. `None` with fewer
/// than two images or without a run.
#[must_use]
pub fn compare(a: &[Vec<bool>], b: &[Vec<bool>], spread: Option<f64>) -> Option<Finding> {
    match (a, b) {
        ([a], [b]) => single::single_runs(Pairs::count(a, b), spread).map(Finding::Single),
        _ => seeds_and_images(a, b).map(Finding::Seeds),
    }
}
