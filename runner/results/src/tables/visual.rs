//! The tables of visualize jobs. Names and order of the columns are a contract with scripts.

use super::row::table;

table! {
    /// One row per job, photo and layer: how sparse its output is.
    pub struct ActivationRow => "activations.parquet" {
        /// The job that asked.
        job: String,
        /// The photo.
        image: String,
        /// The layer.
        layer: String,
        /// How many channels it has.
        channels: i64,
        /// How many of them are zero everywhere.
        dead: i64,
        /// The share of these.
        dead_share: f64,
        /// The share of all values that are zero.
        sparsity: f64,
        /// The mean of all values.
        mean: f64,
        /// The largest value.
        largest: f64,
    }
}

table! {
    /// One row per step of gradient ascent.
    pub struct FilterRow => "filters.parquet" {
        /// The job that asked.
        job: String,
        /// The layer.
        layer: String,
        /// The filter, from 0.
        filter: i64,
        /// The step, from 1.
        step: i64,
        /// The mean of the filter's map before the step.
        loss: f64,
    }
}

table! {
    /// One row per score of a heatmap.
    pub struct FaithfulnessRow => "faithfulness.parquet" {
        /// The job that asked.
        job: String,
        /// How the map was made.
        method: String,
        /// The photo.
        image: String,
        /// deletion, insertion, road, average_drop or increase.
        score: String,
        /// Its value.
        value: f64,
    }
}

table! {
    /// One row per image of an embedding.
    pub struct EmbeddingRow => "embeddings.parquet" {
        /// The job that asked.
        job: String,
        /// How it came into the plane: pca or tsne.
        method: String,
        /// The layer whose output is shown.
        layer: String,
        /// `train`, `validation` or `test`.
        split: String,
        /// The photo.
        image: String,
        /// Its class.
        label: String,
        /// Where it is, to the right.
        x: f64,
        /// Where it is, upwards.
        y: f64,
    }
}

table! {
    /// One row per picture.
    pub struct ArtifactRow => "artifacts.parquet" {
        /// The job that drew it.
        job: String,
        /// The layer it shows.
        layer: Option<String>,
        /// The filter it shows.
        filter: Option<i64>,
        /// The image it was made from.
        image: Option<String>,
        /// The class it explains.
        target: Option<String>,
        /// The file, relative to the run's folder.
        path: String,
        /// SHA-256 of the file.
        sha256: String,
        /// Width in pixels.
        width: i64,
        /// Height in pixels.
        height: i64,
        /// A number that goes with it: the class's probability, the final loss, or t-SNE's
        /// divergence in nats.
        value: Option<f64>,
    }
}
