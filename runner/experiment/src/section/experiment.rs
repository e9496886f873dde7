//! `[experiment]`: name, description and seed.

use crate::value::{Seed, section};

section! {
    /// What this experiment is called and where it comes from.
    #[derive(Eq)]
    pub struct Experiment from ExperimentSection {
        /// The name of the experiment and of its folder under `results/`. Letters, digits, `-`,
        /// `_` and `.`.
        name: String [required],
        /// One sentence on the question that this experiment answers.
        description: String = String::new(),
        /// Seed of every random draw.
        seed: Seed = 42,
        /// Words to find this experiment by.
        tags: Vec<String> = Vec::new(),
    }
}
