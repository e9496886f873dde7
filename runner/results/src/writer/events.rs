//! From events to rows.

use std::time::{Duration, Instant};

use runner_experiment::listing::{SEPARATOR, Target};
use runner_record::{Answer, EpochRecord, Event, Prediction, SplitRecord};

use super::{Pending, RunWriter};
use crate::scores::{self, calibration};
use crate::tables::{PredictionRow, SplitRow, integer};
use crate::{ResultsError, metrics};

/// What follows each other faster than this is written together. Whoever resumes a run that was killed
/// computes it again.
const PAUSE: Duration = Duration::from_millis(500);

/// Whether what an event follows, and what it adds, may be written with what comes next.
fn can_wait(event: &Event) -> bool {
    matches!(
        event,
        Event::Dataset { .. }
            | Event::Weights { .. }
            | Event::Model { .. }
            | Event::Epoch(_)
            | Event::Features { .. }
            | Event::Kept { .. }
            | Event::Written(_)
            | Event::Evaluated { .. }
    )
}

impl RunWriter {
    /// Writes what an event adds to the tables; most add nothing.
    ///
    /// # Errors
    ///
    /// [`ResultsError`] where a file cannot be written.
    pub fn take(&mut self, event: &Event) -> Result<(), ResultsError> {
        match event {
            Event::Progress { .. } | Event::Kernels { .. } => self.flush_if_due()?,
            event if can_wait(event) => {}
            // A picture, say, is drawn from what the tables hold.
            _ => self.flush()?,
        }
        match event {
            Event::Dataset { images, hash } => {
                let [train, validation, test] = images.map(|count| count.map(integer));
                self.run.train_images = train;
                self.run.validation_images = validation;
                self.run.test_images = test;
                self.run.dataset_hash = Some(hash.clone());
                self.later()
            }
            Event::Splits(rows) => self.divided(rows),
            Event::Model { weights_sha256, parameters } => {
                self.run.weights_sha256.clone_from(weights_sha256);
                self.run.parameters = Some(integer(*parameters));
                self.later()
            }
            Event::Stage { layers, trainable_parameters, .. } => {
                self.run.trainable_parameters = Some(integer(*trainable_parameters));
                self.layers.extend(layers.iter().cloned());
                self.table(self.layers.clone())
            }
            Event::Epoch(record) => self.epoch(record.clone()),
            Event::Kept { global_epoch } => {
                self.run.tested_epoch = Some(integer(*global_epoch));
                self.later()
            }
            Event::Evaluated { split, loss, accuracy, mae, predictions } => {
                self.evaluated(split, (*loss, *accuracy, *mae), predictions)
            }
            _ => Ok(()),
        }
    }

    fn divided(&mut self, rows: &[SplitRecord]) -> Result<(), ResultsError> {
        let group = |row: &SplitRecord| Some((row.path.display().to_string(), row.group.clone()?));
        self.groups = rows.iter().filter_map(group).collect();
        self.table(rows.iter().map(split_row).collect())
    }

    fn epoch(&mut self, row: EpochRecord) -> Result<(), ResultsError> {
        let best = self.run.best_validation_loss;
        if row.validation_loss.is_finite() && best.is_none_or(|best| row.validation_loss < best) {
            self.run.best_epoch = Some(integer(row.global_epoch));
            self.run.best_validation_loss = Some(row.validation_loss);
            self.run.best_validation_accuracy = row.validation_accuracy;
        }
        let images = self.run.train_images.unwrap_or(0) as f64;
        // A run that was resumed right before the validation of an epoch trained nothing.
        if row.images_per_s > 0.0 {
            self.train_seconds += images / row.images_per_s;
        }
        self.epochs.push(row);
        let all = images * self.epochs.len() as f64;
        self.run.images_per_s = Some(all / self.train_seconds);
        self.pending.epochs = true;
        self.later()
    }

    /// The row of the run is written with whatever comes next.
    fn later(&mut self) -> Result<(), ResultsError> {
        self.pending.run = true;
        self.flush_if_due()
    }

    fn flush_if_due(&mut self) -> Result<(), ResultsError> {
        match self.written.is_some_and(|written| written.elapsed() < PAUSE) {
            true => Ok(()),
            false => self.flush(),
        }
    }

    /// Writes what is not written yet.
    pub(super) fn flush(&mut self) -> Result<(), ResultsError> {
        let Pending { epochs, predictions, run } = std::mem::take(&mut self.pending);
        if epochs {
            self.table(self.epochs.clone())?;
        }
        if predictions {
            self.table(self.confusion.clone())?;
            self.table(self.predictions.clone())?;
            self.table(self.scores.clone())?;
            if !self.label_scores.is_empty() {
                self.table(self.label_scores.clone())?;
            }
        }
        if run {
            self.write_run()?;
            self.written = Some(Instant::now());
        }
        Ok(())
    }

