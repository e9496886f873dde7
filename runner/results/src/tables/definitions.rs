//! The tables of a run. Names and order of the columns are a contract with scripts.

use runner_record::{EpochRecord, LayerRecord};

use super::column::Timestamp;
use super::row::{columns, table};

table! {
    /// One row per run.
    #[derive(Default)]
    pub struct RunRow => "run.parquet" {
        /// The name of the experiment.
        experiment: String,
        /// running, finished, failed or interrupted.
        status: String,
        /// Why it failed.
        error: Option<String>,
        /// When it started, UTC.
        started_at: Option<Timestamp>,
        /// When it ended, UTC.
        finished_at: Option<Timestamp>,
        /// From start to end, in seconds.
        duration_s: Option<f64>,
        /// Where random draws started.
        seed: i64,
        /// Names of the classes, sorted; with two, the second is the positive one.
        classes: Vec<String>,
        /// cpu, or the kind of the GPU with its number: cuda:0, vulkan:0.
        device: String,
        /// What products were computed in: f32, tf32 or bf16.
        precision: String,
        /// BLAKE3 of the plan without names, output paths and device.
        fingerprint: String,
        /// SHA-256 of the pretrained tensors; null for random ones.
        weights_sha256: Option<String>,
        /// BLAKE3 of splits, classes and image contents.
        dataset_hash: Option<String>,
        /// Commit of the working directory.
        git_commit: Option<String>,
        /// Whether it had uncommitted changes.
        git_dirty: Option<bool>,
        /// Version of this program.
        runner_version: String,
        /// Images used for training.
        train_images: Option<i64>,
        /// Images used for validation.
        validation_images: Option<i64>,
        /// Images used for the test.
        test_images: Option<i64>,
        /// Values in the network.
        parameters: Option<i64>,
        /// Values that the last stage trained.
        trainable_parameters: Option<i64>,
        /// Epoch with the lowest validation loss, counted over all stages from 1.
        best_epoch: Option<i64>,
        /// Validation loss of that epoch, in nats.
        best_validation_loss: Option<f64>,
        /// Validation accuracy of that epoch, 0 to 1.
        best_validation_accuracy: Option<f64>,
        /// Mean cross-entropy of the final network on the test images, in nats.
        test_loss: Option<f64>,
        /// Share of test images classified correctly by the final network, 0 to 1.
        test_accuracy: Option<f64>,
        /// Training images per second over all epochs, validation aside.
        images_per_s: Option<f64>,
        /// Largest resident memory of the process, in bytes.
        peak_rss_bytes: Option<i64>,
        /// Epoch that the tested parameters are of, counted over all stages from 1.
        tested_epoch: Option<i64>,
        /// With two classes: area under the curve of true against false positives on the test images.
        test_auc: Option<f64>,
        /// With two classes: share of the test images called positive that are; null where none is.
        test_precision: Option<f64>,
        /// With two classes: share of the positive test images that are called so.
        test_recall: Option<f64>,
        /// With two classes: harmonic mean of precision and recall.
        test_f1: Option<f64>,
        /// The sweep that the run is a member of: the name of its folder under `sweeps/`.
        sweep: Option<String>,
        /// What tells it from the other members: `learning_rate=1e-5, seed=2`.
        member: Option<String>,
        /// What its maker calls the device.
        device_name: Option<String>,
        /// The lower end of the 95% interval of the test accuracy, by the bootstrap over its images.
        test_accuracy_lower: Option<f64>,
        /// The upper end.
        test_accuracy_upper: Option<f64>,
        /// Mean recall of the classes on the test images.
        test_balanced_accuracy: Option<f64>,
        /// With more than five classes: share of test images whose class is among the five most
        /// probable ones.
        test_top_5_accuracy: Option<f64>,
        /// Expected calibration error on the test images, 15 bins.
        test_ece: Option<f64>,
        /// What logits are divided by so that probabilities fit the validation images best.
        temperature: Option<f64>,
        /// `test_ece` after that.
        test_calibrated_ece: Option<f64>,
        /// `test_loss` after that.
        test_calibrated_loss: Option<f64>,
        /// With several labels: mean over the labels of the average precision on the test images.
        test_map: Option<f64>,
        /// With numbers: mean absolute error on the test images, in their unit.
        test_mae: Option<f64>,
        /// With numbers: share of their variance on the test images that is explained (R²).
        test_r2: Option<f64>,
    }
}

table! {
    /// One row per member of a sweep and comparison; one per member where none ends early.
    #[derive(Default)]
    pub struct SweepRow => "sweep.parquet" {
        /// The number of the member, from 1.
        member: i64,
        /// What tells it from the others.
        name: String,
        /// The same without its seed.
        setting: String,
        /// BLAKE3 of its plan.
        fingerprint: String,
        /// Its run; null where it has none yet.
        run_id: Option<String>,
        /// waiting, running, finished, failed, interrupted, or stopped: ended early by halving.
        status: String,
        /// Why it failed.
        error: Option<String>,
        /// The number of the comparison, from 1; null where none has been.
        rung: Option<i64>,
        /// Epochs after which the members were compared.
        epochs: Option<i64>,
        /// What they were compared by.
        monitor: Option<String>,
        /// Its value; null for a member without one.
        value: Option<f64>,
        /// The place of its setting, from 1, the best first.
        rank: Option<i64>,
        /// Whether it went on.
        kept: Option<bool>,
    }
}

