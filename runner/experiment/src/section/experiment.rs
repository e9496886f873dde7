//! `[experiment]`: the name of the question.

use crate::value::{Whole, section};

section! {
    /// What this experiment is called and where it comes from.
    pub struct ExperimentSection {
        /// The name of the experiment and of its folder under `results/`. Letters, digits, `-`,
        /// `_` and `.`.
        #[schemars(required)]
        name: String,
        /// One sentence on the question that this experiment answers. Default: empty.
        description: String,
        /// Where every random draw starts. Default: 42.
        seed: Whole,
        /// Words to find this experiment by. Default: none.
        tags: Vec<String>,
    }
}
