//! Connects the event stream to the run's tables, its log and the terminal.

use std::path::Path;

use runner_data::{Interrupt, decode};
use runner_experiment::Checked;
use runner_experiment::text::shown;
use runner_record::{BadImage, EarlyStop, EpochRecord, Event, Pixels, Reason};
use runner_results::ResultsError;
use runner_results::drawer::{Drawer, JobFailed};
use runner_results::writer::RunWriter;

use crate::before::Before;
use crate::images;
use crate::progress::Counters;
use crate::terminal;

/// Takes events and passes them on. The first table that cannot be written is kept as the error
/// of the run.
pub struct Connection<'a> {
    writer: &'a mut RunWriter,
    drawer: Drawer,
    counters: Counters,
    interrupt: Interrupt,
    /// What comes was said before, by an earlier process.
    replaying: bool,
    /// Whether it was said that features cannot be kept.
    not_kept: bool,
    /// Images left out so far.
    pub skipped: Vec<BadImage>,
    /// Why a table could not be written.
    pub failed: Option<ResultsError>,
    /// The epoch, counted over all stages, after which the run is to pause.
    pause_after: Option<usize>,
    /// Whether it was asked to.
    pub paused: bool,
    /// The run that this one is to repeat.
    pub before: Option<Before>,
}

impl<'a> Connection<'a> {
    /// Nothing seen yet.
    pub fn new(
        writer: &'a mut RunWriter,
        checked: &Checked,
        interrupt: Interrupt,
        pause_after: Option<usize>,
    ) -> Self {
        let jobs = (&checked.plan.visualize[..], &checked.classes[..]);
        let drawer = Drawer::new([writer.folder(); 2], writer.id(), jobs, read_photo);
        Self {
            writer,
            drawer,
            counters: Counters::default(),
            interrupt,
            replaying: false,
            not_kept: false,
            skipped: Vec::new(),
            failed: None,
            pause_after,
            paused: false,
            before: None,
        }
    }

    /// Takes one event.
    pub fn take(&mut self, event: Event) {
        let epoch = match &event {
            Event::Epoch(record) if !self.replaying => Some(record.global_epoch),
            _ => None,
        };
        let written = self.pass_on(event);
        if epoch.zip(self.pause_after).is_some_and(|(epoch, last)| epoch >= last) {
            self.paused = true;
            self.interrupt.request();
        }
        if let Err(error) = written {
            tracing::error!("{error}");
            self.failed.get_or_insert(error);
            // Training on would only compute what cannot be kept.
            self.interrupt.request();
        }
    }

    /// Takes every progress bar away.
    pub fn finish(&mut self) {
        self.counters.clear();
    }

    fn pass_on(&mut self, event: Event) -> Result<(), ResultsError> {
        self.say(&event);
        self.before.iter().for_each(|before| before.look_at(&event));
        self.writer.take(&event)?;
        show_failed(self.drawer.take(event)?);
        Ok(())
    }

    /// On the terminal and in the log.
    fn say(&mut self, event: &Event) {
        match event {
            Event::Progress { phase, done, total } => self.counters.set(phase, *done, *total),
            Event::Kernels { .. } => self.counters.kernels(event),
            Event::Dataset { images, hash } => tracing::info!(?images, hash, "dataset"),
            Event::Splits(rows) => tracing::info!(images = rows.len(), "divided"),
            Event::Skipped(bad) => self.skip(bad),
            Event::Narrow(narrow) => images::show_narrow(narrow),
            Event::Pages(paths) => images::show_pages(paths),
            Event::Duplicates(found) => images::show_duplicates(found),
            Event::Weights { source, notes } => {
                tracing::info!(source, ?notes, "weights");
                terminal::note(&format!("weights of {source}: {}", notes.join("; ")));
            }
            Event::Model { weights_sha256, parameters } => {
                tracing::info!(weights_sha256, parameters, "model");
            }
            Event::Features { .. } => say_features(event),
            Event::NotKept { split, reason } => self.not_kept(split, reason),
            Event::Stage { stage, trainable_parameters, .. } => {
                self.stage(stage, *trainable_parameters);
            }
            Event::Epoch(record) => self.epoch(record),
            Event::EarlyStop(stop) => self.early_stop(stop),
            Event::Replay => self.replaying = true,
            Event::Resumed { stage, epochs, steps } => self.resumed(stage, *epochs, *steps),
            Event::Evaluated { split, loss, accuracy, .. } => {
                tracing::info!(split, loss, accuracy, "evaluated");
            }
            Event::Written(path) => tracing::info!(path = %path.display(), "written"),
            Event::Kept { .. }
            | Event::Drawn { .. }
            | Event::JobFailed { .. }
            | Event::Activations { .. }
            | Event::Filters { .. }
            | Event::Heatmap { .. }
            | Event::Faithfulness { .. }
            | Event::Embedding { .. }
            | Event::OutOfFold { .. } => {}
        }
    }

