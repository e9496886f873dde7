//! A run while it is being written: every table is on disk as soon as its rows are known.

use std::path::{Path, PathBuf};
use std::time::Instant;

use chrono::{DateTime, Utc};

use runner_record::{EpochRecord, Event, LayerRecord, Prediction};

use crate::load::LoadedRun;
use crate::lock::RunLock;
use crate::run_dir::{RunDir, Starting};
use crate::tables::Row as _;
use crate::tables::{
    self, ArtifactRow, Cell, ConfusionRow, ParamRow, PredictionRow, RunRow, Timestamp, integer,
};
use crate::{ResultsError, atomic, metrics};

/// What is known before a run starts.
#[derive(Debug, Clone, Default)]
pub struct Start {
    /// Everything of `run.parquet` that is known by then.
    pub run: RunRow,
    /// Every entry of the plan.
    pub params: Vec<(String, String)>,
    /// The experiment file as given.
    pub experiment_toml: String,
    /// The plan as an experiment file.
    pub plan_toml: String,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// As planned.
    Finished,
    /// Why not.
    Failed(String),
    /// Somebody asked it to stop.
    Interrupted,
}

impl End {
    /// The word in `run.parquet`.
    #[must_use]
    pub fn status(&self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::Failed(_) => "failed",
            Self::Interrupted => "interrupted",
        }
    }
}

/// Writes the files of one run.
#[derive(Debug)]
pub struct RunWriter {
    dir: RunDir,
    lock: Option<RunLock>,
    /// Since when this process is at work, by a clock that nobody sets.
    begun: Instant,
    /// How long earlier processes were at work.
    seconds_before: f64,
    run: RunRow,
    layers: Vec<LayerRecord>,
    epochs: Vec<EpochRecord>,
    predictions: Vec<PredictionRow>,
    confusion: Vec<ConfusionRow>,
    train_seconds: f64,
}

impl RunWriter {
    /// Makes the run's folder and writes what is known; the run appears whole or not at all.
    ///
    /// # Errors
    ///
    /// [`ResultsError`] where a file cannot be written.
    pub fn create(results: &Path, start: Start) -> Result<Self, ResultsError> {
        let started = Utc::now();
        let Start { run, params, experiment_toml, plan_toml } = start;
        let starting = Starting::create(results, &run.experiment, &run.fingerprint, started)?;
        let folder = starting.path.clone();
        let attempt = || {
            let lock = RunLock::take_new(&folder)?;
            let dir = RunDir { id: starting.id.clone(), path: folder.clone() };
            let mut writer = Self::begun(dir, lock, started, run);
            writer.write_start(params, &experiment_toml, &plan_toml)?;
            writer.dir = starting.finish()?;
            Ok(writer)
        };
        attempt().inspect_err(|_| {
            // A run is there whole or not at all.
            let _ = std::fs::remove_dir_all(&folder);
        })
    }

    /// Goes on in the folder of a run whose process ended. Its tables stay as they are until
    /// whoever knows what was in them says it again.
    ///
    /// # Errors
    ///
    /// [`ResultsError`] where a file cannot be written, another process is at work there, or one
    /// finished the run meanwhile.
    pub fn reopen(run: &LoadedRun, start: RunRow) -> Result<Self, ResultsError> {
        let dir = RunDir { id: run.id.clone(), path: run.path.clone() };
        let lock = RunLock::take(&dir.path)?;
        let run = run.again();
        if run.status() == "finished" {
            return Err(ResultsError::Finished { run: run.id });
        }
        atomic::sweep(&dir.path);
        let began = match run.get("started_at") {
            Cell::Time(moment) => DateTime::from_timestamp_millis(*moment),
            _ => None,
        };
        let mut writer = Self::begun(dir, lock, began.unwrap_or_else(Utc::now), start);
        writer.seconds_before = run.get("duration_s").as_f64().unwrap_or(0.0).max(0.0);
        writer.write_run()?;
        Ok(writer)
    }

    fn begun(dir: RunDir, lock: RunLock, started: DateTime<Utc>, run: RunRow) -> Self {
        Self {
            dir,
            lock: Some(lock),
            begun: Instant::now(),
            seconds_before: 0.0,
            run: RunRow {
                status: "running".to_owned(),
                started_at: Some(Timestamp(started.timestamp_millis())),
                ..run
            },
            layers: Vec::new(),
            epochs: Vec::new(),
            predictions: Vec::new(),
            confusion: Vec::new(),
            train_seconds: 0.0,
        }
    }

