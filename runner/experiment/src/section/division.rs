//! `[dataset] split`: how the images of one folder are divided.

use crate::value::{BelowOne, Seed, section};

/// The word for the newest run that divided its images in the same way.
pub const LAST: &str = "last";
/// The word for no earlier run.
pub const NONE: &str = "none";

section! {
    /// How the images of one folder are divided: by their content, so that neither their names nor
    /// their order matters. Copies of one picture are never in two splits.
    pub struct Division from DivisionSection {
        /// Share of the images that is measured after every epoch; with `folds`, of those outside the
        /// fold.
        validation: BelowOne = 0.2,
        /// Share of the images that is measured once at the end; 0 for none. With `folds` each fold is
        /// the test split of one run, and this key says nothing.
        test: BelowOne = 0.2,
        /// Where the draw starts.
        seed: Seed = 1,
        /// Whether each class is divided by these shares on its own, to within one image. Else each
        /// image is drawn alone: its split depends on nothing but its content and the seed.
        stratify: bool = true,
        /// A column of the table, or a regular expression for the path below the folder. Images with the
        /// same text in that column, or for which the first group of the expression, or the whole match
        /// without one, is the same, stay together. Those that it does not match stand alone.
        group: String [optional],
        /// Where images have been divided before: those keep their split, and new ones fill up. `last`
        /// is the newest run of this experiment that divided in the same way, `none` none; else a run,
        /// or the `splits.parquet` of one.
        from: String = LAST.to_owned(),
    }
}
