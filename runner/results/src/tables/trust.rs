//! The tables that say how far scores and labels can be trusted. Names and order of the columns are a
//! contract with scripts.

use super::row::table;

table! {
    /// One row per split and score.
    pub struct ScoreRow => "scores.parquet" {
        /// train, validation or test.
        split: String,
        /// accuracy, balanced_accuracy, top_5_accuracy, loss, ece, calibrated_loss, calibrated_ece, or
        /// temperature, which is fitted to the validation images. Of several labels: accuracy over all of
        /// them, exact_match, map, macro_f1, micro_f1, loss. Of numbers: mae, rmse, r2, loss.
        score: String,
        /// Its value.
        value: f64,
        /// The lower end of its 95% interval; null where there is none.
        lower: Option<f64>,
        /// The upper end.
        upper: Option<f64>,
        /// How many images it is of.
        n: i64,
        /// How many groups were drawn in place of single images; null where images have no groups.
        groups: Option<i64>,
        /// How often the images were drawn for the interval.
        resamples: i64,
    }
}

table! {
    /// One row per split and label, where images have several.
    pub struct LabelScoreRow => "label_scores.parquet" {
        /// train, validation or test.
        split: String,
        /// The label.
        label: String,
        /// How many images have it.
        images: i64,
        /// Area under its curve of precision over recall; null where no image has it.
        average_precision: Option<f64>,
        /// Of the images that are said to have it, the share that do; at a probability above 0.5.
        precision: f64,
        /// Of the images that have it, the share that are said to.
        recall: f64,
        /// Harmonic mean of the two.
        f1: f64,
        /// The probability above which its F1 is highest on the validation images.
        threshold: f64,
        /// Precision at that threshold.
        threshold_precision: f64,
        /// Recall at that threshold.
        threshold_recall: f64,
        /// F1 at that threshold.
        threshold_f1: f64,
    }
}

table! {
    /// One row per image, the most suspicious label first.
    pub struct SuspectRow => "suspects.parquet" {
        /// The job that asked; null beside a sweep.
        job: Option<String>,
        /// What tells the predictions from others of a sweep: its setting and seed; empty in a run.
        setting: String,
        /// Where it is in the order, from 1.
        rank: i64,
        /// train, validation or test; null beside a sweep, where folds take turns.
        split: Option<String>,
        /// The file.
        path: String,
        /// The class it belongs to.
        label: String,
        /// The most probable other class.
        suggested: String,
        /// The probability of its label, by a model that did not see it.
        self_confidence: f64,
        /// That less the probability of the suggested class: from -1, the most suspicious, to 1.
        margin: f64,
        /// The part of the images, from 1, that its model was not trained on; null where there is one
        /// model.
        fold: Option<i64>,
        /// Whether it counts as mislabelled: it is confidently of another class.
        is_issue: bool,
    }
}