    /// A split was measured with the final network.
    fn evaluated(
        &mut self,
        split: &str,
        (loss, accuracy, mae): (f64, Option<f64>, Option<f64>),
        predictions: &[Prediction],
    ) -> Result<(), ResultsError> {
        let row = |prediction| prediction_row(split, &self.run.classes, prediction);
        let mut rows: Vec<PredictionRow> = predictions.iter().map(row).collect();
        rows.sort_by(|a, b| a.path.cmp(&b.path));
        if split == "test" {
            self.run.test_loss = Some(loss);
            self.run.test_accuracy = accuracy;
            self.run.test_mae = mae;
            let binary = metrics::binary(&rows, &self.run.classes).unwrap_or_default();
            self.run.test_auc = binary.auc;
            self.run.test_precision = binary.precision;
            self.run.test_recall = binary.recall;
            self.run.test_f1 = binary.f1;
        }
        self.score(split, &rows);
        self.score_labels(split, &rows);
        if rows.iter().all(|row| row.targets.is_empty()) {
            self.confusion.extend(metrics::confusion(split, &rows, &self.run.classes));
        }
        self.predictions.extend(rows);
        self.pending.predictions = true;
        self.later()
    }
}

impl RunWriter {
    /// What each label comes to; its threshold is that of the validation images.
    fn score_labels(&mut self, split: &str, rows: &[PredictionRow]) {
        let found = scores::labels::each(split, rows, &self.run.classes, &self.label_scores);
        self.label_scores.extend(found);
    }

    /// The scores of a split. The temperature is that of the validation images, which come before those
    /// of the test.
    fn score(&mut self, split: &str, rows: &[PredictionRow]) {
        let classes = &self.run.classes;
        if split == "validation" {
            self.run.temperature = calibration::temperature(rows, classes);
            let temperature = self.run.temperature;
            self.scores.extend(temperature.map(|t| scores::temperature_row(t, rows.len())));
        }
        let temperature = self.run.temperature.filter(|_| split != "train");
        let about =
            scores::About { classes, seed: self.run.seed, groups: &self.groups, temperature };
        let found = scores::of_split(split, rows, &about);
        if split == "test" {
            let row = |name: &str| found.iter().find(|row| row.score == name);
            let value = |name: &str| row(name).map(|row| row.value);
            self.run.test_accuracy_lower = row("accuracy").and_then(|row| row.lower);
            self.run.test_accuracy_upper = row("accuracy").and_then(|row| row.upper);
            self.run.test_balanced_accuracy = value("balanced_accuracy");
            self.run.test_top_5_accuracy = value("top_5_accuracy");
            self.run.test_ece = value("ece");
            self.run.test_calibrated_ece = value("calibrated_ece");
            self.run.test_calibrated_loss = value("calibrated_loss");
            self.run.test_map = value("map");
            self.run.test_r2 = value("r2");
        }
        self.scores.extend(found);
    }
}

fn split_row(record: &SplitRecord) -> SplitRow {
    let SplitRecord { path, label, split, fold, group, image_hash } = record.clone();
    let path = path.display().to_string();
    SplitRow { path, label, split, fold: fold.map(integer), group, image_hash }
}

fn prediction_row(split: &str, classes: &[String], prediction: &Prediction) -> PredictionRow {
    let (label, predicted, correct, targets) = words(&prediction.answer, classes);
    PredictionRow {
        split: split.to_owned(),
        path: prediction.path.display().to_string(),
        label,
        predicted,
        correct,
        loss: prediction.loss,
        logits: prediction.logits.clone(),
        probabilities: prediction.probabilities.clone(),
        targets,
    }
}

/// Label and prediction in words, whether they are the same, and the label as numbers where it is no
/// class.
fn words(answer: &Answer, classes: &[String]) -> (String, String, Option<bool>, Vec<f64>) {
    let name = |class: usize| classes.get(class).cloned().unwrap_or_default();
    match answer {
        Answer::Class { label, predicted } => {
            (name(*label), name(*predicted), Some(label == predicted), Vec::new())
        }
        Answer::Labels { labels, predicted } => {
            let [labels, predicted] = [labels, predicted].map(|l| Target::Labels(l.clone()));
            let is_right = labels == predicted;
            (labels.text(classes), predicted.text(classes), Some(is_right), labels.values())
        }
        Answer::Values { values, predicted } => {
            // What was said stands in full in the logits.
            let said: Vec<String> = predicted.iter().map(|value| format!("{value:.4}")).collect();
            let text = Target::Values(values.clone()).text(classes);
            (text, said.join(SEPARATOR), None, values.clone())
        }
    }
}
