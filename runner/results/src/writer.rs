//! A run while it is being written: every table is on disk as soon as its rows are known.

mod events;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use chrono::{DateTime, Utc};

use runner_record::{EpochRecord, LayerRecord};

use crate::load::LoadedRun;
use crate::lock::RunLock;
use crate::run_dir::{RunDir, Starting};
use crate::tables::Row as _;
use crate::tables::{
    self, ArtifactRow, Cell, ConfusionRow, LabelScoreRow, ParamRow, PredictionRow, RunRow,
    ScoreRow, Timestamp,
};
use crate::{ResultsError, atomic};

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
    /// With an error.
    Failed(String),
    /// By a signal.
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

/// What is known and not written yet.
#[derive(Debug, Default)]
struct Pending {
    epochs: bool,
    predictions: bool,
    run: bool,
}

/// Writes the files of one run.
#[derive(Debug)]
pub struct RunWriter {
    dir: RunDir,
    lock: Option<RunLock>,
    /// When this process started, by a monotonic clock.
    begun: Instant,
    /// How long earlier processes worked on the run.
    seconds_before: f64,
    run: RunRow,
    layers: Vec<LayerRecord>,
    epochs: Vec<EpochRecord>,
    predictions: Vec<PredictionRow>,
    confusion: Vec<ConfusionRow>,
    scores: Vec<ScoreRow>,
    label_scores: Vec<LabelScoreRow>,
    /// What images stay together with, by their paths.
    groups: HashMap<String, String>,
    train_seconds: f64,
    /// When tables were written last.
    written: Option<Instant>,
    pending: Pending,
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
            // No half of a run may remain.
            let _ = std::fs::remove_dir_all(&folder);
        })
    }

    /// Reopens a run whose process ended. Its tables stay as they are until its events are replayed.
    ///
    /// # Errors
    ///
    /// [`ResultsError`] where a file cannot be written, another process is working on it, or one
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
            scores: Vec::new(),
            label_scores: Vec::new(),
            groups: HashMap::new(),
            train_seconds: 0.0,
            written: None,
            pending: Pending::default(),
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
        self.table::<ScoreRow>(Vec::new())?;
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

    /// Ends the run: its status is on disk before its lock is released.
    ///
    /// # Errors
    ///
    /// [`ResultsError`] where a file cannot be written.
    pub fn finish(&mut self, end: &End, peak_rss: Option<i64>) -> Result<(), ResultsError> {
        // Where the folder was removed, so was the run; a single table would not restore it.
        if !self.file(RunRow::FILE).is_file() {
            return Err(ResultsError::Vanished { path: self.dir.path.clone() });
        }
        self.pending.run = false;
        self.flush()?;
        let now = Utc::now();
        self.run.status = end.status().to_owned();
        self.run.error = match end {
            End::Failed(reason) => Some(reason.clone()),
            End::Finished | End::Interrupted => None,
        };
        self.run.finished_at = Some(Timestamp(now.timestamp_millis()));
        self.run.peak_rss_bytes = peak_rss;
        self.write_run()?;
        if let Some(lock) = self.lock.take() {
            lock.release(&self.dir.path);
        }
        Ok(())
    }

    /// Also records the time so far, so that a run that is killed has it too.
    fn write_run(&mut self) -> Result<(), ResultsError> {
        self.run.duration_s = Some(self.seconds_before + self.begun.elapsed().as_secs_f64());
        self.table(vec![self.run.clone()])
    }

    fn table<R: tables::Row>(&self, rows: Vec<R>) -> Result<(), ResultsError> {
        tables::write(&self.dir.path, &self.dir.id, rows)
    }
}

#[cfg(test)]
mod tests {
    use runner_record::Event;

    use super::*;
    use crate::tables::{Cell, cell};

    fn row(epoch: usize, validation_loss: f64) -> Event {
        Event::Epoch(EpochRecord {
            stage: "head".to_owned(),
            epoch,
            epochs: 3,
            global_epoch: epoch,
            train_loss: 0.5,
            train_mae: None,
            validation_mae: None,
            train_accuracy: Some(0.75),
            validation_loss,
            validation_accuracy: Some(0.5),
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
        for file in
            ["params", "layers", "epochs", "predictions", "confusion", "scores", "artifacts"]
        {
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
