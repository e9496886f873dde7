//! Why two sides cannot be compared.

/// What the user asked for does not go together.
#[derive(Debug, thiserror::Error)]
pub enum DiffError {
    /// Folds where they say nothing.
    #[error(transparent)]
    Folds(#[from] FoldsError),
    /// Only finished runs have something to compare.
    #[error("run {run} is {status}; only finished runs can be compared{}", advice(status))]
    NotFinished {
        /// Its id.
        run: String,
        /// running, failed, interrupted or unreadable.
        status: String,
    },
    /// An experiment without a finished run.
    #[error("no run of {experiment} is finished")]
    NoneFinished {
        /// The experiment.
        experiment: String,
    },
    /// A list without a name in it.
    #[error(
        "`{text}` names no run; a side is a run, an experiment, or several with commas between"
    )]
    NoName {
        /// What was asked for.
        text: String,
    },
    /// A group whose runs differ in more than their seeds.
    #[error(
        "the runs of `{side}` differ in more than their seed or fold, so they are no group: {}\n\
         name runs of one setting with commas between them (`runner diff RUN,RUN RUN,RUN`); \
         `runner compare` shows which run has which",
        differences.join("; ")
    )]
    NotOneSetting {
        /// The side as it was asked for.
        side: String,
        /// Parameters with their values.
        differences: Vec<String>,
    },
    /// One run twice.
    #[error("run {run} is on both sides; there is nothing to compare it with")]
    OnBothSides {
        /// Its id.
        run: String,
    },
    /// No predictions to compare.
    #[error("run {run} has no predictions on {split} images{}", other_split(split))]
    NoPredictions {
        /// Its id.
        run: String,
        /// test or validation.
        split: String,
    },
    /// Numbers are neither right nor wrong.
    #[error(
        "run {run} learned numbers, and what is compared are right and wrong answers; `runner compare` \
         shows errors side by side"
    )]
    Numbers {
        /// Its id.
        run: String,
    },
    /// The classes differ.
    #[error("{a} and {b} have other classes: {} and {}", a_classes.join(", "), b_classes.join(", "))]
    OtherClasses {
        /// One run.
        a: String,
        /// Its classes.
        a_classes: Vec<String>,
        /// Another run.
        b: String,
        /// Its classes.
        b_classes: Vec<String>,
    },
    /// The images differ.
    #[error(
        "{runs} have other {split} images, so their scores cannot be compared: they share {shared} of \
         {} and {}\nhashes of the data sets: {hashes}\n\
         give both the same {split} images and run them again; `runner compare` lists scores as they are",
        images[0],
        images[1]
    )]
    OtherImages {
        /// Both runs.
        runs: String,
        /// test or validation.
        split: String,
        /// Images of one path and label.
        shared: usize,
        /// Images of each.
        images: [usize; 2],
        /// `dataset_hash` of each.
        hashes: String,
    },
}

/// Folds where no folds can be put together.
#[derive(Debug, thiserror::Error)]
pub enum FoldsError {
    /// Every image validates beside some folds and is trained on beside others.
    #[error(
        "`{side}` has several folds, and an image validates beside some of them and is trained on beside \
         others; leave out `--split validation`: each image is in the test split of one fold"
    )]
    Validation {
        /// The side as it was asked for.
        side: String,
    },
    /// A cross-validation against another kind of split.
    #[error(
        "`{folds}` has several folds, whose test images are all images, and `{other}` is no \
         cross-validation, so that it was trained on most of them; give both `[dataset] folds`, or name \
         one fold"
    )]
    OneSideOnly {
        /// The side with folds.
        folds: String,
        /// The other side.
        other: String,
    },
}

fn advice(status: &str) -> &'static str {
    match status {
        "interrupted" | "failed" => "; `runner run FILE --resume RUN` goes on with it",
        _ => "",
    }
}

fn other_split(split: &str) -> &'static str {
    match split {
        "test" => "; `--split validation` compares on the validation images",
        _ => "",
    }
}