    fn write_start(
        &mut self,
        params: Vec<(String, String)>,
        experiment: &str,
        plan: &str,
    ) -> Result<(), ResultsError> {
        atomic::write(&self.dir.file("experiment.toml"), experiment.as_bytes())?;
        atomic::write(&self.dir.file("plan.toml"), plan.as_bytes())?;
        let params: Vec<ParamRow> =
            params.into_iter().map(|(key, value)| ParamRow { key, value }).collect();
        self.table(params)?;
        self.table::<LayerRecord>(Vec::new())?;
        self.table::<EpochRecord>(Vec::new())?;
        self.table::<PredictionRow>(Vec::new())?;
        self.table::<ConfusionRow>(Vec::new())?;
        self.table::<ArtifactRow>(Vec::new())?;
        self.write_run()
    }

    /// The run's id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.dir.id
    }

    /// The run's folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.dir.path
    }

    /// A file in the run's folder.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.dir.file(name)
    }

    /// `run.parquet` as it stands.
    #[must_use]
    pub fn run(&self) -> &RunRow {
        &self.run
    }

    /// The last epoch, once there is one.
    #[must_use]
    pub fn last_epoch(&self) -> Option<&EpochRecord> {
        self.epochs.last()
    }

    /// Writes what an event says; most say nothing that belongs into these tables.
    ///
    /// # Errors
    ///
    /// [`ResultsError`] where a file cannot be written.
    pub fn take(&mut self, event: &Event) -> Result<(), ResultsError> {
        match event {
            Event::Dataset { images, hash } => {
                let [train, validation, test] = images.map(|count| count.map(integer));
                self.run.train_images = train;
                self.run.validation_images = validation;
                self.run.test_images = test;
                self.run.dataset_hash = Some(hash.clone());
                self.write_run()
            }
            Event::Model { weights_sha256, parameters } => {
                self.run.weights_sha256.clone_from(weights_sha256);
                self.run.parameters = Some(integer(*parameters));
                self.write_run()
            }
            Event::Stage { layers, trainable_parameters, .. } => {
                self.run.trainable_parameters = Some(integer(*trainable_parameters));
                self.layers.extend(layers.iter().cloned());
                self.table(self.layers.clone())
            }
            Event::Epoch(record) => self.epoch(record.clone()),
            Event::Kept { global_epoch } => {
                self.run.tested_epoch = Some(integer(*global_epoch));
                self.write_run()
            }
            Event::Evaluated { split, loss, accuracy, predictions } => {
                self.evaluated(split, (*loss, *accuracy), predictions)
            }
            _ => Ok(()),
        }
    }

    fn epoch(&mut self, row: EpochRecord) -> Result<(), ResultsError> {
        let best = self.run.best_validation_loss;
        if row.validation_loss.is_finite() && best.is_none_or(|best| row.validation_loss < best) {
            self.run.best_epoch = Some(integer(row.global_epoch));
            self.run.best_validation_loss = Some(row.validation_loss);
            self.run.best_validation_accuracy = Some(row.validation_accuracy);
        }
        let images = self.run.train_images.unwrap_or(0) as f64;
        // Nothing was trained where a run went on right before an epoch's validation.
        if row.images_per_s > 0.0 {
            self.train_seconds += images / row.images_per_s;
        }
        self.epochs.push(row);
        let all = images * self.epochs.len() as f64;
        self.run.images_per_s = Some(all / self.train_seconds);
        self.table(self.epochs.clone())?;
        self.write_run()
    }

    /// A split was measured with the final network.
    fn evaluated(
        &mut self,
        split: &str,
        (loss, accuracy): (f64, f64),
        predictions: &[Prediction],
    ) -> Result<(), ResultsError> {
        let row = |prediction| prediction_row(split, &self.run.classes, prediction);
        let mut rows: Vec<PredictionRow> = predictions.iter().map(row).collect();
        rows.sort_by(|a, b| a.path.cmp(&b.path));
        if split == "test" {
            self.run.test_loss = Some(loss);
            self.run.test_accuracy = Some(accuracy);
            let binary = metrics::binary(&rows, &self.run.classes).unwrap_or_default();
            self.run.test_auc = binary.auc;
            self.run.test_precision = binary.precision;
            self.run.test_recall = binary.recall;
            self.run.test_f1 = binary.f1;
        }
        self.confusion.extend(metrics::confusion(split, &rows, &self.run.classes));
        self.table(self.confusion.clone())?;
        self.predictions.extend(rows);
        self.table(self.predictions.clone())?;
        self.write_run()
    }

    /// The run is over: its status is on disk before its lock is given back.
    ///
    /// # Errors
    ///
    /// [`ResultsError`] where a file cannot be written.
    pub fn finish(&mut self, end: &End, peak_rss: Option<i64>) -> Result<(), ResultsError> {
        let now = Utc::now();
        self.run.status = end.status().to_owned();
        self.run.error = match end {
            End::Failed(reason) => Some(reason.clone()),
            End::Finished | End::Interrupted => None,
        };
        self.run.finished_at = Some(Timestamp(now.timestamp_millis()));
        self.run.peak_rss_bytes = peak_rss;
        // Whoever removed the folder removed the run; a table alone would not bring it back.
        if !self.file(RunRow::FILE).is_file() {
            return Err(ResultsError::Vanished { path: self.dir.path.clone() });
        }
        self.write_run()?;
        if let Some(lock) = self.lock.take() {
            lock.release(&self.dir.path);
        }
        Ok(())
    }

    /// With the time at work until now, so that a run that is killed has it too.
    fn write_run(&mut self) -> Result<(), ResultsError> {
        self.run.duration_s = Some(self.seconds_before + self.begun.elapsed().as_secs_f64());
        self.table(vec![self.run.clone()])
    }

    fn table<R: tables::Row>(&self, rows: Vec<R>) -> Result<(), ResultsError> {
        tables::write(&self.dir.path, &self.dir.id, rows)
    }
}

