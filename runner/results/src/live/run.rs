//! One run that is followed: its tables as they were when they last changed.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::{load, lock};

use crate::tables::{self, Cell, Record, cell};

/// Epochs that say how long the next ones take.
const RECENT: usize = 5;

/// What tells one state of a file from another.
type Stamp = Option<(SystemTime, u64)>;

/// One epoch, as far as it is shown.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LiveEpoch {
    /// The stage.
    pub stage: String,
    /// From 1 within the stage.
    pub epoch: i64,
    /// Training and validation loss, in nats.
    pub loss: [f64; 2],
    /// Training and validation accuracy, 0 to 1.
    pub accuracy: [f64; 2],
    /// How long it took, in seconds.
    pub seconds: f64,
}

/// A run that is followed.
#[derive(Debug, Clone, Default)]
pub struct LiveRun {
    /// Its id.
    pub id: String,
    /// The experiment, by its folder.
    pub experiment: String,
    /// Its folder.
    pub path: PathBuf,
    /// `run.parquet`; empty where that cannot be read.
    pub run: Record,
    /// Every epoch so far.
    pub epochs: Vec<LiveEpoch>,
    /// Stages and how many epochs each has at most, by the plan.
    pub planned: Vec<(String, i64)>,
    /// Whether a process is working on it.
    pub held: bool,
    /// When the last epoch ended.
    pub last_epoch: Option<SystemTime>,
    stamps: [Stamp; 2],
}

impl LiveRun {
    /// `None` where there is no run.
    pub(super) fn open(experiment: &str, path: &Path) -> Option<Self> {
        std::fs::symlink_metadata(path.join("run.parquet")).ok()?;
        let id = path.file_name()?.to_string_lossy().into_owned();
        let run = Self { id, experiment: experiment.to_owned(), ..Self::default() };
        let mut run = Self { path: path.to_path_buf(), ..run };
        run.look();
        Some(run)
    }

    /// Reads what changed; whether anything did.
    pub(super) fn look(&mut self) -> bool {
        // In this order: a run writes its last status before it gives its lock back.
        let held = lock::is_held(&self.path);
        let files = ["run.parquet", "epochs.parquet"].map(|name| self.path.join(name));
        let [run, epochs] = [&files[0], &files[1]].map(|path| stamp(path));
        let changed = held != self.held || [run, epochs] != self.stamps;
        if run != self.stamps[0] {
            let rows = tables::read(&files[0]).unwrap_or_default();
            self.run = rows.into_iter().next().unwrap_or_default();
        }
        if epochs != self.stamps[1] {
            // A table that cannot be read shows what it had before.
            self.epochs = tables::read(&files[1]).map_or_else(
                |_| std::mem::take(&mut self.epochs),
                |rows| rows.iter().map(epoch).collect(),
            );
            self.last_epoch = epochs.filter(|_| !self.epochs.is_empty()).map(|(time, _)| time);
        }
        if self.planned.is_empty() && changed {
            self.planned = planned(&self.path);
        }
        (self.held, self.stamps) = (held, [run, epochs]);
        changed
    }

    /// As [`LoadedRun::status`](crate::load::LoadedRun::status).
    #[must_use]
    pub fn status(&self) -> &str {
        load::status(self.get("status"), self.held)
    }