    /// Said once.
    fn not_kept(&mut self, split: &str, reason: &str) {
        tracing::info!(split, reason, "features are not kept");
        if !std::mem::replace(&mut self.not_kept, true) {
            terminal::warning(&format!("features cannot be kept for later runs: {reason}"));
        }
    }

    fn resumed(&mut self, stage: &str, epochs: usize, steps: usize) {
        self.replaying = false;
        tracing::info!(stage, epochs, steps, "resumed");
        let plural = |count: usize| if count == 1 { "" } else { "s" };
        terminal::note(&format!(
            "stage {stage}: resumes after {epochs} epoch{} and {steps} step{}",
            plural(epochs),
            plural(steps)
        ));
    }

    fn stage(&self, stage: &str, trainable: usize) {
        if !self.replaying {
            tracing::info!(stage, trainable, "stage");
            terminal::note(&format!("stage {stage}: training {trainable} parameters"));
        }
    }

    fn early_stop(&self, stop: &EarlyStop) {
        let EarlyStop { stage, epoch, best_epoch, restored, reason } = stop;
        if !self.replaying {
            tracing::info!(stage, epoch, best_epoch, restored, ?reason, "early stop");
            let late = if *reason == Reason::Minutes { ", time limit reached" } else { "" };
            let best = best_epoch.map_or(String::new(), |best| format!(", best was epoch {best}"));
            let back = if *restored { ", its parameters are back" } else { "" };
            terminal::note(&format!(
                "stage {stage}: stopped after epoch {epoch}{late}{best}{back}"
            ));
        }
    }

    fn epoch(&self, record: &EpochRecord) {
        if self.replaying {
            return;
        }
        tracing::info!(
            stage = record.stage,
            epoch = record.epoch,
            train_loss = record.train_loss,
            validation_loss = record.validation_loss,
            validation_accuracy = record.validation_accuracy,
            duration_s = record.duration_s,
            "epoch"
        );
        terminal::note(&format!(
            "{} epoch {:>width$}/{}: loss {:.4}{}; validation loss {:.4}{}; {:.2} s",
            record.stage,
            record.epoch,
            record.epochs,
            record.train_loss,
            score(record.train_accuracy, record.train_mae),
            record.validation_loss,
            score(record.validation_accuracy, record.validation_mae),
            record.duration_s,
            width = record.epochs.to_string().len(),
        ));
    }

    fn skip(&mut self, bad: &[BadImage]) {
        images::show_skipped(bad);
        for image in bad {
            tracing::info!(path = shown(&image.path), problem = %image.problem, "skipped image");
        }
        self.skipped.extend_from_slice(bad);
    }
}

/// `, accuracy 0.9500`, or what numbers have in its place.
fn score(accuracy: Option<f64>, mae: Option<f64>) -> String {
    match (accuracy, mae) {
        (Some(accuracy), _) => format!(", accuracy {accuracy:.4}"),
        (None, Some(error)) => format!(", mean error {error:.4}"),
        (None, None) => String::new(),
    }
}

/// Takes the events of pictures alone.
pub struct Pictures {
    drawer: Drawer,
    counters: Counters,
    interrupt: Interrupt,
    failed: Option<ResultsError>,
}

impl Pictures {
    /// Nothing seen yet.
    pub fn new(drawer: Drawer, interrupt: Interrupt) -> Self {
        Self { drawer, counters: Counters::default(), interrupt, failed: None }
    }

    /// Takes one event.
    pub fn take(&mut self, event: Event) {
        if let Event::Progress { phase, done, total } = event {
            self.counters.set(&phase, done, total);
            return;
        }
        match self.drawer.take(event) {
            Ok(failed) => show_failed(failed),
            Err(error) => {
                self.failed.get_or_insert(error);
                // What cannot be kept need not be computed.
                self.interrupt.request();
            }
        }
    }

    /// Takes every progress bar away; why a picture could not be written.
    ///
    /// # Errors
    ///
    /// The first one.
    pub fn finish(&mut self) -> Result<(), ResultsError> {
        self.counters.clear();
        self.failed.take().map_or(Ok(()), Err)
    }
}

/// What a visualize job that failed says.
fn show_failed(failed: Option<JobFailed>) {
    if let Some(JobFailed { number, job, reason }) = failed {
        tracing::warn!(number, job, reason, "visualize job failed");
        terminal::warning(&format!("visualize job {number} ({job}) failed: {reason}"));
    }
}

/// A photo for a gallery.
pub fn read_photo(path: &Path) -> Result<Pixels, String> {
    let photo = decode::read(path).and_then(|bytes| decode::decode(&bytes));
    photo.map_err(|problem| problem.to_string())
}

fn say_features(event: &Event) {
    if let Event::Features { split, cached, computed, seconds, model_seconds } = event {
        tracing::info!(split, cached, computed, seconds, model_seconds, "features");
        terminal::note(&format!(
            "features of {split}: {computed} computed, {cached} from the cache, {seconds:.1} s"
        ));
    }
}