fn prediction_row(split: &str, classes: &[String], prediction: &Prediction) -> PredictionRow {
    let name = |class: usize| classes.get(class).cloned().unwrap_or_default();
    PredictionRow {
        split: split.to_owned(),
        path: prediction.path.display().to_string(),
        label: name(prediction.label),
        predicted: name(prediction.predicted),
        correct: prediction.label == prediction.predicted,
        loss: prediction.loss,
        logits: prediction.logits.clone(),
        probabilities: prediction.probabilities.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::{Cell, cell};

    fn row(epoch: usize, validation_loss: f64) -> Event {
        Event::Epoch(EpochRecord {
            stage: "head".to_owned(),
            epoch,
            epochs: 3,
            global_epoch: epoch,
            train_loss: 0.5,
            train_accuracy: 0.75,
            validation_loss,
            validation_accuracy: 0.5,
            learning_rate: 2e-5,
            duration_s: 1.5,
            images_per_s: 50.0,
            waiting_s: 0.25,
        })
    }

    #[test]
    fn every_table_is_there_from_the_start_and_tells_the_truth()
    -> Result<(), Box<dyn std::error::Error>> {
        let results = tempfile::tempdir()?;
        let run = RunRow {
            experiment: "a".to_owned(),
            fingerprint: "0123456789".to_owned(),
            classes: vec!["cats".to_owned(), "dogs".to_owned()],
            ..RunRow::default()
        };
        let mut writer = RunWriter::create(results.path(), Start { run, ..Start::default() })?;
        let path = writer.file("run.parquet");
        let status = |path: &Path| -> Result<Cell, ResultsError> {
            Ok(cell::get(&tables::read(path)?[0], "status").clone())
        };
        for file in ["params", "layers", "epochs", "predictions", "confusion", "artifacts"] {
            assert_eq!(tables::read(&writer.file(&format!("{file}.parquet")))?.len(), 0);
        }
        assert_eq!(status(&path)?, Cell::Text("running".to_owned()));
        let images = [Some(100), Some(10), None];
        writer.take(&Event::Dataset { images, hash: "hash".to_owned() })?;
        for (epoch, loss) in [(1, 0.5), (2, 0.25), (3, f64::NAN)] {
            writer.take(&row(epoch, loss))?;
        }
        writer.finish(&End::Failed("the loss became NaN".to_owned()), Some(1))?;
        let run = &tables::read(&path)?[0];
        assert_eq!(cell::get(run, "best_epoch"), &Cell::Integer(2));
        assert_eq!(cell::get(run, "images_per_s"), &Cell::Float(50.0));
        assert_eq!(cell::get(run, "error").as_str(), Some("the loss became NaN"));
        let classes = [Cell::Text("cats".to_owned()), Cell::Text("dogs".to_owned())];
        assert_eq!(cell::get(run, "classes"), &Cell::List(classes.to_vec()));
        assert!(matches!(cell::get(run, "finished_at"), Cell::Time(_)));
        Ok(())
    }
}