    /// Whether it is at work.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.status() == "running"
    }

    /// A column of `run.parquet`.
    #[must_use]
    pub fn get(&self, column: &str) -> &Cell {
        cell::get(&self.run, column)
    }

    /// The stage of the last epoch, that epoch, and how many the stage has at most; before the first
    /// epoch of all, 0 of those of every stage.
    #[must_use]
    pub fn progress(&self) -> (&str, i64, i64) {
        let Some(last) = self.epochs.last() else {
            return ("", 0, self.planned.iter().map(|(_, epochs)| epochs).sum());
        };
        let planned = self.planned.iter().find(|(stage, _)| *stage == last.stage);
        (&last.stage, last.epoch, planned.map_or(last.epoch, |(_, epochs)| *epochs))
    }

    /// The epoch with the lowest validation loss, counted over all stages from 1.
    #[must_use]
    pub fn best(&self) -> Option<(usize, &LiveEpoch)> {
        let losses = self.epochs.iter().enumerate().filter(|(_, epoch)| epoch.loss[1].is_finite());
        let best = losses.min_by(|a, b| a.1.loss[1].total_cmp(&b.1.loss[1]));
        best.map(|(index, epoch)| (index + 1, epoch))
    }

    /// Seconds since the start; for one that ended, how long it was at work, where it is known.
    #[must_use]
    pub fn elapsed(&self, now: SystemTime) -> Option<f64> {
        if !self.is_running() {
            return self.get("duration_s").as_f64();
        }
        let Cell::Time(started) = self.get("started_at") else { return None };
        let now = now.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs_f64();
        Some((now - *started as f64 / 1e3).max(0.0))
    }

    /// Seconds until the last epoch of the plan is done, as the last epochs went; early stopping makes
    /// it less. `None` where it does not run or no epoch is done.
    #[must_use]
    pub fn left(&self, now: SystemTime) -> Option<f64> {
        let (stage, done, of) = self.progress();
        let recent = self.epochs.iter().rev().take_while(|epoch| epoch.stage == stage).take(RECENT);
        let seconds: Vec<f64> =
            recent.map(|epoch| epoch.seconds).filter(|s| s.is_finite()).collect();
        if !self.is_running() || seconds.is_empty() {
            return None;
        }
        let each = seconds.iter().sum::<f64>() / seconds.len() as f64;
        let begun = |name: &str| self.epochs.iter().any(|epoch| epoch.stage == name);
        let later = self.planned.iter().filter(|(name, _)| !begun(name));
        let epochs = (of - done).max(0) + later.map(|(_, epochs)| epochs).sum::<i64>();
        let since = self.last_epoch.and_then(|last| now.duration_since(last).ok());
        let spent = since.map_or(0.0, |since| since.as_secs_f64()).min(each);
        Some((epochs as f64 * each - spent).max(0.0))
    }
}

fn stamp(path: &Path) -> Stamp {
    let about = std::fs::metadata(path).ok()?;
    Some((about.modified().ok()?, about.len()))
}

fn epoch(row: &Record) -> LiveEpoch {
    let number = |name| cell::get(row, name).as_f64().unwrap_or(f64::NAN);
    LiveEpoch {
        stage: cell::get(row, "stage").as_str().unwrap_or_default().to_owned(),
        epoch: cell::get(row, "epoch").as_f64().unwrap_or_default() as i64,
        loss: [number("train_loss"), number("validation_loss")],
        accuracy: [number("train_accuracy"), number("validation_accuracy")],
        seconds: number("duration_s"),
    }
}

/// `stage.<name>.epochs` of the plan, in the order of the table.
fn planned(run: &Path) -> Vec<(String, i64)> {
    let rows = tables::read(&run.join("params.parquet")).unwrap_or_default();
    let planned = rows.iter().filter_map(|row| {
        let key = cell::get(row, "key").as_str()?;
        let stage = key.strip_prefix("stage.")?.strip_suffix(".epochs")?;
        let epochs = cell::get(row, "value").as_str()?.parse().ok()?;
        Some((stage.to_owned(), epochs))
    });
    planned.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn what_is_left_follows_the_last_epochs_and_the_plan() {
        let epoch = |stage: &str, epoch, loss, seconds| LiveEpoch {
            stage: stage.to_owned(),
            epoch,
            loss: [0.5, loss],
            accuracy: [0.8, 0.9],
            seconds,
        };
        let text = |text: &str| Cell::Text(text.to_owned());
        let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000);
        let mut run = LiveRun {
            run: vec![
                ("status".to_owned(), text("running")),
                ("started_at".to_owned(), Cell::Time(900_000)),
            ],
            planned: vec![("block5".to_owned(), 4), ("head".to_owned(), 10)],
            held: true,
            ..LiveRun::default()
        };
        assert_eq!((run.progress(), run.left(start)), (("", 0, 14), None));
        run.epochs = vec![
            epoch("head", 1, 0.7, 100.0),
            epoch("head", 2, f64::NAN, 2.0),
            epoch("head", 3, 0.6, 4.0),
        ];
        run.last_epoch = Some(start - Duration::from_secs(1));
        assert_eq!(run.progress(), ("head", 3, 10));
        assert_eq!(run.best().map(|(number, _)| number), Some(3));
        // Seven epochs of the head and four of block5 at (100 + 2 + 4) / 3 s, less the second since.
        let left = run.left(start).unwrap_or_default();
        assert!((left - (11.0 * 106.0 / 3.0 - 1.0)).abs() < 1e-9, "{left}");
        assert_eq!(run.elapsed(start), Some(100.0));
        run.held = false;
        assert_eq!((run.status(), run.left(start)), ("interrupted", None));
    }
}