table! {
    /// One row per entry of the plan.
    pub struct ParamRow => "params.parquet" {
        /// Dotted key, stages by name.
        key: String,
        /// Its value as text.
        value: String,
    }
}

table! {
    /// One row: what people say about the run. Written by `runner tag` and `runner note`.
    #[derive(Default)]
    pub struct LabelRow => "labels.parquet" {
        /// Words to find it by, besides `experiment.tags` of its plan.
        tags: Vec<String>,
        /// What is worth remembering.
        note: Option<String>,
    }
}

// One row per stage and layer.
columns!(LayerRecord => "layers.parquet" {
    stage: String,
    layer: String,
    kind: String,
    output_shape: String,
    parameters: usize,
    trainable: bool,
});

// One row per stage and epoch.
columns!(EpochRecord => "epochs.parquet" {
    stage: String,
    epoch: usize,
    global_epoch: usize,
    train_loss: f64,
    train_accuracy: Option<f64>,
    validation_loss: f64,
    validation_accuracy: Option<f64>,
    learning_rate: f64,
    duration_s: f64,
    images_per_s: f64,
    waiting_s: f64,
    train_mae: Option<f64>,
    validation_mae: Option<f64>,
});

table! {
    /// One row per image and split, by the final network.
    #[derive(Default)]
    pub struct PredictionRow => "predictions.parquet" {
        /// train, validation or test.
        split: String,
        /// The file.
        path: String,
        /// The class it belongs to; labels, or numbers, with | between them.
        label: String,
        /// The most probable class; the labels that are more probable than not, or the numbers.
        predicted: String,
        /// Whether the two are the same; null for numbers.
        correct: Option<bool>,
        /// Cross-entropy, in nats, of labels their mean; of numbers the loss of the head.
        loss: f64,
        /// What the network says before the softmax, one per class, in the order of `classes` in
        /// run.parquet. Two classes have one output, that of the second; the first has 0.
        logits: Vec<f64>,
        /// One per class or label, in the order of `classes` in run.parquet; none for numbers.
        probabilities: Vec<f64>,
        /// 1 for each label that the image has, else 0; or the numbers that it is labelled with. None
        /// for classes.
        targets: Vec<f64>,
    }
}

table! {
    /// One row per image of a folder that was divided.
    pub struct SplitRow => "splits.parquet" {
        /// The file.
        path: String,
        /// The class it belongs to.
        label: String,
        /// train, validation or test.
        split: String,
        /// The fold it is in, from 1; null where there are no folds.
        fold: Option<i64>,
        /// What it stays together with, by `dataset.split.group`.
        group: Option<String>,
        /// BLAKE3 of its bytes.
        image_hash: String,
    }
}

table! {
    /// One row per image and setting of a cross-validation, by the run whose test split it was in.
    pub struct OutOfFoldRow => "out_of_fold.parquet" {
        /// That run.
        run_id: String,
        /// What tells it from the others, fold and seed aside; empty where there is one setting.
        setting: String,
        /// Where its random draws started.
        seed: i64,
        /// Its fold, from 1.
        fold: i64,
        /// The file.
        path: String,
        /// The class it belongs to; labels, or numbers, with | between them.
        label: String,
        /// The most probable class; the labels that are more probable than not, or the numbers.
        predicted: String,
        /// Whether the two are the same; null for numbers.
        correct: Option<bool>,
        /// Cross-entropy, in nats.
        loss: f64,
        /// One per class, in the order of `classes` in run.parquet.
        probabilities: Vec<f64>,
        /// 0 or 1 per label, or the numbers; none for classes.
        targets: Vec<f64>,
        /// What the network says before softmax or sigmoid; the numbers, where those were learned.
        logits: Vec<f64>,
    }
}

table! {
    /// One row per image that `predict` was asked about.
    pub struct PredictedRow => "predicted.parquet" {
        /// The file.
        path: String,
        /// The most probable class; the labels above their thresholds, or the numbers.
        predicted: String,
        /// Its probability; that of the most probable label; null for numbers.
        probability: Option<f64>,
        /// One per class, in the order of `classes` in run.parquet.
        probabilities: Vec<f64>,
        /// The numbers, where those were learned.
        values: Vec<f64>,
    }
}

table! {
    /// One row per split, class and prediction: how often the one was taken for the other.
    pub struct ConfusionRow => "confusion.parquet" {
        /// train, validation or test.
        split: String,
        /// The class that the images belong to.
        label: String,
        /// The class that they were taken for.
        predicted: String,
        /// How many images.
        images: i64,
        /// Share of the images of that class; where the two are the same, the recall of the class.
        share: f64,
    }
}
